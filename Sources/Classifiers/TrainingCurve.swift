import Foundation

/// A picture of how a run went, as SVG.
enum TrainingCurve {
    /// Loss in training and validation on the left, accuracy and average precision (where numbers are learnt, explained
    /// variance) on the right, over the epochs.
    static func svg(_ history: [EpochRecord]) -> String {
        let left = chart(
            [
                ("training loss", "#c0392b", history.map(\.trainingLoss)),
                ("validation loss", "#2c3e50", history.map(\.validationLoss)),
            ], x: 50)
        let explained = history.compactMap(\.explained)
        let right = chart(
            explained.isEmpty
                ? [
                    ("accuracy", "#2980b9", history.map(\.accuracy)),
                    ("average precision", "#27ae60", history.map(\.averagePrecision)),
                    ("area under ROC", "#8e44ad", history.map(\.areaUnderROC)),
                ] : [("explained variance", "#27ae60", explained)], x: 450)
        return """
            <svg xmlns="http://www.w3.org/2000/svg" width="820" height="320" font-family="sans-serif" font-size="12">
            <rect width="820" height="320" fill="white"/>
            \(left)
            \(right)
            </svg>

            """
    }

    private static func chart(_ series: [(name: String, colour: String, values: [Double])], x: Double) -> String {
        let (width, height, top) = (330.0, 230.0, 20.0)
        let all = series.flatMap(\.values).filter(\.isFinite)
        let low = all.min() ?? 0
        let high = max(all.max() ?? 1, low + 1e-6)
        let count = series.map(\.values.count).max() ?? 0
        func number(_ value: Double) -> String { String(format: "%.1f", value) }
        func vertical(_ value: Double) -> Double { top + height * (1 - (value - low) / (high - low)) }
        var parts = [
            "<rect x=\"\(x)\" y=\"\(top)\" width=\"\(width)\" height=\"\(height)\" fill=\"none\" stroke=\"#999\"/>"
        ]
        for step in 0...4 {
            let value = low + (high - low) * Double(step) / 4
            let y = number(vertical(value) + 4)
            parts.append("<text x=\"\(x - 4)\" y=\"\(y)\" text-anchor=\"end\">\(String(format: "%.3f", value))</text>")
        }
        parts.append("<text x=\"\(x + width)\" y=\"\(top + height + 16)\" text-anchor=\"end\">epoch \(count)</text>")
        for (index, line) in series.enumerated() {
            let points = line.values.enumerated().filter { $0.element.isFinite }.map { position, value in
                "\(number(x + width * (Double(position) + 0.5) / Double(max(1, count)))),\(number(vertical(value)))"
            }
            parts.append(
                "<polyline points=\"\(points.joined(separator: " "))\" fill=\"none\" stroke=\"\(line.colour)\" stroke-width=\"1.5\"/>"
            )
            parts.append(
                "<text x=\"\(x + Double(index) * 115)\" y=\"\(top + height + 40)\" fill=\"\(line.colour)\">\(line.name)</text>"
            )
        }
        return parts.joined(separator: "\n")
    }
}
