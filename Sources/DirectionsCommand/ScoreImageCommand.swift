import ArgumentParser
import Classifiers
import Core
import Foundation
import Images
import Tensors

struct ScoreImage: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score-image",
        abstract: "Score pictures of faces with an attribute classifier.",
        discussion: """
            Each picture must hold one aligned face: in FFHQ's frame as generators make it, or with --frame celeba in that of CelebA's \
            aligned pictures. A picture that can't be read is named on standard error, the others are scored, and the exit status is 1.

            For example:
              directions score-image face.png --attr eyeglasses,smiling
              directions score-image img_align_celeba/00000*.jpg --frame celeba --format csv
            """)

    @OptionGroup var workspace: WorkspaceOption

    @Argument(help: "PNG or JPEG files.")
    var files: [String]

    @Option(help: "The classifier: a file, or a name in the workspace (default: the shipped one).")
    var classifier: String?

    @Option(
        name: .customLong("attr"), help: "The attributes to show, separated by commas (default: all that it knows).")
    var attributes: String?

    @Option(help: "How the faces lie in the pictures: ffhq or celeba.")
    var frame = "ffhq"

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
            throw Failure(frame, "is not a frame", "use ffhq or celeba", isUsage: true)
        }
        guard ["table", "json", "csv"].contains(format) else {
            throw Failure(format, "is not a format", "use table, json or csv", isUsage: true)
        }
        let wanted = try attributes.map(Attribute.list)
        let network = try AttributeClassifier.load(path: ClassifierOption.path(classifier, workspace.value))
        let shown = wanted ?? network.attributes
        let columns = try network.columns(shown)
        let (scores, failed) = try score(network, frame, shown, columns)
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

    private func score(
        _ network: AttributeClassifier, _ frame: FaceFrame, _ shown: [Attribute], _ columns: [Int]
    ) throws -> (scores: [Score], failed: Int) {
        var scores: [Score] = []
        var failed = 0
        for start in stride(from: 0, to: files.count, by: 32) {
            try Interruption.check()
            var names: [String] = []
            var planes: [Float] = []
            for file in files[start..<min(start + 32, files.count)] {
                do {
                    planes += frame.crop(try Image.read(file), size: network.inputSize).planes()
                    names.append(file)
                } catch let failure as Failure {
                    failed += 1
                    FileHandle.standardError.write(Data("directions: \(failure)\n".utf8))
                }
            }
            let logits = try network.logits(planes, count: names.count)
            let probabilities = network.probabilities(logits)
            for (row, name) in names.enumerated() {
                var score = Score(file: name, probabilities: [:], logits: [:], answers: [:])
                for (attribute, column) in zip(shown, columns) {
                    let at = row * network.attributes.count + column
                    score.probabilities[attribute.slug] = probabilities[at]
                    score.logits[attribute.slug] = logits[at]
                    score.answers[attribute.slug] = probabilities[at] >= network.thresholds[column]
                }
                scores.append(score)
            }
        }
        return (scores, failed)
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
            isUsage: true)
    }
}
