import Core
import Foundation
import GRDB

extension LatentStore {
    /// The row of a classifier, made when it is new, with columns for its attributes in `scores`.
    ///
    /// - Parameters:
    ///   - sha256: Of its file.
    ///   - name: What the classifier is called.
    ///   - attributes: In the order of its logits.
    /// - Returns: The classifier's row.
    /// - Throws: ``Failure`` when the database can't be written.
    public func registerClassifier(sha256: String, name: String, attributes: [Attribute]) throws -> Int64 {
        try write { db in
            if let id = try Int64.fetchOne(db, sql: "SELECT id FROM classifiers WHERE sha256 = ?", arguments: [sha256])
            {
                return id
            }
            let list = String(decoding: try JSONEncoder().encode(attributes.map(\.name)), as: UTF8.self)
            try db.execute(
                sql: "INSERT INTO classifiers (sha256, name, attributes) VALUES (?, ?, ?)",
                arguments: [sha256, name, list])
            let id = db.lastInsertedRowID
            try ScoreColumns.add(attributes, db)
            return id
        }
    }

    /// All classifiers, with the number of latents each has scored.
    ///
    /// - Throws: ``Failure`` when the database can't be read.
    public func classifiers() throws -> [ClassifierRecord] {
        try read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM classifiers ORDER BY id").map { row in
                let names = try JSONDecoder().decode([String].self, from: Data((row["attributes"] as String).utf8))
                let scored = try Int.fetchOne(
                    db, sql: "SELECT count(*) FROM scores WHERE classifier = ?", arguments: [row["id"]])
                return ClassifierRecord(
                    id: row["id"], sha256: row["sha256"], name: row["name"],
                    attributes: try names.map { try Attribute.named($0) }, scored: scored ?? 0)
            }
        }
    }

    /// The classifier of a SHA-256 or a name; nil asks for the newest that has scored and knows all of some attributes.
    ///
    /// - Throws: ``Failure`` when there is none; (usage) with the nearest names when it doesn't know one of the attributes.
    public func classifier(_ wanted: String?, scoring attributes: [Attribute] = []) throws -> ClassifierRecord {
        let all = try classifiers()
        let named = wanted == nil ? all.filter { $0.scored > 0 } : all.filter { [$0.name, $0.sha256].contains(wanted) }
        let found = named.last { record in attributes.allSatisfy(record.attributes.contains) } ?? named.last
        if let found, let missing = attributes.first(where: { !found.attributes.contains($0) }) {
            try require(missing)
            throw Failure(
                missing.slug, "is not scored by the classifier \(found.name)",
                Attribute.suggestion(for: missing.slug, among: found.attributes), kind: .usage)
        }
        guard let found else {
            throw Failure(
                wanted ?? path, wanted == nil ? "holds no scores" : "is no classifier of \(path)",
                "score the latents first with `directions score`", kind: .notFound)
        }
        return found
    }

    /// How many latents of a generator a classifier has scored.
    ///
    /// - Parameters:
    ///   - classifier: The classifier's row.
    ///   - generator: SHA-256 of the generator's weights.
    /// - Returns: The number of latents.
    /// - Throws: ``Failure`` when the database can't be read.
    public func scoredCount(classifier: Int64, generator: String) throws -> Int {
        try read { db in
            try Int.fetchOne(
                db,
                sql: """
                    SELECT sum((SELECT count(*) FROM scores s WHERE s.classifier = :classifier
                        AND s.latent BETWEEN (t.id - 1) << 32 AND ((t.id - 1) << 32) + 4294967295))
                    FROM sample_sets t JOIN generators g ON g.id = t.generator WHERE g.sha256 = :generator
                    """, arguments: ["classifier": classifier, "generator": generator]) ?? 0
        }
    }

    /// How many latents of a generator a classifier has not scored.
    ///
    /// - Throws: ``Failure`` when the database can't be read.
    public func unscoredCount(classifier: Int64, generator: String) throws -> Int {
        try read { db in
            try Int.fetchOne(
                db, sql: "SELECT count(*) \(LatentStore.unscored)", arguments: [generator, -1, classifier]) ?? 0
        }
    }

    /// The next latents that a classifier has not scored, by id.
    ///
    /// - Parameters:
    ///   - classifier: The classifier's row.
    ///   - generator: SHA-256 of the generator's weights.
    ///   - after: Only ids above this one; -1 for all.
    ///   - limit: At most so many.
    /// - Returns: Ids and w [ids.count, latentSize].
    /// - Throws: ``Failure`` when the database can't be read.
    public func unscored(
        classifier: Int64, generator: String, after: Int64, limit: Int
    ) throws -> (ids: [Int64], w: [Float]) {
        try read { db in
            let rows = try Row.fetchCursor(
                db, sql: "SELECT l.id, l.w \(LatentStore.unscored) ORDER BY l.id LIMIT ?",
                arguments: [generator, after, classifier, limit])
            var ids: [Int64] = []
            var w: [Float] = []
            while let row = try rows.next() {
                ids.append(row["id"])
                w += Blob.floats(row["w"])
            }
            return (ids, w)
        }
    }

    private static let unscored = """
        FROM latents l JOIN sample_sets t ON t.id = l.sample_set JOIN generators g ON g.id = t.generator
        WHERE g.sha256 = ? AND l.id > ? AND NOT EXISTS (SELECT 1 FROM scores s WHERE s.classifier = ? AND s.latent = l.id)
        """

    /// Stores the scores of a batch in one transaction.
    ///
    /// - Parameters:
    ///   - classifier: The classifier's row.
    ///   - attributes: The attributes, in the order of the logits.
    ///   - ids: The latents.
    ///   - logits: [ids.count, attributes.count].
    ///   - probabilities: The same shape.
    ///   - thumbnails: A JPEG a latent, or empty.
    /// - Throws: ``Failure`` when the database can't be written; nothing is stored then.
    public func insertScores(
        classifier: Int64, attributes: [Attribute], ids: [Int64], logits: [Float], probabilities: [Float],
        thumbnails: [Data] = []
    ) throws {
        let width = attributes.count
        precondition(logits.count == ids.count * width && probabilities.count == logits.count)
        let columns = attributes.map { "\"\($0.slug)\"" }.joined(separator: ", ")
        let marks = [String](repeating: "?", count: width + 3).joined(separator: ", ")
        try write { db in
            let statement = try db.cachedStatement(
                sql: "INSERT OR REPLACE INTO scores (classifier, latent, logits, \(columns)) VALUES (\(marks))")
            for (row, id) in ids.enumerated() {
                let range = row * width..<(row + 1) * width
                var values: [(any DatabaseValueConvertible)?] = [classifier, id, Blob.data(logits[range])]
                values += probabilities[range].map { Double($0) }
                try statement.execute(arguments: StatementArguments(values))
            }
            for (id, jpeg) in zip(ids, thumbnails) {
                try db.execute(
                    sql: "INSERT OR REPLACE INTO thumbnails (latent, jpeg) VALUES (?, ?)", arguments: [id, jpeg])
            }
        }
    }

    /// The faces that `score --thumbnails` kept of a generator's latents, in the order of their ids.
    ///
    /// - Parameters:
    ///   - sha256: Of the generator's weights.
    ///   - classifier: SHA-256 of the classifier whose logits are wanted too.
    /// - Returns: JPEGs; w [faces, 512]; logits [faces, attributes], empty unless that classifier has scored every one.
    /// - Throws: ``Failure`` when the database can't be read.
    public func keptFaces(generator sha256: String, classifier: String) throws
        -> (jpegs: [Data], w: [Float], logits: [Float])
    {
        try read { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT h.jpeg, l.w, s.logits FROM thumbnails h JOIN latents l ON l.id = h.latent
                        JOIN sample_sets t ON t.id = l.sample_set JOIN generators g ON g.id = t.generator
                        LEFT JOIN classifiers c ON c.sha256 = ?
                        LEFT JOIN scores s ON s.latent = l.id AND s.classifier = c.id
                    WHERE g.sha256 = ? ORDER BY l.id
                    """, arguments: [classifier, sha256])
            var (jpegs, w, logits, unscored) = ([Data](), [Float](), [Float](), 0)
            while let row = try rows.next() {
                jpegs.append(row["jpeg"])
                w += Blob.floats(row["w"])
                if let blob: Data = row["logits"] { logits += Blob.floats(blob) } else { unscored += 1 }
            }
            return (jpegs, w, unscored == 0 ? logits : [])
        }
    }

    /// Makes the indexes by which any attribute's top is found at once.
    ///
    /// Called when scoring ends: building them then is far cheaper than keeping forty of them up to date with every
    /// batch.
    ///
    /// - Throws: ``Failure`` when the database can't be written.
    public func indexScores(_ attributes: [Attribute]) throws {
        for attribute in attributes {
            try write { db in
                try db.execute(
                    sql: """
                        CREATE INDEX IF NOT EXISTS "\(ScoreColumns.index(attribute.slug))" ON scores ("\(attribute.slug)")
                        """)
            }
        }
        try write { db in try db.execute(sql: "PRAGMA analysis_limit = 1000; ANALYZE") }
    }

    /// Drops the indexes of ``indexScores(_:)`` before many scores are added.
    ///
    /// - Throws: ``Failure`` when the database can't be written.
    public func dropScoreIndexes() throws {
        try write { db in
            for slug in try ScoreColumns.slugs(db) {
                try db.execute(sql: "DROP INDEX IF EXISTS \"\(ScoreColumns.index(slug))\"")
            }
        }
    }

    /// Logits of one attribute for latents in ascending order of id.
    ///
    /// - Parameters:
    ///   - classifier: The classifier's row.
    ///   - generator: SHA-256 of the generator's weights.
    /// - Returns: Ids and logits of every scored latent of the generator.
    /// - Throws: ``Failure`` when the database can't be read.
    public func logits(classifier: Int64, generator: String) throws -> (ids: [Int64], logits: [Float]) {
        try read { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT s.latent, s.logits FROM scores s JOIN latents l ON l.id = s.latent
                    JOIN sample_sets t ON t.id = l.sample_set JOIN generators g ON g.id = t.generator
                    WHERE s.classifier = ? AND g.sha256 = ? ORDER BY s.latent
                    """, arguments: [classifier, generator])
            var ids: [Int64] = []
            var logits: [Float] = []
            while let row = try rows.next() {
                ids.append(row["latent"])
                logits += Blob.floats(row["logits"])
            }
            return (ids, logits)
        }
    }
}

/// A classifier as the database knows it.
public struct ClassifierRecord: Sendable, Equatable {
    /// Its number.
    public let id: Int64
    /// SHA-256 of its file.
    public let sha256: String
    /// Its name.
    public let name: String
    /// In the order of its logits.
    public let attributes: [Attribute]
    /// Latents it has scored.
    public let scored: Int
}
