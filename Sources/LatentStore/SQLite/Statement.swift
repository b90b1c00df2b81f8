import CSQLite

/// A prepared statement.
final class Statement {
    let handle: OpaquePointer
    /// Outlives the statement.
    private let connection: Connection
    /// Names of the answer's columns.
    private(set) lazy var columns = (0..<sqlite3_column_count(handle)).map {
        String(cString: sqlite3_column_name(handle, $0))
    }
    /// Where the columns are, by name; of two of one name the first.
    fileprivate lazy var places = Dictionary(
        zip(columns, Int32(0)...), uniquingKeysWith: { first, _ in first })

    /// Takes over what `sqlite3_prepare_v2` gave.
    init(_ handle: OpaquePointer, of connection: Connection) {
        self.handle = handle
        self.connection = connection
    }

    deinit { sqlite3_finalize(handle) }

    /// Whether it leaves the database's files as they are.
    var isReadOnly: Bool { sqlite3_stmt_readonly(handle) != 0 }

    /// Runs it to its end.
    ///
    /// - Throws: ``SQLiteError``.
    func run(_ values: [any Bindable] = []) throws {
        try bind(values)
        try stepping { while try step() {} }
    }

    /// Hands on each row of its answer, valid while `body` runs.
    ///
    /// - Throws: ``SQLiteError``, or what `body` throws.
    func forEachRow(_ values: [any Bindable] = [], _ body: (Row) throws -> Void) throws {
        try bind(values)
        try stepping { while try step() { try body(Row(statement: self)) } }
    }

    /// What `body` makes of the first row; nil where there is none.
    func first<Result>(_ values: [any Bindable] = [], _ body: (Row) throws -> Result) throws -> Result? {
        try bind(values)
        return try stepping { try step() ? body(Row(statement: self)) : nil }
    }

    /// Hands on at most so many rows of an answer to named parameters.
    ///
    /// - Throws: ``SQLiteError``, also for a parameter without a value; or what `body` throws.
    func forEachRow(named values: [String: any Bindable], limit: Int, _ body: (Row) throws -> Void) throws {
        for index in 0..<sqlite3_bind_parameter_count(handle) {
            let name = sqlite3_bind_parameter_name(handle, index + 1).map { String(cString: $0) } ?? "?"
            guard let value = values[String(name.dropFirst())] else {
                throw SQLiteError(code: SQLITE_ERROR, message: "the parameter \(name) has no value")
            }
            try connection.check(value.bind(to: handle, at: index + 1))
        }
        var left = limit
        try stepping {
            while left > 0, try step() {
                try body(Row(statement: self))
                left -= 1
            }
        }
    }

    private func bind(_ values: [any Bindable]) throws {
        precondition(Int(sqlite3_bind_parameter_count(handle)) == values.count, "a value for each parameter")
        for (index, value) in values.enumerated() {
            try connection.check(value.bind(to: handle, at: Int32(index + 1)))
        }
    }

    /// Runs `body`, and leaves the statement ready to be run again.
    private func stepping<Result>(_ body: () throws -> Result) rethrows -> Result {
        defer { sqlite3_reset(handle) }
        return try body()
    }

    /// Goes on to the next row; false at the end.
    private func step() throws -> Bool {
        let code = sqlite3_step(handle)
        if code == SQLITE_ROW { return true }
        if code != SQLITE_DONE { try connection.check(code) }
        return false
    }
}

/// The row that a statement stands on.
struct Row {
    fileprivate let statement: Statement

    /// A column by its place.
    ///
    /// - Throws: ``SQLiteError`` where it holds something else than what is asked for.
    subscript<Value: Readable>(column: Int) -> Value {
        get throws {
            guard let value = Value.read(statement.handle, Int32(column)) else {
                throw SQLiteError(
                    code: SQLITE_CORRUPT, message: "\(statement.columns[column]) holds no \(Value.self)")
            }
            return value
        }
    }

    /// A column by its name.
    ///
    /// - Throws: As ``subscript(_:)``, also where there is no such column.
    subscript<Value: Readable>(name: String) -> Value {
        get throws {
            guard let place = statement.places[name] else {
                throw SQLiteError(code: SQLITE_ERROR, message: "no such column: \(name)")
            }
            return try self[Int(place)]
        }
    }
}
