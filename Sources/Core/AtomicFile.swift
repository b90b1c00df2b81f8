import Foundation

/// Files that appear whole or not at all.
public enum AtomicFile {
    /// Writes `data` beside `path`, flushes it to the disk, and renames it into place.
    ///
    /// Parent folders are made. On any failure the temporary file is removed and an existing file at `path` stays.
    ///
    /// - Throws: ``Failure`` naming the file and the system's reason (a full disk, missing permission, …).
    public static func write(_ data: Data, to path: String) throws {
        try write(to: path) { descriptor in
            try data.withUnsafeBytes { try writeAll($0, to: descriptor, path: path) }
        }
    }

    /// Writes a text as UTF-8; see ``write(_:to:)-(Data,_)``.
    public static func write(_ text: String, to path: String) throws {
        try write(Data(text.utf8), to: path)
    }

    /// Gives `body` a file descriptor open for writing on a temporary file beside `path` and renames it into place after.
    ///
    /// - Throws: What `body` throws, or ``Failure`` naming the file; the temporary file is removed either way.
    public static func write(to path: String, _ body: (Int32) throws -> Void) throws {
        try makeFolder((path as NSString).deletingLastPathComponent)
        let temporary = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max)).tmp"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw systemFailure(path, "cannot be written") }
        do {
            try body(descriptor)
            guard fsync(descriptor) == 0 else { throw systemFailure(path, "cannot be written") }
            guard close(descriptor) == 0 else { throw systemFailure(path, "cannot be written") }
        } catch {
            close(descriptor)
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            let failure = systemFailure(path, "cannot be written")
            unlink(temporary)
            throw failure
        }
    }

    /// Writes every byte of `bytes` to an open descriptor.
    ///
    /// - Throws: ``Failure`` naming `path` and the system's reason.
    public static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String) throws {
        var offset = 0
        while offset < bytes.count {
            let written = Foundation.write(descriptor, bytes.baseAddress! + offset, min(bytes.count - offset, 1 << 30))
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw systemFailure(path, "cannot be written") }
            offset += written
        }
    }

    /// Makes a folder and its parents; nothing happens when it exists or `path` is empty.
    ///
    /// - Throws: ``Failure`` naming the folder.
    public static func makeFolder(_ path: String) throws {
        if path.isEmpty { return }
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw Failure(
                path, "cannot be made a folder", "check the path, its permissions and the space on the disk",
                kind: .inputOutput)
        }
    }

    /// The whole file.
    ///
    /// - Throws: ``Failure`` naming the file and why it can't be read.
    public static func read(_ path: String) throws -> Data {
        guard let handle = fopen(path, "rb") else { throw systemFailure(path, "cannot be read") }
        fclose(handle)
        do {
            return try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw Failure(path, "cannot be read", "check that it is a file and readable", kind: .inputOutput)
        }
    }

    /// A failure with the text of `errno`.
    public static func systemFailure(_ path: String, _ what: String) -> Failure {
        let code = errno
        let reason = String(cString: strerror(code))
        let advice =
            switch code {
            case ENOSPC, EDQUOT: "free some space and run the same command again"
            case EACCES, EPERM, EROFS: "check the permissions of the file and its folder"
            case ENOENT: "check the path"
            default: ""
            }
        return Failure(path, "\(what): \(reason)", advice, kind: code == ENOENT ? .notFound : .inputOutput)
    }
}
