import ArgumentParser
import Classifiers
import Core
import Directions
import Faces
import Foundation
import Generators
import Images
import Scoring
import Tensors
import Weights

struct ScoreImage: ParsableCommand {
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

    @OptionGroup var workspace: WorkspaceOption

    @Argument(help: "PNG, JPEG, WebP or HEIC files.")
    var files: [String] = []

    @Option(
        help: ArgumentHelp(
            "Score the faces of these codes instead: a .npy or .pt file, [n,512] or [n,18,512].", valueName: "file"))
    var code: String?

    @Option(help: "With --code: the generator's name in the workspace.")
    var generator = "default"

    @Option(help: "With --code: threads that synthesize; 0 for one a processor.")
    var threads = 0

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

    @Option(help: "How the faces lie in the pictures: ffhq or celeba.")
    var frame = "ffhq"

    @Flag(help: "Score the middle of pictures too that don't look like one aligned face.")
    var asIs = false

    @Option(help: "The output: table, json or csv. Probabilities, and in json logits and answers too.")
    var format = "table"

    private struct Score: Encodable {
        var file: String
        var probabilities: [String: Float]
        var logits: [String: Float]
        var answers: [String: Bool]
    }

    func run() throws {
        guard let frame = FaceFrame(rawValue: frame) else {
            throw Failure(frame, "is not a frame", "use ffhq or celeba", kind: .usage)
        }
        guard ["table", "json", "csv"].contains(format) else {
            throw Failure(format, "is not a format", "use table, json or csv", kind: .usage)
        }
        let network = try AttributeClassifier.load(path: ClassifierOption.path(classifier, workspace.value))
        let shown = try attributes.map { try Attribute.list($0, among: network.attributes) } ?? network.attributes
        let columns = try network.columns(shown)
        guard files.isEmpty != (code == nil) else {
            throw Failure("score-image", "wants pictures or --code", "name one or the other", kind: .usage)
        }
        let (names, values, failed) = try code.map { try scoreCodes($0, network) } ?? scorePictures(network, frame)
        if let logits {
            let shape = [names.count, network.attributes.count]
            try NumpyFile.write(TensorData(values, shape: shape), to: logits)
        }
        let scores = ScoreImage.scores(names, values, network, shown, columns)
        switch format {
        case "json":
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(scores), as: UTF8.self))
        case "csv":
            print((["file"] + shown.map(\.slug)).joined(separator: ","))
            for score in scores {
                let numbers = shown.map { String(format: "%.6f", score.probabilities[$0.slug] ?? 0) }
                print(([ScoreImage.quoted(score.file)] + numbers).joined(separator: ","))
            }
        default: printTable(scores, shown)
        }
        if failed > 0 {
            throw Failure("score-image", "left out \(failed) of \(files.count) pictures", "see the messages above")
        }
    }

    /// Logits [n, attributes] of the pictures that can be read, and how many can't.
    private func scorePictures(_ network: AttributeClassifier, _ frame: FaceFrame) throws
        -> (names: [String], logits: [Float], failed: Int)
    {
        var (names, logits, failed) = ([String](), [Float](), 0)
        for start in stride(from: 0, to: files.count, by: 32) {
            try Terminal.context.check()
            var planes: [Float] = []
            for file in files[start..<min(start + 32, files.count)] {
                do {
                    let image = try Image.read(file)
                    if !asIs, let found = frame.problem(of: image) {
                        throw Failure(file, found.problem, "\(found.advice), or say --as-is")
                    }
                    planes += frame.crop(image, size: network.inputSize).planes()
                    names.append(file)
                } catch let failure as Failure {
                    failed += 1
                    Terminal.write("directions: \(failure)\n")
                }
            }
            logits += try network.logits(ImageBatch(planes, side: network.inputSize))
        }
        return (names, logits, failed)
    }

    /// Logits [n, attributes] of the noise-free faces of a file's codes.
    private func scoreCodes(_ path: String, _ network: AttributeClassifier) throws
        -> (names: [String], logits: [Float], failed: Int)
    {
        let generator = try Generator.load(folder: workspace.value.generator(generator))
        let (codes, names) = try workspace.session.codes(.codes(path), of: generator)
        let synthesizer = try generator.synthesizer(.engine, threads: threads, device: .cpu)
        let logits = try LatentScorer.logits(
            of: codes, synthesizer: synthesizer, classifier: network, context: Terminal.context)
        return (names, logits, 0)
    }

    private static func scores(
        _ names: [String], _ logits: [Float], _ network: AttributeClassifier, _ shown: [Attribute], _ columns: [Int]
    ) -> [Score] {
        let probabilities = network.probabilities(logits)
        return names.enumerated().map { row, name in
            var score = Score(file: name, probabilities: [:], logits: [:], answers: [:])
            for (attribute, column) in zip(shown, columns) {
                let at = row * network.attributes.count + column
                score.probabilities[attribute.slug] = probabilities[at]
                score.logits[attribute.slug] = logits[at]
                score.answers[attribute.slug] = probabilities[at] >= network.thresholds[column]
            }
            return score
        }
    }

    /// A row per picture when few attributes are asked for, else a row per attribute.
    private func printTable(_ scores: [Score], _ shown: [Attribute]) {
        func cell(_ score: Score, _ attribute: Attribute) -> String {
            let mark = score.answers[attribute.slug] == true ? "*" : " "
            return String(format: "%.3f", score.probabilities[attribute.slug] ?? 0) + mark
        }
        let names = scores.map { ($0.file as NSString).lastPathComponent }
        if shown.count <= 8 {
            let first = max(7, names.map(\.count).max() ?? 0) + 2
            let widths = shown.map { max($0.slug.count, 6) + 2 }
            let heads = zip(shown, widths).map { $0.slug.padding(toLength: $1, withPad: " ", startingAt: 0) }
            print("picture".padding(toLength: first, withPad: " ", startingAt: 0) + heads.joined())
            for (name, score) in zip(names, scores) {
                let cells = zip(shown, widths).map {
                    cell(score, $0).padding(toLength: $1, withPad: " ", startingAt: 0)
                }
                print(name.padding(toLength: first, withPad: " ", startingAt: 0) + cells.joined())
            }
        } else {
            for (name, score) in zip(names, scores) {
                print(name)
                for attribute in shown {
                    print(
                        "  " + attribute.slug.padding(toLength: 22, withPad: " ", startingAt: 0)
                            + cell(score, attribute))
                }
            }
        }
        print("* at or above the attribute's threshold")
    }

    private static func quoted(_ text: String) -> String {
        text.contains { $0 == "," || $0 == "\"" || $0.isNewline }
            ? "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\"" : text
    }
}

/// How the verbs understand `--classifier`.
enum ClassifierOption {
    /// The file of a name or path; nil for the shipped classifier.
    ///
    /// - Throws: ``Failure`` when there is neither such a file nor such a name in the workspace.
    static func path(_ text: String?, _ workspace: Workspace) throws -> String? {
        guard let text else { return nil }
        if FileManager.default.fileExists(atPath: text) { return text }
        let path = workspace.classifier(text)
        if FileManager.default.fileExists(atPath: path) { return path }
        throw Failure(
            text, "is neither a file nor a classifier in \(workspace.models)",
            "train one with `directions train --name \(text)`",
            kind: .usage)
    }
}
