import ArgumentParser
import Colourisation
import CommandSupport
import Core
import Directions
import Foundation

/// `directions colorize`: colours for grey photographs.
struct ColorizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "colorize",
        abstract: "Colour grey photographs.",
        discussion: """
            Tints of the scan are taken away, and each face gets colours: by a network that tells the colours of grey faces, from \
            the generator's face of it (found by its encoder, or by a search that compares greys alone), or from both; --chroma chooses. They are laid \
            under the photograph's own luminance along its edges: seen in grey the result is the photograph, to half a step \
            of 255. Colours that leave the gamut become paler, never clipped. Size and EXIF are kept, and a comment in the file says that the colours are invented.

            Pictures that are there already are left as they are, so that a folder that was stopped goes on; a single one that \
            --out names is made anew. No photograph is written over.

            For example:
              directions colorize grandmother.jpg
              directions colorize album --out coloured --variants 4 --film orthochromatic
              directions colorize grandmother.jpg --out warm.png --palette "#5a3b2a,#c9a27e" --color-strength 0.6
              directions colorize grandmother.jpg --out smile.png --direction smiling --strength 1
            """)

    @Argument(help: "Photographs, and folders of them.") var files: [String]
    @Option(help: "The coloured picture, or the folder for several (default: NAME-colour beside each photograph).")
    var out: String?
    @Option(help: "A picture to write: the first 24 photographs beside what became of them.") var sheet: String?
    @Flag(help: "The photographs are squares of one face in FFHQ's frame already.") var aligned = false
    @Flag(help: "Give the generator's own picture, without the photograph's luminance.") var asGenerated = false
    @Option(help: "Where colours come from: network, generator, or both (default: both where both are there).")
    var chroma: ColourSource?
    @Flag(help: "Leave out the encoder's consultation, which gives the generator's faces the photographs' details.")
    var noConsultation = false
    @Option(help: "How many colourings of each, the likeliest first.") var variants = 1
    @Option(help: "What the film saw: panchromatic, orthochromatic, or blue.") var film = FilmStock.panchromatic
    @Option(help: "What lies around the face: grey, or soft colours.") var surround = PhotographColouring.Surround.soft
    @Option(help: "A picture whose colours are taken, of its face where it shows one.") var colorsOf: String?
    @Option(help: "Colours that are taken, as in \"#5a3b2a,#c9a27e\".") var palette: String?
    @Option(help: "How far those are taken, 0 to 2 (default: 1).") var colorStrength: Float?
    @Option(help: "Directions to apply, as in `edit`.") var direction: String?
    @Option(help: "How far, in sigma; without --direction how far the colours are taken.") var strength: Float?
    @Option(
        help: """
            Seconds at most of the search for a code, which edits (15 at most) and generators without an encoder need.
            """)
    var seconds: Double?
    @Option(help: "Steps at most of that search.") var steps: Int?
    @Option(help: "The seed of the variants.") var seed: UInt64 = 0
    @Option(help: "The generator's name in the workspace.") var generator = "default"
    @OptionGroup var workspace: WorkspaceOption
    @Flag(help: "Print the result as JSON.") var json = false

    private var request: ColorizeRequest {
        var request = ColorizeRequest(files, out: out)
        request.sheet = sheet
        request.isAligned = aligned
        request.isAsGenerated = asGenerated
        (request.source, request.isConsulted) = (chroma, !noConsultation)
        request.variants = variants
        request.film = film
        request.surround = surround
        request.coloursOf = colorsOf
        request.palette = palette.map { $0.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } } ?? []
        request.colourStrength = colorStrength ?? (direction == nil ? strength : nil) ?? 1
        request.directions = direction
        request.strength = strength ?? 1
        request.budget = InversionBudget(steps: steps, seconds: seconds ?? (steps == nil ? 40 : nil))
        request.seed = seed
        request.generator = generator
        return request
    }

    func validate() throws {
        let request = request
        guard palette == nil || !request.palette.isEmpty else {
            throw Failure("palette", "names no colour", "for example #5a3b2a,#c9a27e", kind: .usage)
        }
        try request.validate()
    }

    func run() throws {
        let result = try workspace.session.colorize(request)
        for failure in result.leftOut { Terminal.write("directions: \(failure)\n") }
        if json {
            try printJSON(result.pictures)
        } else {
            for picture in result.pictures { print("\(picture.out)\(picture.isNew ? "" : " (there already)")") }
        }
        if !result.leftOut.isEmpty { throw ExitCode(1) }
    }
}

extension ColourSource: ExpressibleByArgument {}
extension FilmStock: ExpressibleByArgument {}
extension PhotographColouring.Surround: ExpressibleByArgument {}
