import CSQLite
import Foundation

/// What a parameter of a statement can be set to.
protocol Bindable {
    /// Sets a parameter, numbered from 1; SQLite keeps a copy.
    ///
    /// - Returns: SQLite's result code.
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32
}

/// What a column of an answer can be read as.
protocol Readable {
    /// The value of a column, numbered from 0; nil where the column holds something else.
    static func read(_ statement: OpaquePointer, _ column: Int32) -> Self?
}

/// Tells SQLite to copy what a pointer points to.
private let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

extension Int64: Bindable, Readable {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 { sqlite3_bind_int64(statement, index, self) }

    static func read(_ statement: OpaquePointer, _ column: Int32) -> Int64? {
        switch sqlite3_column_type(statement, column) {
        case SQLITE_INTEGER: sqlite3_column_int64(statement, column)
        case SQLITE_FLOAT: Int64(exactly: sqlite3_column_double(statement, column))
        default: nil
        }
    }
}

extension Int: Bindable, Readable {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 { Int64(self).bind(to: statement, at: index) }

    static func read(_ statement: OpaquePointer, _ column: Int32) -> Int? {
        Int64.read(statement, column).map(Int.init)
    }
}

extension Bool: Bindable, Readable {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 {
        sqlite3_bind_int(statement, index, self ? 1 : 0)
    }

    static func read(_ statement: OpaquePointer, _ column: Int32) -> Bool? {
        Int64.read(statement, column).map { $0 != 0 }
    }
}

extension Double: Bindable, Readable {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 { sqlite3_bind_double(statement, index, self) }

    static func read(_ statement: OpaquePointer, _ column: Int32) -> Double? {
        switch sqlite3_column_type(statement, column) {
        case SQLITE_INTEGER, SQLITE_FLOAT: sqlite3_column_double(statement, column)
        default: nil
        }
    }
}

extension String: Bindable, Readable {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 {
        var text = self
        return text.withUTF8 { bytes in
            // A null pointer would be NULL, not an empty text.
            guard let start = bytes.baseAddress else {
                return sqlite3_bind_text64(statement, index, "", 0, transient, utf8)
            }
            return start.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
                sqlite3_bind_text64(statement, index, $0, UInt64(bytes.count), transient, utf8)
            }
        }
    }

    private var utf8: UInt8 { UInt8(SQLITE_UTF8) }

    static func read(_ statement: OpaquePointer, _ column: Int32) -> String? {
        columnBytes(statement, column).map { String(decoding: $0, as: UTF8.self) }
    }
}

extension Data: Bindable, Readable {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 {
        withUnsafeBytes { bindBytes($0, to: statement, at: index) }
    }

    static func read(_ statement: OpaquePointer, _ column: Int32) -> Data? {
        columnBytes(statement, column).map { Data($0) }
    }
}

/// A vector of float32, as a blob.
extension Array: Bindable, Readable where Element == Float {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 { self[...].bind(to: statement, at: index) }

    static func read(_ statement: OpaquePointer, _ column: Int32) -> [Float]? {
        guard let source = columnBytes(statement, column) else { return nil }
        return [Float](unsafeUninitializedCapacity: source.count / 4) { values, count in
            count = source.count / 4
            UnsafeMutableRawBufferPointer(values).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: source[..<(count * 4)]))
        }
    }
}

/// A vector of float32, as a blob.
extension ArraySlice: Bindable where Element == Float {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 {
        withUnsafeBytes { bindBytes($0, to: statement, at: index) }
    }
}

/// Nil is NULL.
extension Optional: Bindable where Wrapped: Bindable {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 {
        self?.bind(to: statement, at: index) ?? sqlite3_bind_null(statement, index)
    }
}

/// Nil is NULL.
extension Optional: Readable where Wrapped: Readable {
    static func read(_ statement: OpaquePointer, _ column: Int32) -> Wrapped?? {
        if sqlite3_column_type(statement, column) == SQLITE_NULL { return .some(nil) }
        return Wrapped.read(statement, column).map { .some($0) }
    }
}

extension Answer.Value: Bindable, Readable {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 {
        switch self {
        case .null: sqlite3_bind_null(statement, index)
        case .integer(let number): number.bind(to: statement, at: index)
        case .real(let number): number.bind(to: statement, at: index)
        case .text(let text): text.bind(to: statement, at: index)
        case .blob(let data): data.bind(to: statement, at: index)
        }
    }

    static func read(_ statement: OpaquePointer, _ column: Int32) -> Answer.Value? {
        switch sqlite3_column_type(statement, column) {
        case SQLITE_INTEGER: .integer(sqlite3_column_int64(statement, column))
        case SQLITE_FLOAT: .real(sqlite3_column_double(statement, column))
        case SQLITE_TEXT: String.read(statement, column).map { .text($0) }
        case SQLITE_BLOB: Data.read(statement, column).map { .blob($0) }
        default: .null
        }
    }
}

/// The bytes of a text or blob, until the statement goes on; nil for other values.
private func columnBytes(_ statement: OpaquePointer, _ column: Int32) -> UnsafeRawBufferPointer? {
    let type = sqlite3_column_type(statement, column)
    guard type == SQLITE_BLOB || type == SQLITE_TEXT else { return nil }
    // In this order, as SQLite asks for. Of an empty blob there is no pointer.
    let start = sqlite3_column_blob(statement, column)
    return UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : Int(sqlite3_column_bytes(statement, column)))
}

private func bindBytes(_ bytes: UnsafeRawBufferPointer, to statement: OpaquePointer, at index: Int32) -> Int32 {
    // A null pointer would be NULL, not an empty blob.
    if bytes.isEmpty { return sqlite3_bind_zeroblob(statement, index, 0) }
    return sqlite3_bind_blob64(statement, index, bytes.baseAddress, UInt64(bytes.count), transient)
}
