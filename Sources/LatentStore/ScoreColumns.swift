import Core
import Foundation

/// The columns of `scores`: one for each attribute that a classifier of the database knows.
enum ScoreColumns {
    /// The version of the database from which on they are kept up to date.
    static let version = 7
    /// What `scores` holds besides attributes.
    private static let fixed: Set<String> = ["classifier", "latent", "logits"]

    /// Columns for attributes that have none yet.
    static func add(_ attributes: [Attribute], _ db: Connection) throws {
        let known = Set(try slugs(db))
        for attribute in attributes where !known.contains(attribute.slug) {
            try db.execute("ALTER TABLE main.scores ADD COLUMN \"\(attribute.slug)\" REAL")
            try db.execute(
                "INSERT INTO main.attributes (slug, name) VALUES (?, ?)",
                [attribute.slug, attribute.name])
        }
    }

    /// Drops the columns of attributes that no classifier knows: those of CelebA that version 1 began with.
    static func settle(_ db: Connection) throws {
        let known = Set(try slugs(db)).union(fixed)
        for column in try db.values(String.self, "SELECT name FROM pragma_table_info('scores')")
        where !known.contains(column) {
            try db.execute("DROP INDEX IF EXISTS \"\(index(column))\"")
            try db.execute("ALTER TABLE scores DROP COLUMN \"\(column)\"")
        }
    }

    /// Adds the columns of an attached database's scores.
    ///
    /// - Parameters:
    ///   - schema: The attached database's name.
    ///   - source: What its row of scores is called in a statement.
    ///   - db: The connection that has it attached.
    /// - Returns: Those columns as a list for an `INSERT`, and as one for its `SELECT`.
    /// - Throws: A database error where a column can't be added.
    static func adopt(from schema: String, as source: String, _ db: Connection) throws -> (into: String, select: String)
    {
        let names = try db.values(String.self, "SELECT name FROM \(schema).attributes ORDER BY slug")
        let attributes = try names.map { try Attribute.named($0) }
        try add(attributes, db)
        let columns = attributes.map { "\"\($0.slug)\"" } + ["logits"]
        return (
            columns.joined(separator: ", "), columns.map { "\(source).\($0)" }.joined(separator: ", ")
        )
    }

    static func slugs(_ db: Connection) throws -> [String] {
        try db.values(String.self, "SELECT slug FROM main.attributes ORDER BY slug")
    }

    /// The name of the index by which an attribute's top is found.
    static func index(_ slug: String) -> String { "scores_\(slug)" }
}

extension LatentStore {
    /// The attributes that classifiers of this database know, by their slugs: the columns of `scores`.
    ///
    /// - Throws: ``Failure`` when the database can't be read.
    public func attributes() throws -> [Attribute] {
        try read { db in
            try db.values(String.self, "SELECT name FROM attributes ORDER BY slug").map { try Attribute.named($0) }
        }
    }

    /// - Throws: ``Failure`` (usage) with the nearest names when `scores` has no column for the attribute.
    func require(_ attribute: Attribute) throws {
        let known = try attributes()
        if known.contains(attribute) { return }
        throw Failure(
            attribute.slug, "is scored by no classifier of \(path)",
            known.isEmpty
                ? "score the latents first with `directions score`"
                : Attribute.suggestion(for: attribute.slug, among: known), kind: .usage)
    }
}
