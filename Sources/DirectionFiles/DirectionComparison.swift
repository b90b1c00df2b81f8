import Core

/// Two directions side by side.
public struct DirectionComparison: Sendable, Equatable {
    /// One text that differs.
    public struct Difference: Sendable, Equatable {
        public var key: String
        /// nil where a direction has no such key.
        public var first: String?
        public var second: String?
    }

    /// Cosine of the angle between them, over all rows.
    public var cosine: Double
    /// Cosine of each row, when there is more than one.
    public var rowCosines: [Double]
    /// Metadata and numbers that differ, by key.
    public var differences: [Difference]
    /// Keys that have the same text in both.
    public var common: [String: String]

    /// Compares; a W direction stands for every row of a W+ one.
    ///
    /// - Throws: `Failure` when the directions have different sizes or numbers of layers.
    public init(_ first: DirectionFile, _ second: DirectionFile) throws {
        guard first.size == second.size, first.rows == second.rows || first.rows == 1 || second.rows == 1 else {
            throw Failure(
                "\(first.label), \(second.label)",
                "have the shapes [\(first.rows), \(first.size)] and [\(second.rows), \(second.size)]",
                "compare directions of one space and generator family",
                kind: .conflict)
        }
        let rows = max(first.rows, second.rows)
        var products = (cross: 0.0, first: 0.0, second: 0.0)
        var cosines: [Double] = []
        for row in 0..<rows {
            let a = first.values.dropFirst(first.rows == 1 ? 0 : row * first.size).prefix(first.size)
            let b = second.values.dropFirst(second.rows == 1 ? 0 : row * second.size).prefix(second.size)
            let cross = zip(a, b).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
            let lengths = (
                a.reduce(0.0) { $0 + Double($1) * Double($1) }, b.reduce(0.0) { $0 + Double($1) * Double($1) }
            )
            products = (products.cross + cross, products.first + lengths.0, products.second + lengths.1)
            let root = (lengths.0 * lengths.1).squareRoot()
            cosines.append(root > 0 ? cross / root : 0)
        }
        let root = (products.first * products.second).squareRoot()
        cosine = root > 0 ? products.cross / root : 0
        rowCosines = rows > 1 ? cosines : []
        let texts = (DirectionComparison.texts(first), DirectionComparison.texts(second))
        var differences: [Difference] = []
        var common: [String: String] = [:]
        for key in Set(texts.0.keys).union(texts.1.keys).sorted() {
            if let text = texts.0[key], text == texts.1[key] {
                common[key] = text
            } else {
                differences.append(Difference(key: key, first: texts.0[key], second: texts.1[key]))
            }
        }
        self.differences = differences
        self.common = common
    }

    private static func texts(_ file: DirectionFile) -> [String: String] {
        var texts = file.metadata.texts
        texts["attribute"] = file.attribute
        texts["sigma"] = "\(file.sigma)"
        texts["intercept"] = "\(file.intercept)"
        return texts
    }
}
