import Core
import Foundation
import GRDB

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
            try queue.writeWithoutTransaction { db in
                try db.execute(sql: "ATTACH DATABASE ? AS shard", arguments: [shard])
                defer { try? db.execute(sql: "DETACH DATABASE shard") }
                var counts = (0, 0)
                try db.inTransaction {
                    counts = try LatentStore.mergeAttached(db, shard: shard)
                    return .commit
                }
                return counts
            }
        }
    }

    private static func mergeAttached(_ db: Database, shard: String) throws -> (Int, Int) {
        for table in ["generators", "classifiers"] {
            let columns =
                table == "generators"
                ? "sha256, name, architecture, resolution, latent_size, layers" : "sha256, name, attributes"
            try db.execute(
                sql:
                    "INSERT OR IGNORE INTO main.\(table) (\(columns)) SELECT \(columns) FROM shard.\(table) ORDER BY id"
            )
        }
        var latents = 0
        for row in try Row.fetchAll(
            db, sql: "SELECT s.*, g.sha256 FROM shard.sample_sets s JOIN shard.generators g ON g.id = s.generator")
        {
            let target = try matchingSet(row, db, shard: shard)
            let offset = (target - (row["id"] as Int64)) << 32
            try db.execute(
                sql: """
                    INSERT OR IGNORE INTO main.latents (id, sample_set, w)
                    SELECT id + ?, ?, w FROM shard.latents WHERE sample_set = ? ORDER BY id
                    """, arguments: [offset, target, row["id"]])
            latents += db.changesCount
        }
        let scores = try mergeScores(db)
        try mergeThumbnails(db)
        return (latents, scores)
    }

    /// Pairs of a latent in the shard and its set there and here, for a `FROM` that names the shard's row `x`.
    private static let matchingLatents = """
        JOIN shard.latents l ON l.id = x.latent JOIN shard.sample_sets t ON t.id = l.sample_set
        JOIN shard.generators g ON g.id = t.generator JOIN main.generators h ON h.sha256 = g.sha256
        JOIN main.sample_sets m ON m.generator = h.id AND m.seed = t.seed AND m.psi = t.psi
        """

    private static func mergeThumbnails(_ db: Database) throws {
        try db.execute(
            sql: """
                INSERT OR IGNORE INTO main.thumbnails (latent, jpeg)
                SELECT x.latent + ((m.id - t.id) << 32), x.jpeg FROM shard.thumbnails x \(matchingLatents)
                """)
    }

    private static func mergeScores(_ db: Database) throws -> Int {
        let columns = try ScoreColumns.adopt(from: "shard", as: "x", db)
        let before = db.totalChangesCount
        try db.execute(
            sql: """
                INSERT OR IGNORE INTO main.scores (classifier, latent, \(columns.into))
                SELECT c.id, x.latent + ((m.id - t.id) << 32), \(columns.select)
                FROM shard.scores x
                JOIN shard.classifiers d ON d.id = x.classifier JOIN main.classifiers c ON c.sha256 = d.sha256
                \(matchingLatents)
                ORDER BY c.id, x.latent
                """)
        return db.totalChangesCount - before
    }

    private static func matchingSet(_ row: Row, _ db: Database, shard: String) throws -> Int64 {
        let found = try Row.fetchOne(
            db,
            sql: """
                SELECT s.id, s.mean_latent FROM main.sample_sets s JOIN main.generators g ON g.id = s.generator
                WHERE g.sha256 = ? AND s.seed = ? AND s.psi = ?
                """, arguments: [row["sha256"], row["seed"], row["psi"]])
        if let found {
            guard found["mean_latent"] as Data == row["mean_latent"] as Data else {
                throw Failure(
                    shard, "has a sample set with another mean latent", "it was made by another program version",
                    kind: .conflict)
            }
            return found["id"]
        }
        try db.execute(
            sql: """
                INSERT INTO main.sample_sets (generator, seed, psi, mean_latent, created)
                SELECT id, ?, ?, ?, ? FROM main.generators WHERE sha256 = ?
                """, arguments: [row["seed"], row["psi"], row["mean_latent"], row["created"], row["sha256"]])
        return db.lastInsertedRowID
    }
}
