import Core
import Foundation

/// A question to the database: which latents, in which order, how many.
public struct LatentQuery: Sendable {
    /// Which latents.
    public var filter: Filter
    /// SQL expression and direction of the order; nil means by id.
    public private(set) var order: (sql: String, descending: Bool)?
    /// At most so many.
    public var limit: Int
    /// Attributes whose scores are answered too, where a latent has them.
    public let shown: [Attribute]
    /// The classifier whose scores count; nil when no attribute is named.
    public var classifier: Int64?
    /// SHA-256 of the generator whose latents are meant; nil for every generator's.
    public var generator: String?

    /// - Parameters:
    ///   - filter: Which latents.
    ///   - order: A field, optionally after `-` for ascending; nil means by id, or by nearness when the filter is empty
    ///     and `near` is given.
    ///   - near: Orders by cosine with this latent, the nearest first.
    ///   - limit: At most so many rows.
    ///   - shown: Attributes whose scores are answered too, where a latent has them.
    ///   - classifier: The row of the classifier whose scores count; nil for the newest that has scored.
    /// - Throws: ``Failure`` (usage) for an unknown field.
    public init(
        filter: Filter, order: String?, near: Int64? = nil, limit: Int, shown: [Attribute] = [],
        classifier: Int64? = nil
    ) throws {
        self.filter = filter
        self.shown = shown
        self.limit = limit
        self.classifier = classifier
        if let near { self.order = (self.filter.near(near), true) }
        if let order {
            let ascending = order.hasPrefix("-")
            let name = ascending ? String(order.dropFirst()) : order
            guard let sql = self.filter.expression(name) else {
                let close = Attribute.nearest(to: Attribute.normalised(name), among: Filter.names).joined(
                    separator: ", ")
                throw Failure("order \(name)", "is not a field", "did you mean \(close)?", kind: .usage)
            }
            self.order = (sql, !ascending)
        }
    }

    /// All attributes that are named: in the filter, by the order, and to be shown.
    public var attributes: [Attribute] { filter.attributes + shown.filter { !filter.attributes.contains($0) } }

    /// Checks that every attribute is known.
    ///
    /// - Throws: ``Failure`` (usage) that shows the first that is not, and the nearest names.
    public func check(among known: [Attribute]) throws {
        try filter.check(among: known)
        guard let other = shown.first(where: { !known.contains($0) }) else { return }
        let near = Attribute.nearest(to: other.slug, among: known.map(\.slug)).joined(separator: ", ")
        throw Failure("attribute \(other.slug)", "has no scores", "did you mean \(near)?", kind: .usage)
    }

    /// The statement.
    public var sql: String {
        let columns =
            ["l.id AS latent"] + filter.fields.map { "\($0.sql) AS \"\($0.name)\"" }
            + attributes.map { "s.\"\($0.slug)\" AS \"\($0.slug)\"" }
        let needsScores = !filter.attributes.isEmpty
        // The order in which tables are named is the order of the search: an indexed score first when it sorts.
        let scores =
            needsScores
            ? "scores s CROSS JOIN latents l ON l.id = s.latent"
            : shown.isEmpty
                ? "latents l" : "latents l LEFT JOIN scores s ON s.latent = l.id AND s.classifier = :classifier"
        // The plus keeps SQLite from sorting all of the classifier's rows: the attribute's index has them in order.
        let isRanked = order?.sql.hasPrefix("s.") == true
        let classifier = isRanked ? "+s.classifier" : "s.classifier"
        var condition = needsScores ? "\(classifier) = :classifier AND \(filter.sql)" : filter.sql
        if generator != nil {
            // The plus keeps SQLite from starting at the sets.
            condition = "+t.generator = (SELECT id FROM generators WHERE sha256 = :generator) AND (\(condition))"
        }
        let sorting = order.map { "\($0.sql) \($0.descending ? "DESC" : "ASC"), l.id" } ?? "l.id"
        return """
            SELECT \(columns.joined(separator: ", ")) FROM \(scores) JOIN sample_sets t ON t.id = l.sample_set
            WHERE \(condition) ORDER BY \(sorting) LIMIT \(limit)
            """
    }

    /// The answer.
    ///
    /// - Throws: ``Failure`` (usage) for an attribute that no classifier of the database knows; else when the database can't
    ///   answer.
    public func run(_ store: LatentStore) throws -> Answer {
        try check(among: store.attributes())
        var arguments = filter.arguments
        if !attributes.isEmpty { arguments["classifier"] = .integer(classifier ?? 0) }
        if let generator { arguments["generator"] = .text(generator) }
        return try store.query(sql, arguments: arguments)
    }
}
