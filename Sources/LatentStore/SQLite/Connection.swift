import CSQLite
import Foundation

/// What SQLite says went wrong.
struct SQLiteError: Error {
    /// The extended result code.
    let code: Int32
    /// SQLite's own words.
    let message: String

    /// The result code without what extends it, such as `SQLITE_IOERR`.
    var primaryCode: Int32 { code & 0xFF }
}

/// An open SQLite database, for one thread at a time.
final class Connection {
    /// What may be done with the file.
    enum Access {
        /// Reading and writing; the file is made when there is none.
        case readWrite
        case readOnly
        /// Reading a file that nobody changes meanwhile: SQLite takes no locks and makes no files beside it.
        case immutable
    }

    let handle: OpaquePointer

    /// Opens a file; another program's lock is waited for 30 s.
    ///
    /// - Throws: ``SQLiteError``.
    init(_ path: String, _ access: Access) throws {
        var (name, flags) = (path, SQLITE_OPEN_NOMUTEX)
        switch access {
        case .readWrite: flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        case .readOnly: flags |= SQLITE_OPEN_READONLY
        case .immutable:
            flags |= SQLITE_OPEN_READONLY | SQLITE_OPEN_URI
            let absolute = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
            name = URL(fileURLWithPath: absolute).absoluteString + "?immutable=1"
        }
        var opened: OpaquePointer?
        let code = sqlite3_open_v2(name, &opened, flags, nil)
        guard code == SQLITE_OK, let opened else {
            defer { sqlite3_close_v2(opened) }
            throw SQLiteError(code: code, message: String(cString: sqlite3_errmsg(opened)))
        }
        handle = opened
        sqlite3_extended_result_codes(handle, 1)
        sqlite3_busy_timeout(handle, 30_000)
        directions_sqlite_refuse_quoted_texts(handle)
        try execute("PRAGMA foreign_keys = ON")
    }

    deinit { sqlite3_close_v2(handle) }

    /// - Throws: ``SQLiteError`` of the last call unless it went well.
    func check(_ code: Int32) throws {
        if code != SQLITE_OK { throw SQLiteError(code: code, message: String(cString: sqlite3_errmsg(handle))) }
    }

    /// The row that the last `INSERT` made.
    var lastInsertedRow: Int64 { sqlite3_last_insert_rowid(handle) }
    /// Rows that the last `INSERT`, `UPDATE` or `DELETE` touched.
    var changes: Int { Int(sqlite3_changes64(handle)) }
    /// Rows that were touched since the file was opened.
    var totalChanges: Int { Int(sqlite3_total_changes64(handle)) }

    /// Runs statements; each is prepared when those before it have run.
    ///
    /// - Parameters:
    ///   - sql: One statement, or several where there are no values.
    ///   - values: Of its parameters, in order.
    /// - Throws: ``SQLiteError``.
    func execute(_ sql: String, _ values: [any Bindable] = []) throws {
        try statements(of: sql) { try $0.run(values) }
    }

    /// Hands on the statements of a text, one after the other.
    func statements(of sql: String, _ body: (Statement) throws -> Void) throws {
        try sql.withCString { text in
            var next: UnsafePointer<CChar>? = text
            while let start = next, start.pointee != 0 {
                var prepared: OpaquePointer?
                try check(sqlite3_prepare_v2(handle, start, -1, &prepared, &next))
                // Space and comments are no statement.
                if let prepared { try body(Statement(prepared, of: self)) }
            }
        }
    }

    /// One statement, to be run many times.
    ///
    /// - Throws: ``SQLiteError``.
    func prepare(_ sql: String) throws -> Statement {
        var prepared: OpaquePointer?
        try check(sqlite3_prepare_v2(handle, sql, -1, &prepared, nil))
        guard let prepared else { throw SQLiteError(code: SQLITE_ERROR, message: "there is no statement") }
        return Statement(prepared, of: self)
    }

    /// What `body` makes of each row of an answer.
    ///
    /// - Throws: ``SQLiteError``, or what `body` throws.
    func map<Result>(
        _ sql: String, _ values: [any Bindable] = [], _ body: (Row) throws -> Result
    ) throws -> [Result] {
        var results: [Result] = []
        try prepare(sql).forEachRow(values) { results.append(try body($0)) }
        return results
    }

    /// Hands on each row of an answer.
    ///
    /// - Throws: ``SQLiteError``, or what `body` throws.
    func forEachRow(_ sql: String, _ values: [any Bindable] = [], _ body: (Row) throws -> Void) throws {
        try prepare(sql).forEachRow(values, body)
    }

    /// What `body` makes of the first row of an answer; nil where there is none.
    func first<Result>(
        _ sql: String, _ values: [any Bindable] = [], _ body: (Row) throws -> Result
    ) throws -> Result? {
        try prepare(sql).first(values, body)
    }

    /// The first column of the first row of an answer; nil where there is none, or it is NULL.
    func value<Value: Readable>(_ type: Value.Type, _ sql: String, _ values: [any Bindable] = []) throws -> Value? {
        try first(sql, values) { try $0[0] as Value? } ?? nil
    }

    /// The first column of an answer.
    func values<Value: Readable>(_ type: Value.Type, _ sql: String, _ values: [any Bindable] = []) throws -> [Value] {
        try map(sql, values) { try $0[0] }
    }

    /// Runs `body` as a whole: nothing of it is kept when it throws.
    ///
    /// - Parameters:
    ///   - writes: Whether the right to write is asked for at once; a reader sees one state of the database all along.
    ///   - body: What is to be done.
    /// - Returns: Its result.
    /// - Throws: ``SQLiteError``, or what `body` throws.
    func transaction<Result>(writes: Bool, _ body: () throws -> Result) throws -> Result {
        try execute(writes ? "BEGIN IMMEDIATE" : "BEGIN DEFERRED")
        do {
            let result = try body()
            try execute("COMMIT")
            return result
        } catch {
            // Some errors, such as a full disk, have ended the transaction already.
            if sqlite3_get_autocommit(handle) == 0 { try? execute("ROLLBACK") }
            throw error
        }
    }

    /// Moves the log into the file, if there is one, and empties it.
    ///
    /// - Throws: ``SQLiteError``, also when another program still reads.
    func checkpoint() throws {
        try check(sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil))
    }
}

/// A connection that threads take turns with.
final class ConnectionQueue: @unchecked Sendable {
    private let connection: Connection
    private let turn = NSLock()

    init(_ connection: Connection) { self.connection = connection }

    /// Runs `body` while no other thread has the connection; `body` must not ask for it again.
    func use<Result>(_ body: (Connection) throws -> Result) rethrows -> Result {
        turn.lock()
        defer { turn.unlock() }
        return try body(connection)
    }

    /// Runs `body` in a transaction that reads.
    func read<Result>(_ body: (Connection) throws -> Result) throws -> Result {
        try use { db in try db.transaction(writes: false) { try body(db) } }
    }

    /// Runs `body` in a transaction that writes.
    func write<Result>(_ body: (Connection) throws -> Result) throws -> Result {
        try use { db in try db.transaction(writes: true) { try body(db) } }
    }
}
