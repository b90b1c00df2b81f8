import Core
import Foundation
import LatentStore
import Testing

/// What a full disk does to the main job; skipped where the wheel is absent.
@Suite(.enabled(if: Program.wheel != nil, "the generator wheel is absent; `make setup` fetches it"))
struct FullDiskTests {
    @Test(.enabled(if: SmallDisk.isPossible, "mounting a small disk needs root"))
    func onAFullDiskNothingIsLostAndTheSameCommandGoesOn() throws {
        let models = try Program.imported()
        let disk = try SmallDisk(megabytes: 12)
        try FileManager.default.createSymbolicLink(
            atPath: disk.path + "/models", withDestinationPath: models.path + "/models")
        let arguments = ["sample", "--count", "12000"]
        let full = try Program.run(arguments, workspace: disk.path)
        #expect(full.status == 1 && full.errors.contains("latents.sqlite") && full.errors.contains("disk"), "\(full)")
        let store = try LatentStore.openReadOnly(disk.path + "/latents.sqlite")
        #expect(try store.answer("SELECT * FROM pragma_integrity_check") == "ok")
        let picture = try Program.run(
            ["synth", "--seed", "1-8", "--size", "1024", "--out", disk.path + "/faces.png"], workspace: disk.path)
        #expect(picture.status == 1 && picture.errors.contains("faces.png"), "\(picture)")
        #expect(!FileManager.default.fileExists(atPath: disk.path + "/faces.png"))
        try disk.resize(megabytes: 120)
        #expect(try Program.run(arguments, workspace: disk.path).status == 0)
        #expect(try Program.run(arguments, workspace: models.path).status == 0)
        #expect(try Program.dump(disk.path) == Program.dump(models.path))
    }
}

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
