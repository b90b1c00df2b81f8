import Core
import Foundation

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
            if let id = try db.value(Int64.self, "SELECT id FROM classifiers WHERE sha256 = ?", [sha256]) {
                return id
            }
            let list = String(decoding: try JSONEncoder().encode(attributes.map(\.name)), as: UTF8.self)
            try db.execute(
                "INSERT INTO classifiers (sha256, name, attributes) VALUES (?, ?, ?)",
                [sha256, name, list])
            let id = db.lastInsertedRow
            try ScoreColumns.add(attributes, db)
            return id
        }
    }

    /// All classifiers, with the number of latents each has scored.
    ///
    /// - Throws: ``Failure`` when the database can't be read.
    public func classifiers() throws -> [ClassifierRecord] {
        try read { db in
            try db.map("SELECT * FROM classifiers ORDER BY id") { row in
                let id: Int64 = try row["id"]
                let list: String = try row["attributes"]
                let names = try JSONDecoder().decode([String].self, from: Data(list.utf8))
                let scored = try db.value(
                    Int.self, "SELECT count(*) FROM scores WHERE classifier = ?", [id])
                return try ClassifierRecord(
                    id: id, sha256: row["sha256"], name: row["name"],
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
            try db.value(
                Int.self,
                """
                SELECT sum((SELECT count(*) FROM scores s WHERE s.classifier = ?1
                    AND s.latent BETWEEN (t.id - 1) << 32 AND ((t.id - 1) << 32) + 4294967295))
                FROM sample_sets t JOIN generators g ON g.id = t.generator WHERE g.sha256 = ?2
                """, [classifier, generator]) ?? 0
        }
    }

    /// How many latents of a generator a classifier has not scored.
    ///
    /// - Throws: ``Failure`` when the database can't be read.
    public func unscoredCount(classifier: Int64, generator: String) throws -> Int {
        try read { db in
            try db.value(
                Int.self, "SELECT count(*) \(LatentStore.unscored)", [generator, -1, classifier]) ?? 0
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
            var ids: [Int64] = []
            var w: [Float] = []
            try db.forEachRow(
                "SELECT l.id, l.w \(LatentStore.unscored) ORDER BY l.id LIMIT ?",
                [generator, after, classifier, limit]
            ) { row in
                ids.append(try row[0])
                w += try row[1] as [Float]
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
            let statement = try db.prepare(
                "INSERT OR REPLACE INTO scores (classifier, latent, logits, \(columns)) VALUES (\(marks))")
            for (row, id) in ids.enumerated() {
                let range = row * width..<(row + 1) * width
                var values: [any Bindable] = [classifier, id, logits[range]]
                for probability in probabilities[range] { values.append(Double(probability)) }
                try statement.run(values)
            }
            for (id, jpeg) in zip(ids, thumbnails) {
                try db.execute(
                    "INSERT OR REPLACE INTO thumbnails (latent, jpeg) VALUES (?, ?)", [id, jpeg])
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
            var (jpegs, w, logits, unscored) = ([Data](), [Float](), [Float](), 0)
            try db.forEachRow(
                """
                SELECT h.jpeg, l.w, s.logits FROM thumbnails h JOIN latents l ON l.id = h.latent
                    JOIN sample_sets t ON t.id = l.sample_set JOIN generators g ON g.id = t.generator
                    LEFT JOIN classifiers c ON c.sha256 = ?
                    LEFT JOIN scores s ON s.latent = l.id AND s.classifier = c.id
                WHERE g.sha256 = ? ORDER BY l.id
                """, [classifier, sha256]
            ) { row in
                jpegs.append(try row[0])
                w += try row[1] as [Float]
                if let scored = try row[2] as [Float]? { logits += scored } else { unscored += 1 }
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
                    """
                    CREATE INDEX IF NOT EXISTS "\(ScoreColumns.index(attribute.slug))" ON scores ("\(attribute.slug)")
                    """)
            }
        }
        try write { db in try db.execute("PRAGMA analysis_limit = 1000; ANALYZE") }
    }

    /// Drops the indexes of ``indexScores(_:)`` before many scores are added.
    ///
    /// - Throws: ``Failure`` when the database can't be written.
    public func dropScoreIndexes() throws {
        try write { db in
            for slug in try ScoreColumns.slugs(db) {
                try db.execute("DROP INDEX IF EXISTS \"\(ScoreColumns.index(slug))\"")
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
            var ids: [Int64] = []
            var logits: [Float] = []
            try db.forEachRow(
                """
                SELECT s.latent, s.logits FROM scores s JOIN latents l ON l.id = s.latent
                JOIN sample_sets t ON t.id = l.sample_set JOIN generators g ON g.id = t.generator
                WHERE s.classifier = ? AND g.sha256 = ? ORDER BY s.latent
                """, [classifier, generator]
            ) { row in
                ids.append(try row[0])
                logits += try row[1] as [Float]
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
