import Core
import Foundation
import Testing

/// A workspace that lies on NFS, as far as the program can see: the kernel's list of mounts is another one in its namespace.
@Suite(.enabled(if: FakeNFS.isPossible, "another list of mounts needs root and unshare"))
struct NetworkFileSystemTests {
    private let folder = Program.Folder()

    @Test func everyVerbThatOpensTheDatabaseSaysOnceThatItIsARisk() throws {
        let generator = Program.root + "/Tests/Fixtures/stylegan2/ada-skip.pkl"
        _ = try Program.run(["import", generator, "--name", "default"], workspace: folder.path)
        func warnings(_ line: String) throws -> Int {
            let result = try FakeNFS.run(line.split(separator: " ").map(String.init), workspace: folder.path)
            #expect(!result.errors.contains("damaged in"), "\(line): \(result.errors)")
            return result.errors.components(separatedBy: "a network file system").count - 1
        }
        let lines = [
            "sample --count 12", "score --limit 4", "select --attr smiling --top 2 --bottom 2", "fit --attr smiling",
            "evaluate --direction smiling --count 2 --strength 1",
            // It opens the database, and then finds no direction to begin with.
            "refine --attr bald",
            "report --attr smiling --faces 1", "query id<3", "query --sql SELECT(1)",
            "query id<3 --out \(folder.path)/a.png",
            "synth --latent 1,2 --out \(folder.path)/a.png",
            "edit --direction smiling --latent 1 --out \(folder.path)/a.png",
            "merge \(folder.path)/latents.sqlite", "status",
        ]
        for line in lines { #expect(try warnings(line) == 1, "\(line)") }
        // What opens no database has nothing to say, and neither has what opens one with the right journal.
        #expect(try warnings("show smiling") == 0)
        #expect(try warnings("status --journal delete") == 0)
        for line in ["sample --count 12", "query id<3", "status"] { #expect(try warnings(line) == 0, "\(line)") }
    }
}

/// Programs that see another list of mounts.
private enum FakeNFS {
    static let isPossible: Bool = {
        let result = try? run(["--version"], workspace: nil)
        return result?.status == 0
    }()

    static func run(_ arguments: [String], workspace: String?) throws -> Program.Result {
        let mounts = NSTemporaryDirectory() + "mounts-\(UUID().uuidString)"
        try AtomicFile.write("1 0 0:1 / / rw,relatime - nfs4 server:/home rw\n", to: mounts)
        defer { try? FileManager.default.removeItem(atPath: mounts) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
        // The shell's process becomes the program's.
        process.arguments =
            [
                "-m", "/bin/sh", "-c", "mount --bind '\(mounts)' /proc/$$/mountinfo && exec \"$@\"", "sh",
                try Program.path,
            ] + arguments + (workspace.map { ["--workspace", $0] } ?? [])
        return try Program.finish(process)
    }
}
