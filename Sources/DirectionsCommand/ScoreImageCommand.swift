import ArgumentParser
import CommandSupport
import Directions
import Foundation
import Weights

/// `directions score-image`: pictures of faces, or codes, through a classifier.
struct ScoreImageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score-image",
        abstract: "Score pictures of faces with an attribute classifier.",
        discussion: """
            Each picture must hold one aligned face: in FFHQ's frame as generators make it, or with --frame celeba in that of CelebA's \
            aligned pictures. A picture that can't be read, is no square (no 178 x 218 with --frame celeba) or looks like a sheet of \
            several is named on standard error, the others are scored, and the exit status is 1; --as-is scores any picture.

            For example:
              directions score-image face.png --attr eyeglasses,smiling
              directions score-image img_align_celeba/00000*.jpg --frame celeba --format csv
              directions score-image --code edited.npy --logits logits.npy --format csv

            With --code the pictures are the noise-free faces of W or W+ codes, made as `score` makes them.
            """)

    /// How scores are printed.
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case table, json, csv
    }

    @OptionGroup var workspace: WorkspaceOption
    @Argument(help: "PNG, JPEG, WebP or HEIC files.") var files: [String] = []

    @Option(
        help: ArgumentHelp(
            "Score the faces of these codes instead: a .npy, .npz, .pt or .safetensors file, [n,512] or [n,18,512].",
            valueName: "file"))
    var code: String?

    @OptionGroup var inside: CodeOptions
    @Option(help: "With --code: the generator's name in the workspace.") var generator = "default"
    @Option(help: "With --code: threads that synthesize; 0 for one a processor.") var threads = 0

    @Option(
        help: ArgumentHelp(
            "Also write the logits, float32 [n, attributes] in the classifier's order, to this .npy.", valueName: "file"
        ))
    var logits: String?

    @Option(help: "The classifier: a file, or a name in the workspace (default: the shipped one).")
    var classifier: String?

    @Option(
        name: .customLong("attr"), help: "The attributes to show, separated by commas (default: all that it knows).")
    var attributes: String?

    @Option(help: "How the faces lie in the pictures: ffhq or celeba.") var frame = FaceFrame.ffhq
    @Flag(help: "Score the middle of pictures too that don't look like one aligned face.") var asIs = false

    @Option(help: "The output: table, json or csv. Probabilities, and in json logits and answers too.")
    var format = Format.table

    private var request: ScoreImageRequest {
        get throws {
            if let logits { try NumpyFile.checkEnding(logits) }
            guard files.isEmpty || code == nil else {
                throw Failure("score-image", "has pictures and codes", "name one or the other", kind: .usage)
            }
            return ScoreImageRequest(
                code.map {
                    .codes(
                        $0, key: inside.key, space: inside.codeSpace, towardMean: inside.towardMean,
                        generator: generator, threads: threads)
                }
                    ?? .pictures(files, frame: frame, asTheyAre: asIs),
                classifier: classifier, attributes: try attributes.map { try AttributeChoice($0) } ?? .all)
        }
    }

    func validate() throws { try request.validate() }

    func run() throws {
        let result = try workspace.session.scoreImages(try request)
        for failure in result.failures { Terminal.write("directions: \(failure)\n") }
        if let logits { try result.writeLogits(to: logits) }
        switch format {
        case .json: try printJSON(result.scores)
        case .csv: print(result.csv, terminator: "")
        case .table: print(result.table, terminator: "")
        }
        if !result.failures.isEmpty {
            throw Failure(
                "score-image", "left out \(result.failures.count) of \(files.count) pictures", "see the messages above")
        }
    }
}
