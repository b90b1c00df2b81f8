import Foundation

/// Plots as SVG that scales with the page and prints.
public enum Plots {
    /// A line through points, with a band around it.
    public struct Curve: Sendable {
        public var name: String
        /// x, y, and the ends of the interval at x.
        public var points: [(x: Double, y: Double, low: Double, high: Double)]

        public init(name: String, points: [(x: Double, y: Double, low: Double, high: Double)]) {
            self.name = name
            self.points = points
        }
    }

    static let colours = [
        "#1b6ca8", "#c0392b", "#1e8449", "#7d3c98", "#b9770e", "#117a65", "#5d6d7e", "#a93226", "#2e4053", "#6c3483",
    ]

    /// Counts in bins of equal width, their height on a logarithmic scale, with marked positions.
    ///
    /// - Parameters:
    ///   - counts: How many values fell into each bin.
    ///   - range: Left end of the first bin, right end of the last.
    ///   - marks: Positions with a short text.
    ///   - title: The heading of the plot.
    /// - Returns: An SVG picture.
    public static func histogram(
        _ counts: [Int], range: ClosedRange<Double>, marks: [(x: Double, text: String)], title: String
    ) -> String {
        let (width, height) = (300.0, 120.0)
        let span = range.upperBound - range.lowerBound
        let tallest = log10(Double(counts.max() ?? 0) + 1)
        var parts: [String] = []
        let step = width / Double(max(1, counts.count))
        for (bin, count) in counts.enumerated() where count > 0 {
            let tall = tallest > 0 ? (height - 24) * log10(Double(count) + 1) / tallest : 0
            parts.append(
                "<rect x=\"\(text(Double(bin) * step))\" y=\"\(text(height - tall))\" width=\"\(text(step * 0.92))\" "
                    + "height=\"\(text(tall))\" fill=\"#1b6ca8\"><title>\(count)</title></rect>")
        }
        for (x, label) in marks {
            let at = width * (min(max(x, range.lowerBound), range.upperBound) - range.lowerBound) / span
            parts.append(
                "<line x1=\"\(text(at))\" x2=\"\(text(at))\" y1=\"14\" y2=\"\(text(height))\" stroke=\"#c0392b\"/>"
                    + "<text x=\"\(text(at))\" y=\"10\" text-anchor=\"middle\" fill=\"#c0392b\">\(HTML.text(label))</text>"
            )
        }
        for tick in [range.lowerBound, range.lowerBound + span / 2, range.upperBound] {
            let at = width * (tick - range.lowerBound) / span
            let anchor = tick == range.lowerBound ? "start" : tick == range.upperBound ? "end" : "middle"
            parts.append(
                "<text x=\"\(text(at))\" y=\"\(text(height + 12))\" text-anchor=\"\(anchor)\">\(text(tick))</text>")
        }
        return frame(parts, width: width, height: height + 16, title: title)
    }

    /// Curves over a common x axis.
    public static func curves(_ curves: [Curve], x: String, y: String, title: String) -> String {
        let (width, height, left, right) = (460.0, 240.0, 40.0, 110.0)
        let points = curves.flatMap(\.points)
        let (low, high) = (min(0, points.map(\.low).min() ?? 0), max(1e-6, points.map(\.high).max() ?? 1))
        let (first, last) = (min(0, points.map(\.x).min() ?? 0), max(1e-6, points.map(\.x).max() ?? 1))
        func across(_ value: Double) -> Double { left + (width - left - right) * (value - first) / (last - first) }
        func up(_ value: Double) -> Double { 8 + (height - 40) * (high - value) / (high - low) }
        var parts: [String] = []
        for step in 0...4 {
            let value = low + (high - low) * Double(step) / 4
            parts.append(
                "<line x1=\"\(text(left))\" x2=\"\(text(width - right))\" y1=\"\(text(up(value)))\" "
                    + "y2=\"\(text(up(value)))\" stroke=\"#ddd\"/><text x=\"\(text(left - 4))\" "
                    + "y=\"\(text(up(value) + 3))\" text-anchor=\"end\">\(text(value))</text>")
        }
        for value in Set(points.map(\.x) + [first]).sorted() {
            parts.append(
                "<text x=\"\(text(across(value)))\" y=\"\(text(height - 18))\" text-anchor=\"middle\">\(text(value))</text>"
            )
        }
        parts.append(
            "<text x=\"\(text(width - right))\" y=\"\(text(height - 4))\" text-anchor=\"end\">\(HTML.text(x))</text>")
        parts.append("<text x=\"2\" y=\"\(text(height - 4))\">\(HTML.text(y))</text>")
        for (index, curve) in curves.enumerated() {
            let colour = colours[index % colours.count]
            let upper = curve.points.map { "\(text(across($0.x))),\(text(up($0.high)))" }
            let lower = curve.points.reversed().map { "\(text(across($0.x))),\(text(up($0.low)))" }
            let line = curve.points.map { "\(text(across($0.x))),\(text(up($0.y)))" }
            parts.append(
                "<polygon points=\"\((upper + lower).joined(separator: " "))\" fill=\"\(colour)\" opacity=\"0.12\"/>"
                    + "<polyline points=\"\(line.joined(separator: " "))\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\"/>"
                    + "<text x=\"\(text(width - right + 6))\" y=\"\(text(18 + 16 * Double(index)))\" fill=\"\(colour)\">"
                    + "\(HTML.text(curve.name))</text>")
        }
        return frame(parts, width: width, height: height, title: title)
    }

    /// Numbers as coloured cells, red above 0 and blue below.
    ///
    /// - Parameters:
    ///   - values: [rows][columns].
    ///   - rows: Names of the rows.
    ///   - columns: Names of the columns.
    ///   - title: The heading of the plot.
    /// - Returns: An SVG picture.
    public static func heatMap(_ values: [[Double]], rows: [String], columns: [String], title: String) -> String {
        let (cell, left, top) = (18.0, 110.0, 110.0)
        let largest = max(1e-6, values.joined().map(abs).max() ?? 1)
        var parts: [String] = []
        for (column, name) in columns.enumerated() {
            let x = left + (Double(column) + 0.7) * cell
            parts.append(
                "<text transform=\"translate(\(text(x)) \(text(top - 4))) rotate(-60)\">\(HTML.text(name))</text>")
        }
        for (row, name) in rows.enumerated() {
            let y = top + Double(row) * cell
            parts.append(
                "<text x=\"\(text(left - 6))\" y=\"\(text(y + cell * 0.7))\" text-anchor=\"end\">\(HTML.text(name))</text>"
            )
            for column in columns.indices {
                let value = values[row][column]
                let shade = Int(255 - 200 * min(1, abs(value) / largest))
                let colour = value >= 0 ? "rgb(255,\(shade),\(shade))" : "rgb(\(shade),\(shade),255)"
                parts.append(
                    "<rect x=\"\(text(left + Double(column) * cell))\" y=\"\(text(y))\" width=\"\(text(cell - 1))\" "
                        + "height=\"\(text(cell - 1))\" fill=\"\(colour)\"><title>\(HTML.text(name)), "
                        + "\(HTML.text(columns[column])): \(String(format: "%+.2f", value))</title></rect>")
            }
        }
        let width = left + cell * Double(columns.count) + 50
        return frame(parts, width: width, height: top + cell * Double(rows.count) + 4, title: title)
    }

    private static func frame(_ parts: [String], width: Double, height: Double, title: String) -> String {
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(text(width)) \(text(height))\" role=\"img\" "
            + "font-family=\"sans-serif\" font-size=\"10\"><title>\(HTML.text(title))</title>\(parts.joined())</svg>"
    }

    /// The width that a plot was drawn for, in pixels.
    static func width(_ svg: String) -> String {
        let box = svg.components(separatedBy: "viewBox=\"").dropFirst().first?.prefix { $0 != "\"" } ?? ""
        return box.split(separator: " ").dropFirst(2).first.map(String.init) ?? "600"
    }

    /// A number with up to two decimals.
    static func text(_ value: Double) -> String {
        let rounded = (value * 100).rounded() / 100
        return rounded == rounded.rounded() && abs(rounded) < 1e9 ? "\(Int(rounded))" : "\(rounded)"
    }
}
