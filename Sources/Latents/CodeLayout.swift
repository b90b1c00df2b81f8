import Core

/// How the rows of a network's W+ codes lie: its own rows, and StyleGAN2's, which directions and other tools speak.
///
/// For example:
///
/// ```swift
/// let own = try generator.layout.own(codes)                       // canonical W+ to the network's rows
/// let gradients = generator.layout.scatter(ownGradients, like: codes)  // and gradients the other way
/// ```
public struct CodeLayout: Sendable, Equatable {
    /// For each of the network's own rows, the canonical row with the same part at the same resolution.
    public let canonicalRow: [Int]
    /// Rows of a canonical code: StyleGAN2's W+ at this resolution, 18 at 1024².
    public let canonicalRows: Int

    /// Rows of the network's own codes.
    public var rows: Int { canonicalRow.count }

    /// - Parameters:
    ///   - canonicalRow: For each own row, the canonical one.
    ///   - canonicalRows: How many canonical rows there are; some may drive nothing.
    public init(canonicalRow: [Int], canonicalRows: Int) {
        precondition(
            !canonicalRow.isEmpty && canonicalRow.allSatisfy { (0..<canonicalRows).contains($0) },
            "each own row must have its canonical one")
        self.canonicalRow = canonicalRow
        self.canonicalRows = canonicalRows
    }

    /// The layout of a network whose own rows are the canonical ones.
    public init(rows: Int) {
        self.init(canonicalRow: Array(0..<rows), canonicalRows: rows)
    }

    /// Codes in the network's own rows, from these or from canonical ones; W stays as it is.
    ///
    /// - Parameters:
    ///   - codes: W or W+ codes.
    ///   - name: The generator's, for the message.
    /// - Returns: Codes of 1 or as many rows as the network has.
    /// - Throws: ``Failure`` when they are neither W, the network's own W+ nor canonical.
    public func own(_ codes: LatentCodes, name: String) throws -> LatentCodes {
        if codes.rows == 1 || codes.rows == rows { return codes }
        guard codes.rows == canonicalRows else {
            throw Failure(
                "latent codes", "have \(codes.rows) rows",
                "generator \(name) takes 1 (W), \(canonicalRows) (StyleGAN2's W+) or \(rows) (its own W+)",
                kind: .conflict)
        }
        return try gather(codes)
    }

    /// Canonical codes in the network's own rows.
    ///
    /// - Throws: ``Failure`` when they have another number of rows.
    public func gather(_ codes: LatentCodes) throws -> LatentCodes {
        guard codes.rows == canonicalRows else {
            throw Failure("latent codes", "have \(codes.rows) rows", "give \(canonicalRows)", kind: .conflict)
        }
        var values: [Float] = []
        values.reserveCapacity(codes.count * rows * codes.size)
        for code in 0..<codes.count {
            for row in canonicalRow {
                let at = (code * codes.rows + row) * codes.size
                values += codes.values[at..<at + codes.size]
            }
        }
        return try LatentCodes(values, rows: rows, size: codes.size)
    }

    /// Codes in canonical rows, from the network's own: the mean of the own rows that stand in for each canonical one; canonical
    /// rows that drive nothing get the mean of all.
    ///
    /// Only where own rows of one canonical row are equal does ``gather(_:)`` lead back to the same codes.
    ///
    /// - Throws: ``Failure`` when they have another number of rows.
    public func canonical(_ codes: LatentCodes) throws -> LatentCodes {
        if codes.rows == canonicalRows { return codes }
        guard codes.rows == rows else {
            throw Failure("latent codes", "have \(codes.rows) rows", "give \(rows)", kind: .conflict)
        }
        var values: [Float] = []
        values.reserveCapacity(codes.count * canonicalRows * codes.size)
        for code in 0..<codes.count {
            for row in 0..<canonicalRows {
                let members = canonicalRow.indices.filter { canonicalRow[$0] == row }
                let sources = members.isEmpty ? Array(canonicalRow.indices) : members
                for i in 0..<codes.size {
                    let sum = sources.reduce(Float(0)) { $0 + codes.values[(code * rows + $1) * codes.size + i] }
                    values.append(sum / Float(sources.count))
                }
            }
        }
        return try LatentCodes(values, rows: canonicalRows, size: codes.size)
    }

    /// The adjoint of ``gather(_:)`` and of what ``own(_:name:)`` does: gradients with respect to codes, from those with
    /// respect to the own rows that were made of them.
    ///
    /// - Parameters:
    ///   - gradients: [count, own rows, size], or of the codes' shape where they were used as they are.
    ///   - codes: What the own rows were made of.
    /// - Returns: Of the codes' shape.
    public func scatter(_ gradients: [Float], like codes: LatentCodes) -> [Float] {
        if codes.rows == 1 || codes.rows == rows { return gradients }
        var result = [Float](repeating: 0, count: codes.values.count)
        for code in 0..<codes.count {
            for (from, to) in canonicalRow.enumerated() {
                let (source, target) = ((code * rows + from) * codes.size, (code * codes.rows + to) * codes.size)
                for i in 0..<codes.size { result[target + i] += gradients[source + i] }
            }
        }
        return result
    }

    /// Some of the canonical rows, as people write them: `0-7`, `4`, or `8-`.
    ///
    /// - Throws: ``Failure`` (usage) for anything else or rows that do not exist.
    public func range(_ text: String) throws -> LayerRange { try LayerRange(text, rows: canonicalRows) }

    /// Groups of canonical rows that share a vector: the first rows one by one, all others together.
    ///
    /// - Parameter own: How many rows at most have a vector of their own.
    /// - Returns: The groups.
    public func groups(own: Int) -> LayerGroups { LayerGroups(own: own, rows: canonicalRows) }
}

/// Rows of a W+ code, first and last included.
public struct LayerRange: Sendable, Equatable {
    /// The first row.
    public let first: Int
    /// The last row.
    public let last: Int

    /// The rows from one to another.
    public init(first: Int, last: Int) {
        precondition(0 <= first && first <= last, "a range has rows")
        self.first = first
        self.last = last
    }

    /// Parses `0-7`, `4`, or `8-`.
    ///
    /// - Parameters:
    ///   - text: What a person wrote.
    ///   - rows: How many rows there are.
    /// - Throws: ``Failure`` (usage) for anything else or rows that do not exist.
    public init(_ text: String, rows: Int) throws {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        let low = Int(parts[0])
        let high = parts.count == 1 ? low : parts[1].isEmpty ? rows - 1 : Int(parts[1])
        guard parts.count <= 2, let low, let high, low >= 0, low <= high, high < rows else {
            throw Failure(
                text, "is not a range of the layers 0-\(rows - 1)", "write it as 0-7, 4 or 8-", kind: .usage)
        }
        first = low
        last = high
    }

    /// How many rows these are.
    public var count: Int { last - first + 1 }
}

/// Groups of a W+ code's rows that share a vector each.
public struct LayerGroups: Sendable, Equatable {
    /// The rows of each group, in order; together they are all rows.
    public let ranges: [LayerRange]
    /// Rows of a code.
    public let rows: Int

    /// - Parameters:
    ///   - own: How many rows at most have a vector of their own; the others share one.
    ///   - rows: Rows of a code.
    public init(own: Int, rows: Int) {
        precondition(rows > 0 && own >= 0, "a code has rows")
        let single = min(own, rows)
        self.rows = rows
        ranges =
            (0..<single).map { LayerRange(first: $0, last: $0) }
            + (single < rows ? [LayerRange(first: single, last: rows - 1)] : [])
    }

    /// One vector a group as one vector a row.
    public func spread<Vector>(_ vectors: [Vector]) -> [Vector] {
        precondition(vectors.count == ranges.count, "each group has a vector")
        return zip(ranges, vectors).flatMap { range, vector in Array(repeating: vector, count: range.count) }
    }

    /// The adjoint of ``spread(_:)``: for each group the sum of its rows, each number scaled before it is added.
    ///
    /// - Parameters:
    ///   - values: [rows, size], in C order.
    ///   - size: Components of a row.
    ///   - scale: What each number is multiplied by.
    /// - Returns: [groups, size].
    public func sums(_ values: ArraySlice<Float>, size: Int, scale: Float = 1) -> [Double] {
        precondition(values.count == rows * size, "values must be [rows, size]")
        var result = [Double](repeating: 0, count: ranges.count * size)
        for (group, range) in ranges.enumerated() {
            for row in range.first...range.last {
                let start = values.startIndex + row * size
                for i in 0..<size { result[group * size + i] += Double(scale * values[start + i]) }
            }
        }
        return result
    }
}
