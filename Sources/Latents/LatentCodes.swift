import Core

/// Codes to synthesize: one row each for W, several for W+.
public struct LatentCodes: Sendable, Equatable {
    /// [count, rows, size].
    public var values: [Float]
    /// How many codes.
    public var count: Int
    /// Rows of each: 1 for W, the network's own number or StyleGAN2's for W+.
    public var rows: Int
    /// Components of a row, 512.
    public var size: Int

    /// - Throws: ``Failure`` when the number of values does not fit, or a value is not finite.
    public init(_ values: [Float], rows: Int = 1, size: Int = 512) throws {
        guard rows > 0, size > 0, values.count % (rows * size) == 0 else {
            throw Failure(
                "latent codes", "have \(values.count) values, no multiple of \(rows) x \(size)", "check the file")
        }
        guard values.allSatisfy(\.isFinite) else {
            throw Failure("latent codes", "hold values that are not finite", "check where they come from")
        }
        self.values = values
        self.rows = rows
        self.size = size
        count = values.count / (rows * size)
    }

    /// Some of the codes.
    public func slice(_ range: Range<Int>) throws -> LatentCodes {
        try LatentCodes(
            Array(values[range.lowerBound * rows * size..<range.upperBound * rows * size]), rows: rows, size: size)
    }
}
