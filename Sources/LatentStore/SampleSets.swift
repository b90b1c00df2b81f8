import Core
import Foundation

/// A generator as the database knows it.
public struct GeneratorRecord: Sendable, Equatable, Codable {
    /// SHA-256 of its `weights.safetensors`.
    public var sha256: String
    /// Its name in the workspace.
    public var name: String
    /// Its architecture, such as `mobilestylegan`.
    public var architecture: String
    /// Pixels along a side of its images.
    public var resolution: Int
    /// Components of a latent.
    public var latentSize: Int
    /// Rows of its own W+ layout.
    public var layers: Int

    public init(sha256: String, name: String, architecture: String, resolution: Int, latentSize: Int, layers: Int) {
        self.sha256 = sha256
        self.name = name
        self.architecture = architecture
        self.resolution = resolution
        self.latentSize = latentSize
        self.layers = layers
    }
}

/// Latents of one seed, generator and truncation.
public struct SampleSet: Sendable, Equatable {
    /// Its number, from 1.
    public let id: Int64
    /// SHA-256 of the generator.
    public let generator: String
    /// The seed that z follows from.
    public let seed: UInt64
    /// Truncation.
    public let psi: Double
    /// [latentSize]: what truncation pulls towards.
    public let meanLatent: [Float]

    /// Id of a latent of this set.
    public func latentID(index: UInt32) -> Int64 { (id - 1) << 32 | Int64(index) }
    /// The range of all ids that the set may hold.
    public var ids: ClosedRange<Int64> { latentID(index: 0)...latentID(index: .max) }
    /// Place of a latent in its set.
    public static func index(ofLatent id: Int64) -> UInt32 { UInt32(truncatingIfNeeded: id) }
}

extension LatentStore {
    /// The row of a generator, made when it is new.
    ///
    /// - Returns: Its number.
    /// - Throws: ``Failure`` when the database can't be written.
    @discardableResult
    public func register(_ generator: GeneratorRecord) throws -> Int64 {
        try write { db in try LatentStore.register(generator, db) }
    }

    static func register(_ generator: GeneratorRecord, _ db: Connection) throws -> Int64 {
        if let id = try db.value(
            Int64.self, "SELECT id FROM generators WHERE sha256 = ?", [generator.sha256])
        {
            return id
        }
        try db.execute(
            "INSERT INTO generators (sha256, name, architecture, resolution, latent_size, layers) VALUES (?,?,?,?,?,?)",
            [
                generator.sha256, generator.name, generator.architecture, generator.resolution, generator.latentSize,
                generator.layers,
            ])
        return db.lastInsertedRow
    }

    /// All generators.
    ///
    /// - Throws: ``Failure`` when the database can't be read.
    public func generators() throws -> [(id: Int64, record: GeneratorRecord)] {
        try read { db in
            try db.map("SELECT * FROM generators ORDER BY id") { row in
                try (
                    row["id"],
                    GeneratorRecord(
                        sha256: row["sha256"], name: row["name"], architecture: row["architecture"],
                        resolution: row["resolution"], latentSize: row["latent_size"], layers: row["layers"]
                    )
                )
            }
        }
    }

    /// The set of a generator, seed and truncation, made when it is new.
    ///
    /// - Throws: ``Failure`` when the database can't be written.
    public func sampleSet(
        generator: GeneratorRecord, seed: UInt64, psi: Double, meanLatent: [Float]
    ) throws -> SampleSet {
        try write { db in
            let owner = try LatentStore.register(generator, db)
            let key: [any Bindable] = [owner, Int64(bitPattern: seed), psi]
            let found = try db.value(
                Int64.self, "SELECT id FROM sample_sets WHERE generator = ? AND seed = ? AND psi = ?", key)
            if let found {
                return SampleSet(id: found, generator: generator.sha256, seed: seed, psi: psi, meanLatent: meanLatent)
            }
            try db.execute(
                "INSERT INTO sample_sets (generator, seed, psi, mean_latent, created) VALUES (?,?,?,?,?)",
                [owner, Int64(bitPattern: seed), psi, meanLatent, LatentStore.now()])
            let id = db.lastInsertedRow
            return SampleSet(id: id, generator: generator.sha256, seed: seed, psi: psi, meanLatent: meanLatent)
        }
    }

    /// All sample sets, with how many latents each holds.
    ///
    /// - Throws: ``Failure`` when the database can't be read.
    public func sampleSets() throws -> [(set: SampleSet, count: Int)] {
        try read { db in
            try db.map(
                """
                SELECT s.*, g.sha256 AS generator_sha256 FROM sample_sets s JOIN generators g ON g.id = s.generator
                ORDER BY s.id
                """
            ) { row in
                let set = try SampleSet(
                    id: row["id"], generator: row["generator_sha256"],
                    seed: UInt64(bitPattern: row["seed"]),
                    psi: row["psi"], meanLatent: row["mean_latent"])
                return (set, try LatentStore.count(set, db))
            }
        }
    }

    private static func count(_ set: SampleSet, _ db: Connection) throws -> Int {
        try db.value(
            Int.self, "SELECT count(*) FROM latents WHERE id BETWEEN ? AND ?",
            [set.ids.lowerBound, set.ids.upperBound]) ?? 0
    }

    /// Which indices of a range a set lacks, as ranges in order.
    ///
    /// - Throws: ``Failure`` when the database can't be read.
    public func missing(in set: SampleSet, _ range: Range<UInt32>) throws -> [Range<UInt32>] {
        if range.isEmpty { return [] }
        return try read { db in
            var gaps: [Range<UInt32>] = []
            var next = range.lowerBound
            try db.forEachRow(
                "SELECT id FROM latents WHERE id BETWEEN ? AND ? ORDER BY id",
                [set.latentID(index: range.lowerBound), set.latentID(index: range.upperBound - 1)]
            ) { row in
                let index = SampleSet.index(ofLatent: try row[0])
                if index > next { gaps.append(next..<index) }
                next = index + 1
            }
            if next < range.upperBound { gaps.append(next..<range.upperBound) }
            return gaps
        }
    }

    /// Adds latents of consecutive indices in one transaction; those already there stay as they are.
    ///
    /// - Parameters:
    ///   - w: [count, latentSize].
    ///   - set: The set that they belong to.
    ///   - first: Index of the first in its set.
    /// - Throws: ``Failure`` when the database can't be written, or `w` has another size; nothing is added then.
    public func insert(_ w: [Float], into set: SampleSet, first: UInt32) throws {
        let size = set.meanLatent.count
        guard size > 0, w.count % size == 0 else {
            throw Failure("latents", "have \(w.count) values, no multiple of \(size)", "")
        }
        try write { db in
            let statement = try db.prepare(
                "INSERT OR IGNORE INTO latents (id, sample_set, w) VALUES (?, ?, ?)")
            for row in 0..<w.count / size {
                try statement.run([set.latentID(index: first + UInt32(row)), set.id, w[row * size..<(row + 1) * size]])
            }
        }
    }

    /// The generators that latents belong to, each once, by number.
    ///
    /// - Throws: ``Failure`` when the database can't be read.
    public func generators(ofLatents ids: [Int64]) throws -> [GeneratorRecord] {
        let sets = Set(ids.map { $0 >> 32 + 1 })
        let owners = Set(try sampleSets().map(\.set).filter { sets.contains($0.id) }.map(\.generator))
        return try generators().map(\.record).filter { owners.contains($0.sha256) }
    }

    /// w of latents, in the order asked for.
    ///
    /// - Returns: [ids.count, latentSize].
    /// - Throws: ``Failure`` naming the first id that is not there.
    public func latents(ids: [Int64]) throws -> [Float] {
        try read { db in
            let statement = try db.prepare("SELECT w FROM latents WHERE id = ?")
            var result: [Float] = []
            for id in ids {
                guard let w = try statement.first([id], { row in try row[0] as [Float] }) else {
                    throw try missing(latent: id, db)
                }
                if result.isEmpty { result.reserveCapacity(ids.count * w.count) }
                result += w
            }
            return result
        }
    }

    /// What to say of a latent that is not there.
    private func missing(latent id: Int64, _ db: Connection) throws -> Failure {
        let range = try db.first("SELECT min(id), max(id), count(*) FROM latents") { row in
            try (low: row[0] as Int64?, high: row[1] as Int64?, count: row[2] as Int)
        }
        var known = "the database holds none"
        if let range, let low = range.low, let high = range.high {
            known = "it holds \(range.count), from \(low) to \(high)"
        }
        return Failure(
            "latent \(id)", "is not in \(path); \(known)", "draw more with `directions sample`", kind: .notFound)
    }
}
