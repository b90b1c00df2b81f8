import Core
import Foundation
import GRDB

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
    let queue: DatabaseQueue
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

    init(queue: DatabaseQueue, path: String) {
        self.queue = queue
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
            var configuration = baseConfiguration()
            configuration.prepareDatabase { db in
                // 31 rows of 512 float32 fill a page of 64 KiB to 97 %; smaller pages waste up to half.
                try db.execute(sql: "PRAGMA page_size = 65536; " + journal.pragmas)
                try db.execute(sql: "PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = 256")
                // Again, now that the page size is set: SQLite counted the cache's pages by the size they had before.
                try db.execute(sql: "PRAGMA cache_size = -65536")
            }
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            let store = LatentStore(queue: queue, path: path)
            try store.migrate()
            return store
        }
    }

    static func baseConfiguration() -> Configuration {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(30)
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA cache_size = -65536; PRAGMA mmap_size = 0")
            for function in VectorFunctions.all { db.add(function: function) }
        }
        return configuration
    }

    /// Refuses files that are no SQLite database before SQLite touches them.
    static func checkHeader(_ path: String) throws {
        guard let file = fopen(path, "rb") else { return }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 72)
        let count = fread(&bytes, 1, bytes.count, file)
        if count == 0 { return }
        guard count == 72, bytes.starts(with: Array("SQLite format 3\0".utf8)) else {
            throw Failure(path, "is not a latent database", "name another workspace, or move the file away")
        }
        let application = bytes[68..<72].reduce(Int32(0)) { $0 << 8 | Int32($1) }
        // A crash before the first transaction was checkpointed can leave a header without the mark, but with a log.
        if application != applicationID, !FileManager.default.fileExists(atPath: path + "-wal") {
            throw Failure(
                path, "is a database of another program", "name another workspace, or move the file away",
                kind: .conflict)
        }
    }

    static func identity(_ db: Database) throws -> (application: Int32, version: Int) {
        let application = try Int32.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        return (application, try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0)
    }

    private func migrate() throws {
        try queue.write { db in
            let found = try LatentStore.identity(db)
            let tables = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") ?? 0
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
                try db.execute(sql: migration.sql)
                try db.execute(
                    sql: "PRAGMA application_id = \(LatentStore.applicationID); PRAGMA user_version = \(number)")
            }
            if found.version < ScoreColumns.version { try ScoreColumns.settle(db) }
        }
    }

    /// What an error of SQLite's is to code that has to go on from it.
    private static func kind(of code: ResultCode) -> Failure.Kind {
        switch code {
        case .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_CANTOPEN: .inputOutput
        case .SQLITE_BUSY, .SQLITE_LOCKED: .conflict
        case .SQLITE_NOMEM: .outOfMemory
        case .SQLITE_ERROR: .usage
        default: .damaged
        }
    }

    /// Runs `body` and turns SQLite's errors into failures that name the file.
    static func translating<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as DatabaseError {
            let advice =
                switch error.resultCode {
                case .SQLITE_FULL, .SQLITE_IOERR:
                    "free some space and run the same command again; nothing finished is lost"
                case .SQLITE_BUSY, .SQLITE_LOCKED: "another program is writing to it; try again when it is done"
                case .SQLITE_CORRUPT, .SQLITE_NOTADB: "restore it from a copy, or start a new workspace"
                case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_CANTOPEN:
                    "check the permissions of the file and its folder"
                default: ""
                }
            throw Failure(
                path, error.message ?? "SQLite error \(error.resultCode.rawValue)", advice,
                kind: kind(of: error.resultCode))
        }
    }

    func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try LatentStore.translating(path) { try queue.read(body) }
    }

    func write<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try LatentStore.translating(path) { try queue.write(body) }
    }

    /// Moves what is in the log into the database file, so that the one file is the whole database.
    ///
    /// - Throws: ``Failure`` when the disk is full.
    public func checkpoint() throws {
        _ = try LatentStore.translating(path) {
            try queue.writeWithoutTransaction { db in try db.checkpoint(.truncate) }
        }
    }

    /// Now, as the database writes times: ISO 8601, UTC.
    static func now() -> String { ISO8601DateFormatter().string(from: Date()) }
}

/// float32 vectors as blobs.
enum Blob {
    static func data(_ values: some Collection<Float>) -> Data {
        Array(values).withUnsafeBytes { Data($0) }
    }

    static func floats(_ data: Data) -> [Float] {
        data.withUnsafeBytes { raw in
            (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
    }
}

/// SQL functions over w: `norm(w)`, `distance(a, b)`, `cosine(a, b)`, in float64.
enum VectorFunctions {
    static let all = [
        DatabaseFunction("norm", argumentCount: 1, pure: true) { values in
            guard let a = Data.fromDatabaseValue(values[0]) else { return nil }
            return dot(a, a).squareRoot()
        },
        DatabaseFunction("distance", argumentCount: 2, pure: true) { values in
            guard let a = Data.fromDatabaseValue(values[0]), let b = Data.fromDatabaseValue(values[1]),
                a.count == b.count
            else { return nil }
            return max(0, dot(a, a) - 2 * dot(a, b) + dot(b, b)).squareRoot()
        },
        DatabaseFunction("cosine", argumentCount: 2, pure: true) { values in
            guard let a = Data.fromDatabaseValue(values[0]), let b = Data.fromDatabaseValue(values[1]),
                a.count == b.count
            else { return nil }
            return dot(a, b) / max((dot(a, a) * dot(b, b)).squareRoot(), .leastNormalMagnitude)
        },
    ]

    private static func dot(_ a: Data, _ b: Data) -> Double {
        a.withUnsafeBytes { x in
            b.withUnsafeBytes { y in
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
        }
    }
}

extension LatentStore {
    /// The SQL files of `Database/` by name, as the program carries them.
    public static var migrations: [(name: String, sql: String)] { Migrations.all }
}
