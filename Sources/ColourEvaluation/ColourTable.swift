import Foundation
import ImageMetrics

/// What is measured of a colouring.
public enum ColourFigure: String, Sendable, Codable, CaseIterable {
    case l2, psnr, lpips, fid, kid, colourfulness
    case colourfulnessRatio = "colourfulness-ratio"
    case skin = "ciede2000-skin"
    case hair = "ciede2000-hair"
    case lips = "ciede2000-lips"
    case rest = "ciede2000-rest"
    case identity
    case luminanceError = "luminance-error"
    case hellinger

    /// The head of its column.
    public var title: String {
        switch self {
        case .l2: "L2"
        case .psnr: "PSNR"
        case .lpips: "LPIPS"
        case .fid: "FID"
        case .kid: "KID"
        case .colourfulness: "colourful"
        case .colourfulnessRatio: "of real"
        case .skin: "dE skin"
        case .hair: "dE hair"
        case .lips: "dE lips"
        case .rest: "dE rest"
        case .identity: "identity"
        case .luminanceError: "luminance"
        case .hellinger: "Hellinger"
        }
    }

    /// A value for people.
    public func text(_ value: Double) -> String {
        switch self {
        case .l2, .lpips, .kid: String(format: "%.4f", value)
        case .hellinger, .identity, .colourfulnessRatio: String(format: "%.3f", value)
        case .fid, .colourfulness: String(format: "%.1f", value)
        case .psnr, .skin, .hair, .lips, .rest, .luminanceError: String(format: "%.2f", value)
        }
    }
}

/// What methods of colouring are worth on some photographs.
public struct ColourTable: Sendable, Codable, Equatable {
    /// A method with its figures.
    public struct Row: Sendable, Codable, Equatable {
        /// What it is called in files.
        public var method: String
        /// What it is called for people.
        public var title: String
        /// What was measured, by ``ColourFigure``'s raw values.
        public var figures: [String: Bootstrap.Estimate]

        public init(method: String, title: String, figures: [String: Bootstrap.Estimate]) {
            self.method = method
            self.title = title
            self.figures = figures
        }

        /// A figure, where it was measured.
        public subscript(figure: ColourFigure) -> Bootstrap.Estimate? { figures[figure.rawValue] }
    }

    /// How many photographs.
    public var count: Int
    /// In the order that they were asked for.
    public var rows: [Row]

    public init(count: Int, rows: [Row]) {
        self.count = count
        self.rows = rows
    }

    /// The paper's Table I, which this one stands beside: their own pictures, luminance not kept, one value each.
    public static let published: [Row] = [
        ("pSp", 0.3276, 107.0, 0.0774), ("HFGI", 0.1784, 106.4, 0.0290), ("pSp + 2D histogram", 0.2066, 131.9, 0.0416),
    ].map { name, lpips, fid, l2 in
        func exact(_ value: Double) -> Bootstrap.Estimate { .init(value: value, low: value, high: value) }
        return Row(
            method: "paper", title: "paper: \(name)",
            figures: [
                ColourFigure.lpips.rawValue: exact(lpips), ColourFigure.fid.rawValue: exact(fid),
                ColourFigure.l2.rawValue: exact(l2), ColourFigure.psnr.rawValue: exact(10 * log10(4 / l2)),
            ])
    }

    /// The figures that some row has, in their order.
    public var measured: [ColourFigure] {
        ColourFigure.allCases.filter { figure in rows.contains { $0[figure] != nil } }
    }

    /// The heads of the columns and the cells of the rows, the paper's three last.
    public var cells: (heads: [String], rows: [[String]]) {
        let figures = measured
        let lines = (rows + ColourTable.published).map { row in
            [row.title]
                + figures.map { figure in
                    guard let found = row[figure] else { return "" }
                    let half = (found.high - found.low) / 2
                    return figure.text(found.value) + (half > 0 ? " ±" + figure.text(half) : "")
                }
        }
        return (["method"] + figures.map(\.title), lines)
    }

    /// The table for people, its columns in line.
    public var text: String {
        let (heads, lines) = cells
        let all = [heads] + lines
        let widths = heads.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { line in
            line.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + space : space + cell
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}
