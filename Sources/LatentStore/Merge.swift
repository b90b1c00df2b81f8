import Core
import Foundation

/// Shards: databases that each hold a part, put together.
extension LatentStore {
    /// Copies what another database of the same program holds of latents, scores and thumbnails; what is there stays.
    ///
    /// - Returns: How many latents and scores were new.
    /// - Throws: ``Failure`` naming the shard: another program's or version's, or of a set whose truncation mean differs.
    public func merge(_ shard: String) throws -> (latents: Int, scores: Int) {
        // Opening it checks that it is one of ours, of this version.
        _ = try LatentStore.openReadOnly(shard)
        return try LatentStore.translating(path) {
            try queue.use { db in
                try db.execute("ATTACH DATABASE ? AS shard", [shard])
                defer { try? db.execute("DETACH DATABASE shard") }
                return try db.transaction(writes: true) { try LatentStore.mergeAttached(db, shard: shard) }
            }
        }
    }

    private static func mergeAttached(_ db: Connection, shard: String) throws -> (Int, Int) {
        for table in ["generators", "classifiers"] {
            let columns =
                table == "generators"
                ? "sha256, name, architecture, resolution, latent_size, layers" : "sha256, name, attributes"
            try db.execute(
                "INSERT OR IGNORE INTO main.\(table) (\(columns)) SELECT \(columns) FROM shard.\(table) ORDER BY id"
            )
        }
        var latents = 0
        let sets = try db.map(
            "SELECT s.*, g.sha256 FROM shard.sample_sets s JOIN shard.generators g ON g.id = s.generator"
        ) { row in
            try ShardSet(
                id: row["id"], generator: row["sha256"], seed: row["seed"], psi: row["psi"],
                meanLatent: row["mean_latent"], created: row["created"])
        }
        for set in sets {
            let target = try matchingSet(set, db, shard: shard)
            try mergeSteering(set, into: target, db, shard: shard)
            let offset = (target - set.id) << 32
            try db.execute(
                """
                INSERT OR IGNORE INTO main.latents (id, sample_set, w)
                SELECT id + ?, ?, w FROM shard.latents WHERE sample_set = ? ORDER BY id
                """, [offset, target, set.id])
            latents += db.changes
        }
        let scores = try mergeScores(db)
        try mergeThumbnails(db)
        try mergeWeights(db)
        return (latents, scores)
    }

    /// Pairs of a latent in the shard and its set there and here, for a `FROM` that names the shard's row `x`.
    private static let matchingLatents = """
        JOIN shard.latents l ON l.id = x.latent JOIN shard.sample_sets t ON t.id = l.sample_set
        JOIN shard.generators g ON g.id = t.generator JOIN main.generators h ON h.sha256 = g.sha256
        JOIN main.sample_sets m ON m.generator = h.id AND m.seed = t.seed AND m.psi = t.psi
        """

    /// A steered set goes with what it was steered by, and with no set of its seed that was not, or otherwise.
    private static func mergeSteering(_ set: ShardSet, into target: Int64, _ db: Connection, shard: String) throws {
        func direction(_ schema: String, _ id: Int64) throws -> String? {
            try db.value(
                String.self, "SELECT direction_sha256 FROM \(schema).steered_sets WHERE sample_set = ?", [id])
        }
        let (theirs, ours) = (try direction("shard", set.id), try direction("main", target))
        let isNew =
            try db.value(Int.self, "SELECT count(*) FROM main.latents WHERE sample_set = ?", [target]) == 0
        guard theirs == ours || isNew else {
            throw Failure(
                shard, "has a set of seed \(UInt64(bitPattern: set.seed)) that was steered otherwise",
                "keep sets of one seed alike", kind: .conflict)
        }
        try db.execute(
            """
            INSERT OR REPLACE INTO main.steered_sets (sample_set, direction, direction_sha256, examined)
            SELECT ?1, direction, direction_sha256,
                max(examined, ifnull((SELECT examined FROM main.steered_sets WHERE sample_set = ?1), 0))
            FROM shard.steered_sets WHERE sample_set = ?2
            """, [target, set.id])
    }

    private static func mergeWeights(_ db: Connection) throws {
        try db.execute(
            """
            INSERT OR IGNORE INTO main.latent_weights (latent, weight)
            SELECT x.latent + ((m.id - t.id) << 32), x.weight FROM shard.latent_weights x \(matchingLatents)
            """)
    }

    private static func mergeThumbnails(_ db: Connection) throws {
        try db.execute(
            """
            INSERT OR IGNORE INTO main.thumbnails (latent, jpeg)
            SELECT x.latent + ((m.id - t.id) << 32), x.jpeg FROM shard.thumbnails x \(matchingLatents)
            """)
    }

    private static func mergeScores(_ db: Connection) throws -> Int {
        let columns = try ScoreColumns.adopt(from: "shard", as: "x", db)
        let before = db.totalChanges
        try db.execute(
            """
            INSERT OR IGNORE INTO main.scores (classifier, latent, \(columns.into))
            SELECT c.id, x.latent + ((m.id - t.id) << 32), \(columns.select)
            FROM shard.scores x
            JOIN shard.classifiers d ON d.id = x.classifier JOIN main.classifiers c ON c.sha256 = d.sha256
            \(matchingLatents)
            ORDER BY c.id, x.latent
            """)
        return db.totalChanges - before
    }

    /// A sample set as the shard holds it.
    private struct ShardSet {
        let id: Int64
        let generator: String
        let seed: Int64
        let psi: Double
        let meanLatent: Data
        let created: String
    }

    private static func matchingSet(_ set: ShardSet, _ db: Connection, shard: String) throws -> Int64 {
        let found = try db.first(
            """
            SELECT s.id, s.mean_latent FROM main.sample_sets s JOIN main.generators g ON g.id = s.generator
            WHERE g.sha256 = ? AND s.seed = ? AND s.psi = ?
            """, [set.generator, set.seed, set.psi]
        ) { row in try (id: row["id"] as Int64, meanLatent: row["mean_latent"] as Data) }
        if let found {
            guard found.meanLatent == set.meanLatent else {
                throw Failure(
                    shard, "has a sample set with another mean latent", "it was made by another program version",
                    kind: .conflict)
            }
            return found.id
        }
        try db.execute(
            """
            INSERT INTO main.sample_sets (generator, seed, psi, mean_latent, created)
            SELECT id, ?, ?, ?, ? FROM main.generators WHERE sha256 = ?
            """, [set.seed, set.psi, set.meanLatent, set.created, set.generator])
        return db.lastInsertedRow
    }
}
