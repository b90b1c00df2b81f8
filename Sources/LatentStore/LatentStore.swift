import CSQLite
import Core
import Foundation

/// The latent database: one SQLite file with generators, classifiers, sample sets, latents, scores, selections,
/// directions and job runs.
///
/// For example:
///
/// ```swift
/// let store = try LatentStore.open(Workspace().database)
/// let best = try store.ranked(Attribute.named("eyeglasses"), classifier: 1, top: 10)
/// ```
///
/// Tables are described in `Database/README.md`. Safe to use from several threads; writes take turns.
public final class LatentStore: Sendable {
    let queue: ConnectionQueue
    /// The file.
    public let path: String

    /// Marks a file as this program's, in SQLite's header: "DIRC".
    public static let applicationID: Int32 = 0x4449_5243
    /// The version this program writes.
    public static var version: Int { Migrations.all.map { number(ofMigration: $0.name) }.max() ?? 0 }

    /// The number in front of a migration's name: the version of a database that it was applied to.
    ///
    /// Numbers may be missing.
    static func number(ofMigration name: String) -> Int { Int(name.prefix { $0.isNumber }) ?? 0 }

    init(_ connection: Connection, path: String) {
        queue = ConnectionQueue(connection)
        self.path = path
    }

    /// Opens the database for reading and writing, making or upgrading it when needed.
    ///
    /// - Parameters:
    ///   - path: The database; made when there is none.
    ///   - journal: The journal it gets; nil keeps what the file has, and gives a new one a log.
    /// - Returns: The open database.
    /// - Throws: ``Failure`` naming the file: another program's, a newer version's, damaged, or not writable.
    public static func open(_ path: String, journal: Journal? = nil) throws -> LatentStore {
        try AtomicFile.makeFolder((path as NSString).deletingLastPathComponent)
        try checkHeader(path)
        let journal = journal ?? Journal.of(file: path) ?? .wal
        return try translating(path) {
            let db = try connection(path, .readWrite)
            // 31 rows of 512 float32 fill a page of 64 KiB to 97 %; smaller pages waste up to half.
            try db.execute("PRAGMA page_size = 65536; " + journal.pragmas)
            try db.execute("PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = 256")
            // Again, now that the page size is set: SQLite counted the cache's pages by the size they had before.
            try db.execute("PRAGMA cache_size = -65536")
            let store = LatentStore(db, path: path)
            try store.migrate()
            return store
        }
    }

    /// A connection as all uses want it.
    static func connection(_ path: String, _ access: Connection.Access) throws -> Connection {
        let db = try Connection(path, access)
        try db.execute("PRAGMA cache_size = -65536; PRAGMA mmap_size = 0")
        try VectorFunctions.add(to: db)
        return db
    }

    /// Refuses files that are no SQLite database before SQLite touches them.
    static func checkHeader(_ path: String) throws {
        guard let file = fopen(path, "rb") else { return }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 108)
        let count = fread(&bytes, 1, bytes.count, file)
        if count == 0 { return }
        guard count == 108, bytes.starts(with: Array("SQLite format 3\0".utf8)) else {
            throw Failure(path, "is not a latent database", "name another workspace, or move the file away")
        }
        let application = bytes[68..<72].reduce(Int32(0)) { $0 << 8 | Int32($1) }
        // A crash before the first transaction was checkpointed can leave a header without the mark, but with a log; one just
        // before that transaction, a database without a table: a leaf of a table's tree (13) that holds 0 cells.
        let isEmpty = application == 0 && bytes[100] == 13 && bytes[103] == 0 && bytes[104] == 0
        if application != applicationID, !isEmpty, !FileManager.default.fileExists(atPath: path + "-wal") {
            throw Failure(
                path, "is a database of another program", "name another workspace, or move the file away",
                kind: .conflict)
        }
    }

    static func identity(_ db: Connection) throws -> (application: Int32, version: Int) {
        let application = try db.value(Int.self, "PRAGMA application_id") ?? 0
        return (Int32(truncatingIfNeeded: application), try db.value(Int.self, "PRAGMA user_version") ?? 0)
    }

    private func migrate() throws {
        try queue.write { db in
            let found = try LatentStore.identity(db)
            let tables = try db.value(Int.self, "SELECT count(*) FROM sqlite_schema") ?? 0
            if found.application != LatentStore.applicationID && tables > 0 {
                throw Failure(
                    path, "is a database of another program", "name another workspace, or move the file away",
                    kind: .conflict)
            }
            guard found.version <= LatentStore.version else {
                throw Failure(
                    path, "has version \(found.version), this program knows \(LatentStore.version)",
                    "use a newer program", kind: .conflict)
            }
            for migration in Migrations.all {
                let number = LatentStore.number(ofMigration: migration.name)
                if number <= found.version { continue }
                try db.execute(migration.sql)
                try db.execute(
                    "PRAGMA application_id = \(LatentStore.applicationID); PRAGMA user_version = \(number)")
            }
            if found.version < ScoreColumns.version { try ScoreColumns.settle(db) }
        }
    }

    /// What an error of SQLite's is to code that has to go on from it.
    private static func kind(of code: Int32) -> Failure.Kind {
        switch code {
        case SQLITE_FULL, SQLITE_IOERR, SQLITE_READONLY, SQLITE_PERM, SQLITE_CANTOPEN: .inputOutput
        case SQLITE_BUSY, SQLITE_LOCKED: .conflict
        case SQLITE_NOMEM: .outOfMemory
        case SQLITE_ERROR: .usage
        default: .damaged
        }
    }

    /// Runs `body` and turns SQLite's errors into failures that name the file.
    static func translating<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as SQLiteError {
            let advice =
                switch error.primaryCode {
                case SQLITE_FULL, SQLITE_IOERR:
                    "free some space and run the same command again; nothing finished is lost"
                case SQLITE_BUSY, SQLITE_LOCKED: "another program is writing to it; try again when it is done"
                case SQLITE_CORRUPT, SQLITE_NOTADB: "restore it from a copy, or start a new workspace"
                case SQLITE_READONLY, SQLITE_PERM, SQLITE_CANTOPEN:
                    "check the permissions of the file and its folder"
                default: ""
                }
            throw Failure(path, error.message, advice, kind: kind(of: error.primaryCode))
        }
    }

    func read<Result>(_ body: (Connection) throws -> Result) throws -> Result {
        try LatentStore.translating(path) { try queue.read(body) }
    }

    func write<Result>(_ body: (Connection) throws -> Result) throws -> Result {
        try LatentStore.translating(path) { try queue.write(body) }
    }

    /// Moves what is in the log into the database file, so that the one file is the whole database.
    ///
    /// - Throws: ``Failure`` when the disk is full.
    public func checkpoint() throws {
        try LatentStore.translating(path) { try queue.use { db in try db.checkpoint() } }
    }

    /// Now, as the database writes times: ISO 8601, UTC.
    static func now() -> String { ISO8601DateFormatter().string(from: Date()) }
}

extension LatentStore {
    /// The SQL files of `Database/` by name, as the program carries them.
    public static var migrations: [(name: String, sql: String)] { Migrations.all }
}
