/// Codes without repetitions, and where each of the original ones went.
///
/// A face depends on its code alone, whatever else is in the batch; so each code needs to be synthesized once.
public struct DistinctCodes: Sendable {
    /// The different codes, in the order in which they come first.
    public let codes: LatentCodes
    /// For each of the original codes, which of ``codes`` it is.
    public let indices: [Int]

    /// - Parameter codes: Any; two are one where all their values are equal.
    /// - Throws: ``Core/Failure`` for values that are not finite.
    public init(_ codes: LatentCodes) throws {
        let width = codes.rows * codes.size
        var places: [[Float]: Int] = [:]
        var values: [Float] = []
        var indices: [Int] = []
        indices.reserveCapacity(codes.count)
        for index in 0..<codes.count {
            let code = Array(codes.values[index * width..<(index + 1) * width])
            if let place = places[code] {
                indices.append(place)
            } else {
                indices.append(places.count)
                places[code] = places.count
                values += code
            }
        }
        self.codes = try LatentCodes(values, rows: codes.rows, size: codes.size)
        self.indices = indices
    }
}
