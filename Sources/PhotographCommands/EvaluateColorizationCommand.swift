import ArgumentParser
import CommandSupport
import Core
import Directions
import Foundation

/// `directions evaluate-colorization`: the table of ways to colour.
struct EvaluateColorizationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate-colorization",
        abstract: "Measure ways to colour grey photographs.",
        discussion: """
            The photographs of FOLDER, aligned faces in colour, are made grey by Rec. 601 and coloured by every method. Each is \
            compared with the true picture at 256 pixels: L2 of RGB in [-1, 1], PSNR, LPIPS (AlexNet), colourfulness and its share of \
            the true pictures', CIEDE2000 (dE) on skin, hair, lips and the rest, the cosine of face embeddings, how far luminance is \
            from the photograph's in 8-bit steps, and Hellinger's distance of chroma histograms. FID and KID compare all \
            with --reference, or with the true pictures; the true ones then are half against half. Intervals of 95 % come \
            from draws with replacement.

            Skin is what lies in the face's oval of FFHQ's frame and is coloured like cheeks and nose, lips what is redder around the \
            mouth, hair what lies around the oval and is coloured like the band above the forehead, by the true picture.

            Methods: grey (itself), tints (own luminance with the mean chroma of --statistics, one, by place, by luminance), optimise (the \
            generator's chroma by a search on luminance), encoder (its picture, and its chroma under the own luminance), hfgi (the same with \
            the encoder's consultation), colorize (as it comes, or as --chroma says), told (that, told the true picture's \
            colours, and another's), transfer (its colours moved to those in closed form; where another's are asked for, Hellinger's distance \
            is to those), real (the floor). --predictions adds rows of pictures that \
            other programs coloured. Networks are fetched with `directions import sface` and `inception`. The paper's three rows stand below.

            For example:
              directions evaluate-colorization test --statistics train --count 200
              directions evaluate-colorization test --statistics train --reference ffhq --methods grey,tints,real --json
            """)

    @Argument(help: "A folder of aligned photographs in colour.") var folder: String
    @Option(help: "At most so many, the first by name (default: all).") var count: Int?

    @Option(
        help: """
            Rows, separated by commas: grey, tints, optimise, encoder, hfgi, colorize, told, transfer, real (default: grey,tints,real).
            """)
    var methods: String?
    @Option(
        help: "A row of pictures that another program coloured, named as the photographs: NAME=FOLDER; several times.")
    var predictions: [String] = []
    @Option(
        help:
            """
            Encoders by name or file, separated by commas: rows of their pictures, with told colours where they take some, and \
            with the last third of their rows from random latents where they learnt to show greys alone.
            """
    )
    var encoders: String?
    @Option(help: "Where the colours of colorize come from: network, generator, or both.") var chroma: ColourSource?

    @Option(help: "A folder of aligned photographs whose mean colours the tints have.") var statistics: String?
    @Option(help: "How many of them, the first by name.") var statisticsCount = 600
    @Option(help: "A folder of photographs that FID and KID are taken against.") var reference: String?
    @Flag(help: "Leave out FID and KID, which take a second a picture and row.") var noFid = false
    @Option(help: "Seconds at most for each photograph of optimise.") var seconds: Double?
    @Option(help: "Steps at most of optimise (default: 60).") var steps: Int?
    @Option(help: "A picture to write: the first photographs beside their regions.") var regionsOut: String?
    @Option(help: "The generator's name in the workspace.") var generator = "default"
    @OptionGroup var workspace: WorkspaceOption
    @Flag(help: "Print the result as JSON.") var json = false

    private func request() throws -> EvaluateColorizationRequest {
        let known = EvaluateColorizationRequest.Method.allCases
        var request = EvaluateColorizationRequest(folder, count: count, statistics: statistics)
        let names = methods ?? (statistics == nil ? "grey,real" : "grey,tints,real")
        request.methods = try names.split(separator: ",").map { name in
            guard let method = known.first(where: { $0.rawValue == name }) else {
                throw Failure(
                    "method \(name)", "is not known", "name some of \(known.map(\.rawValue).joined(separator: ", "))",
                    kind: .usage)
            }
            return method
        }
        request.statisticsCount = statisticsCount
        request.reference = reference
        request.hasSetDistances = !noFid
        request.budget = InversionBudget(steps: steps ?? (seconds == nil ? 60 : nil), seconds: seconds)
        request.generator = generator
        request.source = chroma
        request.encoders = encoders.map { $0.split(separator: ",").map(String.init) } ?? []
        request.predictions = try predictions.map { text in
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else {
                throw Failure(
                    "predictions \(text)", "are not NAME=FOLDER", "for example unet=predictions", kind: .usage)
            }
            return (parts[0], parts[1])
        }
        return request
    }

    func validate() throws { try request().validate() }

    func run() throws {
        if let regionsOut {
            try workspace.session.faceRegions(of: folder, count: min(24, count ?? 24)).rendered().write(to: regionsOut)
        }
        let table = try workspace.session.evaluateColorization(request())
        if json { return try printJSON(table) }
        print("\(table.count) photographs of \(folder)")
        print(table.text)
    }
}
