import Core

/// What a sample set was steered by, and how far its seed has been looked through.
public struct Steering: Sendable, Equatable {
    /// The direction, such as `mustache@v1`.
    public var direction: String
    /// SHA-256 of its file.
    public var directionSHA256: String
    /// Indices below this one have been kept or passed over.
    public var examined: UInt32

    /// - Parameters:
    ///   - direction: The direction, such as `mustache@v1`.
    ///   - directionSHA256: SHA-256 of its file.
    ///   - examined: Indices below this one have been kept or passed over.
    public init(direction: String, directionSHA256: String, examined: UInt32 = 0) {
        self.direction = direction
        self.directionSHA256 = directionSHA256
        self.examined = examined
    }
}

/// Sets of which only a part was drawn, more where an attribute is, and what that part stands for.
extension LatentStore {
    /// What a set was steered by; nil for one that was drawn as it comes.
    ///
    /// - Throws: ``Failure`` when the database can't be read.
    public func steering(of set: SampleSet) throws -> Steering? {
        try read { db in
            try db.first("SELECT * FROM steered_sets WHERE sample_set = ?", [set.id]) { row in
                let examined: Int64 = try row["examined"]
                return try Steering(
                    direction: row["direction"], directionSHA256: row["direction_sha256"], examined: UInt32(examined))
            }
        }
    }

    /// Adds the kept latents of a stretch of a steered set, and notes how far it has been looked through, in one transaction.
    ///
    /// - Parameters:
    ///   - w: [indices.count, latentSize].
    ///   - indices: Their places in the set.
    ///   - weights: How many latents of the seed each of them stands for.
    ///   - set: The set that they belong to.
    ///   - steering: By what, and how far the set has been looked through with them.
    /// - Throws: ``Failure`` when the database can't be written, or a count does not fit; nothing is added then.
    public func insert(
        _ w: [Float], indices: [UInt32], weights: [Float], into set: SampleSet, steering: Steering
    ) throws {
        let size = set.meanLatent.count
        guard w.count == indices.count * size, weights.count == indices.count else {
            throw Failure("steered latents", "have \(w.count) values for \(indices.count) of \(size)", "")
        }
        try write { db in
            let latent = try db.prepare("INSERT OR IGNORE INTO latents (id, sample_set, w) VALUES (?, ?, ?)")
            let weight = try db.prepare("INSERT OR REPLACE INTO latent_weights (latent, weight) VALUES (?, ?)")
            for (row, index) in indices.enumerated() {
                try latent.run([set.latentID(index: index), set.id, w[row * size..<(row + 1) * size]])
                try weight.run([set.latentID(index: index), Double(weights[row])])
            }
            try db.execute(
                """
                INSERT OR REPLACE INTO steered_sets (sample_set, direction, direction_sha256, examined)
                VALUES (?, ?, ?, ?)
                """, [set.id, steering.direction, steering.directionSHA256, Int64(steering.examined)])
        }
    }

    /// How many latents of their seeds some latents stand for: 1 but for those of steered sets.
    ///
    /// - Parameter ids: In any order.
    /// - Returns: In the order of the ids.
    /// - Throws: ``Failure`` when the database can't be read.
    public func weights(ofLatents ids: [Int64]) throws -> [Double] {
        let known = try read { db in
            try db.map("SELECT latent, weight FROM latent_weights") { row in
                try (row[0] as Int64, row[1] as Double)
            }
        }
        if known.isEmpty { return [Double](repeating: 1, count: ids.count) }
        let byLatent = Dictionary(uniqueKeysWithValues: known)
        return ids.map { byLatent[$0] ?? 1 }
    }
}
