import ArgumentParser
import CommandSupport
import Core
import Directions

/// `directions align`: faces cut out of photographs.
struct AlignCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "align",
        abstract: "Find the faces in photographs and cut them out as FFHQ does.",
        discussion: """
            Each face becomes a square picture in the folder of --out, and a .json file beside it that says where it lies in the \
            photograph. Several faces are numbered from the largest on; a contact sheet shows the numbers. Faces may be turned by \
            up to a right angle.

            A photograph that can't be read or shows no face is named on standard error, the others are done, and the exit status is 1.

            For example:
              directions align party.jpg --out faces
              directions align album --out faces --face 1 --size 512
            """)

    @Argument(help: "Photographs, and folders of them.") var files: [String]
    @Option(help: "The folder that faces are written into.") var out: String
    @Option(help: "Pixels along a side of each face.") var size = 1024
    @Option(help: "Only this face of each photograph: 1 is the largest.") var face: Int?
    @Option(help: "How faces are written: png, jpeg or webp.") var format = ImageFormat.png
    @OptionGroup var workspace: WorkspaceOption
    @Flag(help: "Print the result as JSON.") var json = false

    private var request: AlignRequest { AlignRequest(files, folder: out, size: size, face: face, format: format) }

    func validate() throws { try request.validate() }

    func run() throws {
        let result = try workspace.session.align(request)
        for failure in result.leftOut { Terminal.write("directions: \(failure)\n") }
        if json {
            try printJSON(result.faces)
        } else {
            for face in result.faces {
                let place = face.alignment
                let eyes = place.landmarks.eyeDistance.formatted(.number.precision(.fractionLength(0)))
                print(
                    "\(face.out): face \(place.face) of \(place.faces) in \(face.file), \(eyes) pixels between the eyes"
                )
            }
            for sheet in result.sheets { print("\(sheet): the faces' numbers") }
        }
        if !result.leftOut.isEmpty { throw ExitCode(1) }
    }
}

extension ImageFormat: ExpressibleByArgument {}
