import Core
import Foundation

/// The latents with the highest and lowest scores of one attribute.
public struct SelectionRecord: Sendable, Equatable, Codable {
    /// Its number.
    public let id: Int64
    /// SHA-256 of the generator.
    public let generator: String
    /// SHA-256 of the classifier.
    public let classifier: String
    /// The attribute's name.
    public let attribute: String
    /// Latents with the highest scores.
    public let top: Int
    /// Latents with the lowest scores.
    public let bottom: Int
    /// Latents they were chosen from.
    public let scored: Int
    /// Lowest probability in the top.
    public let topThreshold: Double
    /// Highest probability in the bottom.
    public let bottomThreshold: Double
    /// Whether the bottom was chosen like the top in all other attributes.
    public let isMatched: Bool
    /// The filter of the latents that they were chosen from; empty for all scored ones.
    public let among: String
    /// SHA-256 of what it was made from and its members.
    public let fingerprint: String
}

extension LatentStore {
    /// Ids in the order of an attribute's probability, ties by id.
    ///
    /// - Parameters:
    ///   - attribute: The attribute.
    ///   - classifier: The row of the classifier that scored.
    ///   - generator: SHA-256 of the generator's weights.
    ///   - highest: From the highest down; else from the lowest up.
    ///   - count: How many.
    ///   - among: Which latents; nil for all.
    /// - Returns: Ids with probabilities.
    /// - Throws: ``Failure`` when the database can't be read.
    public func ranked(
        _ attribute: Attribute, classifier: Int64, generator: String, highest: Bool, count: Int,
        among: Filter? = nil
    ) throws -> [(id: Int64, score: Double)] {
        try require(attribute)
        if let among {
            var query = try LatentQuery(
                filter: among, order: (highest ? "" : "-") + attribute.slug, limit: count, classifier: classifier)
            query.generator = generator
            let answer = try query.run(self)
            guard let column = answer.columns.firstIndex(of: attribute.slug) else { return [] }
            return answer.rows.compactMap { row in
                guard case .integer(let id) = row[0], case .real(let score) = row[column] else { return nil }
                return (id, score)
            }
        }
        return try read { db in
            // A lone generator needs no join, and the index alone answers.
            let isOnly = try db.value(Int.self, "SELECT count(*) FROM generators") == 1
            let filter =
                isOnly
                ? ""
                : """
                AND s.latent IN (SELECT l.id FROM latents l JOIN sample_sets t ON t.id = l.sample_set
                JOIN generators g ON g.id = t.generator WHERE g.sha256 = ?)
                """
            // The plus keeps SQLite from sorting all of the classifier's rows: the attribute's index has them in order.
            let column = "s.\"\(attribute.slug)\""
            let arguments: [any Bindable] = isOnly ? [classifier, count] : [classifier, generator, count]
            return try db.map(
                """
                SELECT s.latent, \(column) AS score FROM scores s
                WHERE +s.classifier = ? AND \(column) IS NOT NULL \(filter)
                ORDER BY \(column) \(highest ? "DESC" : "ASC"), s.latent LIMIT ?
                """, arguments
            ) { row in try (row[0], row[1]) }
        }
    }

    /// How many latents of a generator have a score of an attribute.
    ///
    /// - Parameters:
    ///   - attribute: The attribute.
    ///   - classifier: The row of the classifier that scored.
    ///   - generator: SHA-256 of the generator's weights.
    ///   - among: Which latents; nil for all.
    /// - Returns: The number of latents.
    /// - Throws: ``Failure`` when the database can't be read.
    public func scoredCount(
        _ attribute: Attribute, classifier: Int64, generator: String, among: Filter? = nil
    ) throws -> Int {
        try require(attribute)
        if among != nil {
            return try ranked(
                attribute, classifier: classifier, generator: generator, highest: true, count: .max, among: among
            ).count
        }
        return try read { db in
            try db.value(
                Int.self,
                """
                SELECT count(*) FROM scores s JOIN latents l ON l.id = s.latent JOIN sample_sets t ON t.id = l.sample_set
                JOIN generators g ON g.id = t.generator
                WHERE s.classifier = ? AND g.sha256 = ? AND s."\(attribute.slug)" IS NOT NULL
                """, [classifier, generator]) ?? 0
        }
    }

    /// Records a selection; the same members from the same scores are recorded once, and
    /// become the newest selection again.
    ///
    /// - Parameters:
    ///   - attribute: What was selected by.
    ///   - classifier: Whose scores were ranked.
    ///   - generator: SHA-256 of the generator's weights.
    ///   - top: Ids and probabilities from the highest down.
    ///   - bottom: From the lowest up.
    ///   - scored: How many they were chosen from.
    ///   - isMatched: Whether the bottom was chosen like the top in all other attributes.
    ///   - among: The filter of what they were chosen from; empty for all.
    /// - Returns: The selection, with its row.
    /// - Throws: ``Failure`` when the database can't be written.
    public func record(
        attribute: Attribute, classifier: ClassifierRecord, generator: String, top: [(id: Int64, score: Double)],
        bottom: [(id: Int64, score: Double)], scored: Int, isMatched: Bool = false, among: String = ""
    ) throws -> SelectionRecord {
        let members = top.map { "+\($0.id):\($0.score)" } + bottom.map { "-\($0.id):\($0.score)" }
        // What a selection among all was known by stays what it was.
        let population = among.isEmpty ? [] : ["among \(among)"]
        let text = ([generator, classifier.sha256, attribute.name, "\(scored)"] + population + members).joined(
            separator: "\n")
        let fingerprint = Hashing.sha256(Data(text.utf8))
        try write { db in
            try db.execute(
                "UPDATE selections SET chosen = (SELECT max(chosen) + 1 FROM selections) WHERE fingerprint = ?",
                [fingerprint])
            if db.changes > 0 { return }
            try db.execute(
                """
                INSERT INTO selections (generator, classifier, attribute, top, bottom, scored, top_threshold,
                    bottom_threshold, fingerprint, created, matched, among, chosen)
                SELECT id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT ifnull(max(chosen), 0) + 1 FROM selections)
                FROM generators WHERE sha256 = ?
                """,
                [
                    classifier.id, attribute.name, top.count, bottom.count, scored, top.last?.score ?? 0,
                    bottom.last?.score ?? 0, fingerprint, LatentStore.now(), isMatched, among, generator,
                ])
            let id = db.lastInsertedRow
            let statement = try db.prepare(
                "INSERT INTO selection_members (selection, label, rank, latent) VALUES (?, ?, ?, ?)")
            for (label, list) in [(1, top), (-1, bottom)] {
                for (rank, member) in list.enumerated() {
                    try statement.run([id, label, rank, member.id])
                }
            }
        }
        return try selection(fingerprint: fingerprint)
    }

    private func selection(fingerprint: String) throws -> SelectionRecord {
        guard let found = try selections(where: "x.fingerprint = ?", [fingerprint]).first else {
            throw Failure(path, "lost a selection that was just recorded", "")
        }
        return found
    }

    /// All selections, the one made last at the end.
    ///
    /// - Throws: ``Failure`` when the database can't be read.
    public func selections() throws -> [SelectionRecord] { try selections(where: "1", []) }

    /// The newest selection of an attribute.
    ///
    /// - Throws: ``Failure`` when there is none; (usage) with the nearest names when nothing scores the attribute.
    public func latestSelection(_ attribute: Attribute, generator: String) throws -> SelectionRecord {
        let found = try selections(where: "lower(x.attribute) = ? AND g.sha256 = ?", [attribute.slug, generator])
        guard let last = found.last else {
            let known = try attributes()
            if !known.isEmpty { _ = try attribute.found(among: known) }
            throw Failure(
                attribute.name, "has no selection in \(path)",
                "make one with `directions select [attribute \(attribute.slug)]`", kind: .notFound)
        }
        return last
    }

    private func selections(where condition: String, _ arguments: [any Bindable]) throws -> [SelectionRecord] {
        try read { db in
            try db.map(
                """
                SELECT x.*, g.sha256 AS g_sha256, c.sha256 AS c_sha256 FROM selections x
                JOIN generators g ON g.id = x.generator JOIN classifiers c ON c.id = x.classifier
                WHERE \(condition) ORDER BY x.chosen
                """, arguments
            ) { row in
                try SelectionRecord(
                    id: row["id"], generator: row["g_sha256"], classifier: row["c_sha256"],
                    attribute: row["attribute"],
                    top: row["top"], bottom: row["bottom"], scored: row["scored"],
                    topThreshold: row["top_threshold"],
                    bottomThreshold: row["bottom_threshold"], isMatched: row["matched"], among: row["among"],
                    fingerprint: row["fingerprint"]
                )
            }
        }
    }

    /// Members of a selection, those of one label in order of rank.
    ///
    /// - Parameters:
    ///   - selection: The selection's row.
    ///   - label: 1 for the top, -1 for the bottom.
    /// - Returns: Ids, the most certain first.
    /// - Throws: ``Failure`` when the database can't be read.
    public func members(of selection: Int64, label: Int) throws -> [Int64] {
        try read { db in
            try db.values(
                Int64.self, "SELECT latent FROM selection_members WHERE selection = ? AND label = ? ORDER BY rank",
                [selection, label])
        }
    }
}
