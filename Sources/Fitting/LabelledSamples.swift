import Core

/// Feature rows with a class each: what a boundary is fitted to.
///
/// Shapes: `features` is [count of all rows, dimension], row-major float32. A value may stand for some of the rows only
/// (``subset(_:)``), which shares the features' memory.
public struct LabelledSamples: Sendable {
    /// All feature rows, row-major.
    public let features: [Float]
    /// Components of one row.
    public let dimension: Int
    /// The rows that take part, in order.
    public let rows: [Int]
    /// The class of each row of `features` (not of `rows`): +1 or −1.
    public let labels: [Int8]

    /// Checks and takes all rows.
    ///
    /// - Parameters:
    ///   - features: [labels.count, dimension], row-major.
    ///   - dimension: Components of one row.
    ///   - labels: +1 or −1 a row.
    /// - Throws: `Failure` when the sizes disagree, a value is NaN or infinite (row and column are named), a label is
    ///   neither +1 nor −1, or a class is empty.
    public init(features: [Float], dimension: Int, labels: [Int8]) throws {
        guard dimension > 0, features.count == labels.count * dimension else {
            throw Failure(
                "training data", "has \(features.count) values for \(labels.count) labels of \(dimension) components",
                "give one row of components for every label")
        }
        try LabelledSamples.requireFinite(features, dimension: dimension)
        if let bad = labels.firstIndex(where: { $0 != 1 && $0 != -1 }) {
            throw Failure("training data", "label \(bad) is \(labels[bad])", "labels are +1 and -1")
        }
        let positive = labels.count { $0 == 1 }
        guard positive > 0, positive < labels.count else {
            throw Failure(
                "training data",
                labels.isEmpty ? "is empty" : "has one class only: \(positive) positive of \(labels.count) rows",
                "a boundary needs samples of both classes")
        }
        self.features = features
        self.dimension = dimension
        self.labels = labels
        rows = Array(labels.indices)
    }

    private init(of whole: LabelledSamples, rows: [Int]) {
        features = whole.features
        dimension = whole.dimension
        labels = whole.labels
        self.rows = rows
    }

    /// How many rows take part.
    public var count: Int { rows.count }

    /// How many of the taking part rows are positive.
    public var positives: Int { rows.count { labels[$0] == 1 } }

    /// The same features with only some rows taking part.
    ///
    /// - Parameter positions: Indices into `rows`.
    /// - Returns: Samples that share the features' memory.
    /// - Throws: `Failure` when a class is left empty.
    public func subset(_ positions: [Int]) throws -> LabelledSamples {
        let result = LabelledSamples(of: self, rows: positions.map { rows[$0] })
        let positive = result.positives
        guard positive > 0, positive < result.count else {
            throw Failure(
                "training data", "has too few samples: a part of \(result.count) rows holds \(positive) positive ones",
                "take more samples of each class")
        }
        return result
    }

    /// The classes of the rows that take part, as ±1.
    public var signs: [Double] { rows.map { Double(labels[$0]) } }

    /// - Throws: `Failure` naming row and column of the first value that is NaN or infinite.
    static func requireFinite(_ features: [Float], dimension: Int) throws {
        // 0·x is 0 for a finite x and NaN otherwise: one sum tells, and only a bad one is searched.
        let bad = features.withUnsafeBufferPointer { values in
            var sum = SIMD16<Float>()
            var i = 0
            while i + 16 <= values.count {
                sum += 0 * UnsafeRawPointer(values.baseAddress! + i).loadUnaligned(as: SIMD16<Float>.self)
                i += 16
            }
            return sum.sum() == 0 && values[i...].allSatisfy(\.isFinite) ? nil : values.firstIndex { !$0.isFinite }
        }
        guard let bad else { return }
        throw Failure(
            "training data", "row \(bad / dimension), column \(bad % dimension) is \(features[bad])",
            "remove the row or find out where it comes from")
    }
}

extension LabelledSamples {
    /// Two disjoint parts, drawn per class so that both have the classes in equal shares.
    ///
    /// The draw depends on the seed and the row order alone (Fisher–Yates on Philox words, domain 0x5350_4C54).
    ///
    /// - Parameters:
    ///   - fraction: The first part's share, such as 0.7.
    ///   - seed: Names the draw.
    /// - Returns: The part of that share, and the rest.
    /// - Throws: `Failure` when a class has fewer than two rows, so that a part would miss it.
    public func split(fraction: Double, seed: UInt64) throws -> (train: LabelledSamples, validation: LabelledSamples) {
        var first: [Int] = []
        var second: [Int] = []
        for (stream, positions) in shuffledClasses(seed: seed, domain: 0x5350_4C54).enumerated() {
            guard positions.count >= 2 else {
                throw Failure(
                    "training data", "has \(positions.count) \(stream == 0 ? "positive" : "negative") sample to split",
                    "take more samples of each class")
            }
            let cut = min(max(1, Int((Double(positions.count) * fraction).rounded())), positions.count - 1)
            first += positions[..<cut]
            second += positions[cut...]
        }
        return (try subset(first.sorted()), try subset(second.sorted()))
    }

    /// `count` disjoint parts with the classes in equal shares, for cross-validation: for each, the rest and the part.
    ///
    /// - Throws: `Failure` when a class has fewer rows than there are parts.
    public func folds(_ count: Int, seed: UInt64) throws -> [(train: LabelledSamples, validation: LabelledSamples)] {
        var part = [Int](repeating: 0, count: rows.count)
        for positions in shuffledClasses(seed: seed, domain: 0x464F_4C44) {
            guard positions.count >= count else {
                throw Failure(
                    "cross-validation", "needs \(count) samples of each class, has \(positions.count)",
                    "take more samples, or give C as a number")
            }
            for (order, position) in positions.enumerated() { part[position] = order % count }
        }
        return try (0..<count).map { fold in
            (try subset(part.indices.filter { part[$0] != fold }), try subset(part.indices.filter { part[$0] == fold }))
        }
    }

    /// Positions of the positive rows and of the negative rows, each in a random order.
    private func shuffledClasses(seed: UInt64, domain: UInt32) -> [[Int]] {
        [Int8(1), -1].map { label in
            var positions = rows.indices.filter { labels[rows[$0]] == label }
            var random = CounterRandom(seed: seed, domain: domain, position: label == 1 ? 0 : 1 << 40)
            positions.shuffle(using: &random)
            return positions
        }
    }
}
