import Core
import Foundation

/// A table of values, as a query answers it.
public struct Answer: Sendable, Equatable {
    /// One value.
    public enum Value: Sendable, Equatable {
        case null
        case integer(Int64)
        case real(Double)
        case text(String)
        case blob(Data)
    }

    /// Names of the columns.
    public let columns: [String]
    /// Rows of as many values.
    public let rows: [[Value]]

    /// A table of rows that are as long as there are columns.
    public init(columns: [String], rows: [[Value]]) {
        self.columns = columns
        self.rows = rows
    }
}

extension LatentStore {
    /// The answer of one SQL statement that only reads.
    ///
    /// - Parameters:
    ///   - sql: One statement.
    ///   - arguments: Values of its named parameters.
    ///   - limit: At most so many rows.
    /// - Returns: Columns and rows.
    /// - Throws: ``Failure`` with SQLite's message for a statement that is wrong, writes, or attaches another file.
    public func query(_ sql: String, arguments: [String: Answer.Value] = [:], limit: Int = .max) throws -> Answer {
        do {
            return try read { db in
                try db.execute("PRAGMA query_only = 1")
                defer { try? db.execute("PRAGMA query_only = 0") }
                let statement = try LatentStore.single(sql, db)
                guard statement.isReadOnly, !LatentStore.isForbidden(sql) else {
                    throw Failure(
                        "SQL", "would change the database; only reading is allowed here", "use SELECT", kind: .usage)
                }
                let places = statement.columns.indices
                var rows: [[Answer.Value]] = []
                try statement.forEachRow(named: arguments, limit: limit) { row in
                    rows.append(try places.map { try row[$0] })
                }
                return Answer(columns: statement.columns, rows: rows)
            }
        } catch let failure as Failure where failure.subject == path {
            throw Failure("SQL", failure.problem, "see Database/README.md for the tables", kind: failure.kind)
        }
    }

    /// The only statement of a text.
    private static func single(_ sql: String, _ db: Connection) throws -> Statement {
        var found: Statement?
        try db.statements(of: sql) { statement in
            if found != nil {
                throw Failure("SQL", "holds more than one statement", "ask one at a time", kind: .usage)
            }
            found = statement
        }
        guard let found else {
            throw Failure("SQL", "is empty", "for example SELECT count(*) FROM latents", kind: .usage)
        }
        return found
    }

    /// Statements that SQLite counts as reading although they reach beyond this database or its settings.
    private static func isForbidden(_ sql: String) -> Bool {
        var rest = sql[...].drop { $0.isWhitespace || $0 == "(" }
        while let end = rest.hasPrefix("--") ? "\n" : rest.hasPrefix("/*") ? "*/" : nil {
            rest = rest.range(of: end).map { rest[$0.upperBound...] } ?? ""
            rest = rest.drop { $0.isWhitespace || $0 == "(" }
        }
        let first = rest.prefix { $0.isLetter }.uppercased()
        return !["SELECT", "WITH", "EXPLAIN", "VALUES"].contains(first)
    }

    /// The answer of a statement as text, a line a row, for comparing.
    ///
    /// - Throws: As ``query(_:arguments:limit:)``.
    public func answer(_ sql: String) throws -> String {
        try query(sql).rows.map { row in row.map(\.text).joined(separator: "|") }.joined(separator: "\n")
    }
}

extension Answer.Value {
    /// The value as text; a blob as its size.
    public var text: String {
        switch self {
        case .null: ""
        case .integer(let number): String(number)
        case .real(let number): String(number)
        case .text(let text): text
        case .blob(let data): "<\(data.count) bytes>"
        }
    }
}
