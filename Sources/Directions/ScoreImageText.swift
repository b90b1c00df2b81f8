import Core
import Foundation

extension ScoreImageResult {
    /// The probabilities as comma-separated values, a row a face.
    public var csv: String {
        let rows = scores.map { score in
            [ScoreImageResult.quoted(score.file)]
                + attributes.map { String(format: "%.6f", score.probabilities[$0.slug] ?? 0) }
        }
        return ([["file"] + attributes.map(\.slug)] + rows).map { $0.joined(separator: ",") + "\n" }.joined()
    }

    /// The probabilities for people: a row a face where there are few attributes, else a row an attribute.
    public var table: String {
        let names = scores.map { ($0.file as NSString).lastPathComponent }
        let lines = attributes.count <= 8 ? wide(names) : long(names)
        return (lines + ["* at or above the attribute's threshold"]).map { $0 + "\n" }.joined()
    }

    private func wide(_ names: [String]) -> [String] {
        let first = max(7, names.map(\.count).max() ?? 0) + 2
        let widths = attributes.map { max($0.slug.count, 6) + 2 }
        let heads = zip(attributes, widths).map { ScoreImageResult.padded($0.slug, $1) }
        let rows = zip(names, scores).map { name, score in
            ScoreImageResult.padded(name, first)
                + zip(attributes, widths).map { ScoreImageResult.padded(cell(score, $0), $1) }.joined()
        }
        return [ScoreImageResult.padded("picture", first) + heads.joined()] + rows
    }

    private func long(_ names: [String]) -> [String] {
        zip(names, scores).flatMap { name, score in
            let lines: [String] = attributes.map { "  \(ScoreImageResult.padded($0.slug, 22))\(cell(score, $0))" }
            return [name] + lines
        }
    }

    private func cell(_ score: FaceScore, _ attribute: Attribute) -> String {
        String(format: "%.3f", score.probabilities[attribute.slug] ?? 0)
            + (score.answers[attribute.slug] == true ? "*" : " ")
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text.padding(toLength: width, withPad: " ", startingAt: 0)
    }

    private static func quoted(_ text: String) -> String {
        text.contains { $0 == "," || $0 == "\"" || $0.isNewline }
            ? "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\"" : text
    }
}
