import Core
import Foundation

/// A file system in memory with little room.
final class SmallDisk {
    let path = NSTemporaryDirectory() + "directions-disk-\(UUID().uuidString)"

    /// Whether this process may mount one.
    static let isPossible: Bool = (try? SmallDisk(megabytes: 1)) != nil

    init(megabytes: Int) throws {
        try AtomicFile.makeFolder(path)
        try SmallDisk.run("mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "directions-test", path)
    }

    deinit {
        try? SmallDisk.run("umount", path)
        rmdir(path)
    }

    func resize(megabytes: Int) throws {
        try SmallDisk.run("mount", "-o", "remount,size=\(megabytes)m", path)
    }

    private static func run(_ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        if process.terminationStatus != 0 { throw Failure(arguments[0], "failed") }
    }
}
