import Core
import Foundation
import GRDB

extension LatentStore {
    /// The oldest version that can be read as it is; those after it only added what readers don't miss.
    static let oldestReadable = 7

    /// Opens an existing database for reading only; nothing can be written through it.
    ///
    /// A database that may not be written, such as another user's, is read without leaving a trace. One of an older
    /// version is upgraded first where that is allowed and needed.
    ///
    /// - Throws: ``Failure`` naming the file: missing, another program's, another version's, damaged.
    public static func openReadOnly(_ path: String) throws -> LatentStore {
        guard FileManager.default.fileExists(atPath: path) else {
            throw Failure(
                path, "does not exist", "draw latents first with `directions sample`, or name another workspace",
                kind: .notFound)
        }
        try checkHeader(path)
        let (queue, found) = try readOnlyQueue(path)
        if found.application == applicationID, oldestReadable...version ~= found.version {
            return LatentStore(queue: queue, path: path)
        }
        try queue.close()
        guard found.application == applicationID, found.version < version, isWritable(path) else {
            throw Failure(
                path, "is a database of version \(found.version), this program reads \(version)",
                found.version > version
                    ? "use a newer program" : "ask its owner to open it with this program, or copy the workspace",
                kind: .conflict)
        }
        try open(path).queue.close()
        return LatentStore(queue: try readOnlyQueue(path).queue, path: path)
    }

    /// A queue that reads, and what the file says it is.
    private static func readOnlyQueue(
        _ path: String
    ) throws -> (queue: DatabaseQueue, found: (application: Int32, version: Int)) {
        func opened(_ name: String) throws -> (DatabaseQueue, (application: Int32, version: Int)) {
            var configuration = baseConfiguration()
            configuration.readonly = true
            let queue = try DatabaseQueue(path: name, configuration: configuration)
            return (queue, try queue.read { try identity($0) })
        }
        return try translating(path) {
            do {
                return try opened(path)
            } catch let error as DatabaseError
                where [.SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM].contains(error.resultCode) && !isWritable(path)
            {
                // SQLite wants to make a log's index beside the file. Without a log there is nothing to index.
                let log = (try? FileManager.default.attributesOfItem(atPath: path + "-wal")[.size] as? Int) ?? 0
                guard log == 0 else {
                    throw Failure(
                        path, "has a log (\(path)-wal) that can't be read without writing beside it",
                        "ask its owner to run `directions status` once no program writes to it, or copy the workspace")
                }
                return try opened(immutable(path))
            }
        }
    }

    /// The name of a file that SQLite shall take for one that nobody changes.
    private static func immutable(_ path: String) -> String {
        let absolute = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        return URL(fileURLWithPath: absolute).absoluteString + "?immutable=1"
    }

    /// Whether this user may write the file and make others beside it.
    private static func isWritable(_ path: String) -> Bool {
        let folder = (path as NSString).deletingLastPathComponent
        return access(path, W_OK) == 0 && access(folder.isEmpty ? "." : folder, W_OK) == 0
    }
}
