import CSQLite
import Core
import Foundation

extension LatentStore {
    /// The oldest version that can be read as it is; those after it only added tables.
    static let oldestReadable = 7

    /// Opens an existing database for reading only; nothing can be written through it.
    ///
    /// A database that may not be written, such as another user's, is read without leaving a trace. One of an older
    /// version is upgraded first where that is allowed.
    ///
    /// - Throws: ``Failure`` naming the file: missing, another program's, another version's, damaged.
    public static func openReadOnly(_ path: String) throws -> LatentStore {
        guard FileManager.default.fileExists(atPath: path) else {
            throw Failure(
                path, "does not exist", "draw latents first with `directions sample`, or name another workspace",
                kind: .notFound)
        }
        try checkHeader(path)
        let (readable, found) = try readOnlyStore(path)
        if let readable, found.version == version || !isWritable(path) { return readable }
        guard found.application == applicationID, found.version < version, isWritable(path) else {
            throw Failure(
                path, "is a database of version \(found.version), this program reads \(version)",
                found.version > version
                    ? "use a newer program" : "ask its owner to open it with this program, or copy the workspace",
                kind: .conflict)
        }
        _ = try open(path)
        guard let upgraded = try readOnlyStore(path).store else {
            throw Failure(
                path, "was changed by another program meanwhile", "run the same command again", kind: .conflict)
        }
        return upgraded
    }

    /// A store that reads, nil where this program can't read such a file, and what the file says it is.
    private static func readOnlyStore(
        _ path: String
    ) throws -> (store: LatentStore?, found: (application: Int32, version: Int)) {
        func opened(_ access: Connection.Access) throws -> (LatentStore?, (application: Int32, version: Int)) {
            let db = try connection(path, access)
            let found = try db.transaction(writes: false) { try identity(db) }
            let isReadable = found.application == applicationID && oldestReadable...version ~= found.version
            return (isReadable ? LatentStore(db, path: path) : nil, found)
        }
        return try translating(path) {
            do {
                return try opened(.readOnly)
            } catch let error as SQLiteError
                where [SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_PERM].contains(error.primaryCode) && !isWritable(path)
            {
                // SQLite wants to make a log's index beside the file. Without a log there is nothing to index.
                let log = (try? FileManager.default.attributesOfItem(atPath: path + "-wal")[.size] as? Int) ?? 0
                guard log == 0 else {
                    throw Failure(
                        path, "has a log (\(path)-wal) that can't be read without writing beside it",
                        "ask its owner to run `directions status` once no program writes to it, or copy the workspace")
                }
                return try opened(.immutable)
            }
        }
    }

    /// Whether the database has a table: one that is read as it is may be older than the table.
    static func has(table: String, _ db: Connection) throws -> Bool {
        try db.value(Int.self, "SELECT count(*) FROM sqlite_schema WHERE name = ?", [table]) ?? 0 > 0
    }

    /// Whether this user may write the file and make others beside it.
    private static func isWritable(_ path: String) -> Bool {
        let folder = (path as NSString).deletingLastPathComponent
        return access(path, W_OK) == 0 && access(folder.isEmpty ? "." : folder, W_OK) == 0
    }
}
