import Core
import Foundation
import GRDB

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
                try db.execute(sql: "PRAGMA query_only = 1")
                defer { try? db.execute(sql: "PRAGMA query_only = 0") }
                let (statement, rest) = try LatentStore.single(sql, db)
                guard rest.isEmpty else {
                    throw Failure("SQL", "holds more than one statement", "ask one at a time", kind: .usage)
                }
                guard statement.isReadonly, !LatentStore.isForbidden(sql) else {
                    throw Failure(
                        "SQL", "would change the database; only reading is allowed here", "use SELECT", kind: .usage)
                }
                let names = statement.columnNames
                statement.arguments = StatementArguments(arguments.mapValues(\.databaseValue))
                let cursor = try Row.fetchCursor(statement)
                var rows: [[Answer.Value]] = []
                while rows.count < limit, let row = try cursor.next() {
                    rows.append(names.indices.map { Answer.Value(row[$0] as DatabaseValue) })
                }
                return Answer(columns: names, rows: rows)
            }
        } catch let failure as Failure where failure.subject == path {
            throw Failure("SQL", failure.problem, "see Database/README.md for the tables", kind: failure.kind)
        }
    }

    /// The first statement of a text, and what follows it.
    private static func single(_ sql: String, _ db: Database) throws -> (Statement, String) {
        var statements: [Statement] = []
        let all = try db.allStatements(sql: sql)
        while let next = try all.next(), statements.count < 2 { statements.append(next) }
        guard let first = statements.first else {
            throw Failure("SQL", "is empty", "for example SELECT count(*) FROM latents", kind: .usage)
        }
        return (first, statements.count > 1 ? "more" : "")
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
    init(_ value: DatabaseValue) {
        switch value.storage {
        case .null: self = .null
        case .int64(let number): self = .integer(number)
        case .double(let number): self = .real(number)
        case .string(let text): self = .text(text)
        case .blob(let data): self = .blob(data)
        }
    }

    var databaseValue: DatabaseValue {
        switch self {
        case .null: .null
        case .integer(let number): number.databaseValue
        case .real(let number): number.databaseValue
        case .text(let text): text.databaseValue
        case .blob(let data): data.databaseValue
        }
    }

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
