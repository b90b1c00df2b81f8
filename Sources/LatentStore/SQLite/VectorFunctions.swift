import CSQLite
import Core

/// SQL functions over w: `norm(w)`, `distance(a, b)`, `cosine(a, b)`, in float64; NULL where they are not defined.
enum VectorFunctions {
    /// Makes them known to a connection.
    ///
    /// - Throws: ``SQLiteError``.
    static func add(to db: Connection) throws {
        try add("norm", to: db, count: 1) { context, _, values in
            guard let a = vector(values?[0]) else { return sqlite3_result_null(context) }
            sqlite3_result_double(context, Vectors.dot(a, a).squareRoot())
        }
        try add("distance", to: db, count: 2) { context, _, values in
            guard let (a, b) = pair(values) else { return sqlite3_result_null(context) }
            sqlite3_result_double(
                context, max(0, Vectors.dot(a, a) - 2 * Vectors.dot(a, b) + Vectors.dot(b, b)).squareRoot())
        }
        try add("cosine", to: db, count: 2) { context, _, values in
            guard let (a, b) = pair(values) else { return sqlite3_result_null(context) }
            let scale = max((Vectors.dot(a, a) * Vectors.dot(b, b)).squareRoot(), .leastNormalMagnitude)
            sqlite3_result_double(context, Vectors.dot(a, b) / scale)
        }
    }

    private typealias Function =
        @convention(c) (OpaquePointer?, Int32, UnsafeMutablePointer<OpaquePointer?>?) -> Void

    private static func add(_ name: String, to db: Connection, count: Int32, _ function: Function) throws {
        let kind = SQLITE_UTF8 | SQLITE_DETERMINISTIC
        try db.check(sqlite3_create_function_v2(db.handle, name, count, kind, nil, function, nil, nil, nil))
    }
}

// Outside of the type: SQLite's callbacks capture nothing.
private func vector(_ value: OpaquePointer?) -> UnsafeRawBufferPointer? {
    guard [SQLITE_TEXT, SQLITE_BLOB].contains(sqlite3_value_type(value)) else { return nil }
    let start = sqlite3_value_blob(value)
    return UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : Int(sqlite3_value_bytes(value)))
}

/// Two vectors of one length, or nil.
private func pair(
    _ values: UnsafeMutablePointer<OpaquePointer?>?
) -> (UnsafeRawBufferPointer, UnsafeRawBufferPointer)? {
    guard let a = vector(values?[0]), let b = vector(values?[1]), a.count == b.count else { return nil }
    return (a, b)
}
