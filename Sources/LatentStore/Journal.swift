import Core
import Foundation

/// How the database keeps a transaction whole: SQLite's journal mode, which is kept in the file.
public enum Journal: String, Sendable, CaseIterable {
    /// A log beside the file (`-wal`): fast, and readers don't wait for a writer. All programs must run on one machine.
    case wal
    /// A copy of the pages that change, deleted after each transaction: slower, and right on network file systems too.
    case delete

    /// The journal of a database file by its header; nil for a file that is not there or empty.
    static func of(file path: String) -> Journal? {
        guard let file = fopen(path, "rb") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 20)
        guard fread(&bytes, 1, bytes.count, file) == bytes.count else { return nil }
        return bytes[18] == 2 ? .wal : .delete
    }

    /// The statements that open a connection with it.
    var pragmas: String {
        switch self {
        case .wal: "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL"
        case .delete: "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL"
        }
    }

    /// What is wrong with a file's journal where it lies: a log on a network file system, or nil.
    ///
    /// To be asked while this process has the database closed: to look into the file gives up the locks on it.
    public static func warning(for path: String) -> String? {
        guard of(file: path) ?? .wal == .wal, let system = networkFileSystem(of: path) else { return nil }
        return
            "\(path) lies on \(system), a network file system: with SQLite's write-ahead log it can be damaged when two "
            + "machines use it at once; the journal `delete` avoids that (`directions status` sets it)"
    }

    /// The type of the network file system that a path, or the nearest folder above it, lies on; nil for a local one.
    ///
    /// - Parameters:
    ///   - path: A file or folder; it need not exist.
    ///   - mounts: The kernel's list, as proc(5) describes `/proc/self/mountinfo`; nil reads it.
    /// - Returns: The type's name, such as `nfs`; nil for a local file system.
    public static func networkFileSystem(of path: String, mounts: String? = nil) -> String? {
        var place = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        if mounts == nil {
            while place.count > 1 && !FileManager.default.fileExists(atPath: place) {
                place = (place as NSString).deletingLastPathComponent
            }
            place = URL(fileURLWithPath: place).resolvingSymlinksInPath().path
        }
        guard let text = mounts ?? (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) else {
            return nil
        }
        var (longest, type) = (0, "")
        for line in text.split(separator: "\n") {
            let halves = line.components(separatedBy: " - ")
            let fields = halves[0].split(separator: " ")
            guard halves.count > 1, fields.count > 4, let name = halves[1].split(separator: " ").first else { continue }
            let point = fields[4].replacingOccurrences(of: "\\040", with: " ")
            let isInside = point == "/" || place == point || place.hasPrefix(point + "/")
            // Of two at one place the later hides the earlier.
            if isInside && point.count >= longest { (longest, type) = (point.count, String(name)) }
        }
        return networkFileSystems.contains(type) ? type : nil
    }

    /// Names as the kernel lists them.
    private static let networkFileSystems: Set = [
        "9p", "acfs", "afs", "beegfs", "ceph", "cifs", "fuse.ceph", "fuse.glusterfs", "fuse.sshfs", "gfs", "gfs2",
        "gpfs",
        "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "pvfs2", "smb3", "smbfs", "virtiofs", "wekafs",
    ]
}

extension LatentStore {
    /// The journal of the open database.
    ///
    /// - Throws: ``Failure`` when it can't be read.
    public func journal() throws -> Journal {
        let mode = try read { db in try db.value(String.self, "PRAGMA journal_mode") } ?? ""
        return mode == "wal" ? .wal : .delete
    }
}
