import CSQLite

/// SQL functions over w: `norm(w)`, `distance(a, b)`, `cosine(a, b)`, in float64; NULL where they are not defined.
enum VectorFunctions {
    /// Makes them known to a connection.
    ///
    /// - Throws: ``SQLiteError``.
    static func add(to db: Connection) throws {
        try add("norm", to: db, count: 1) { context, _, values in
            guard let a = vector(values?[0]) else { return sqlite3_result_null(context) }
            sqlite3_result_double(context, dot(a, a).squareRoot())
        }
        try add("distance", to: db, count: 2) { context, _, values in
            guard let (a, b) = pair(values) else { return sqlite3_result_null(context) }
            sqlite3_result_double(context, max(0, dot(a, a) - 2 * dot(a, b) + dot(b, b)).squareRoot())
        }
        try add("cosine", to: db, count: 2) { context, _, values in
            guard let (a, b) = pair(values) else { return sqlite3_result_null(context) }
            let scale = max((dot(a, a) * dot(b, b)).squareRoot(), .leastNormalMagnitude)
            sqlite3_result_double(context, dot(a, b) / scale)
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

private func dot(_ x: UnsafeRawBufferPointer, _ y: UnsafeRawBufferPointer) -> Double {
    var sum = SIMD8<Double>()
    let blocks = x.count / 32
    for i in 0..<blocks {
        let u = x.loadUnaligned(fromByteOffset: 32 * i, as: SIMD8<Float>.self)
        let v = y.loadUnaligned(fromByteOffset: 32 * i, as: SIMD8<Float>.self)
        sum += SIMD8<Double>(u) * SIMD8<Double>(v)
    }
    var total = sum.sum()
    for i in blocks * 8..<x.count / 4 {
        let u = x.loadUnaligned(fromByteOffset: 4 * i, as: Float.self)
        total += Double(u) * Double(y.loadUnaligned(fromByteOffset: 4 * i, as: Float.self))
    }
    return total
}
