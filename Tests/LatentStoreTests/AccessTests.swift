import Core
import Foundation
import LatentStore
import Testing

@Suite struct AccessTests {
    @Test func theJournalStaysWithTheFile() throws {
        let database = SmallDatabase()
        #expect(try LatentStore.open(database.path).journal() == .wal)
        let store = try LatentStore.open(database.path, journal: .delete)
        #expect(try store.journal() == .delete)
        try database.fill(store)
        #expect(!FileManager.default.fileExists(atPath: database.path + "-wal"))
        #expect(try LatentStore.open(database.path).journal() == .delete)
        try store.checkpoint()
        #expect(try LatentStore.openReadOnly(database.path).answer("SELECT count(*) FROM scores") == "20")
        #expect(try LatentStore.open(database.path, journal: .wal).journal() == .wal)
    }

    @Test func networkFileSystemsAreRecognisedByTheKernelsList() {
        let mounts = """
            22 1 259:1 / / rw,relatime - ext4 /dev/root rw
            40 22 0:40 / /data rw,relatime shared:9 - nfs4 server:/data rw,vers=4.2
            41 40 8:1 / /data/me/local\\040disk rw - xfs /dev/sdb rw
            42 22 0:50 / /scratch rw - lustre mds@tcp:/scratch rw
            43 22 0:51 / /over rw - ext4 /dev/sdc rw
            44 22 0:52 / /over rw - cifs //server/share rw
            """
        func found(_ path: String) -> String? { Journal.networkFileSystem(of: path, mounts: mounts) }
        #expect(found("/data/me/latents.sqlite") == "nfs4")
        #expect(found("/data/me/local disk/latents.sqlite") == nil)
        #expect(found("/datas/latents.sqlite") == nil)
        #expect(found("/scratch") == "lustre")
        #expect(found("/over/x") == "cifs")
        #expect(found("/tmp/latents.sqlite") == nil)
    }

    /// The built command as a user who may read but not write, or nil where that can't be done.
    private static func asOther(_ folder: String) -> ((_ arguments: [String]) throws -> (status: Int32, text: String))?
    {
        let bundle = CommandLine.arguments.first { $0.contains(".xctest") } ?? CommandLine.arguments.first ?? ""
        guard let range = bundle.range(of: "/release/") else { return nil }
        let program = bundle[..<range.lowerBound] + "/release/directions"
        // The other user may not reach the build folder.
        let copy = folder + "-program"
        guard (try? FileManager.default.copyItem(atPath: String(program), toPath: copy)) != nil else { return nil }
        let other = getuid() == 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
        return { arguments in
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = other + [copy] + arguments
            let output = Pipe()
            process.standardOutput = output
            process.standardError = output
            try process.run()
            let text = String(decoding: output.fileHandleForReading.readAll(), as: UTF8.self)
            process.waitUntilExit()
            return (process.terminationStatus, text)
        }
    }

    @Test(arguments: [Journal.wal, .delete])
    func anotherUsersWorkspaceIsReadWithoutATrace(journal: Journal) throws {
        let database = SmallDatabase()
        do {
            let store = try LatentStore.open(database.path, journal: journal)
            let ids = try database.fill(store)
            try database.select(store, top: [ids[0]], bottom: [ids[1]])
            try store.checkpoint()
        }
        let before = try FileManager.default.contentsOfDirectory(atPath: database.folder)
        let run = try #require(AccessTests.asOther(database.folder))
        defer { unlink(database.folder + "-program") }
        chmod(database.path, 0o444)
        chmod(database.folder, 0o555)
        defer { chmod(database.folder, 0o755) }
        let place = ["--workspace", database.folder]
        let status = try run(["status"] + place)
        #expect(status.status == 0 && status.text.contains("top 1, bottom 1 of 20"), "\(status.text)")
        #expect(try run(["query", "eyeglasses > 0.9"] + place).status == 0)
        let sql = try run(["query", "--sql", "SELECT count(*) FROM latents", "--format", "csv"] + place)
        #expect(sql.text == "count(*)\n20\n", "\(sql.text)")
        let blob = try run(["query", "--sql", "SELECT w FROM latents WHERE id = 0", "--format", "csv"] + place)
        let w = (0..<SmallDatabase.size).map { SmallDatabase.value(0, 0, $0) }
        #expect(blob.text == "w\n\(w.withUnsafeBytes { Data($0) }.base64EncodedString())\n", "\(blob.text)")
        #expect(try run(["select", "--attr", "eyeglasses", "--top", "2"] + place).status == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: database.folder) == before)
    }

    @Test func anotherUsersLogIsReadWhileItIsWritten() throws {
        let database = SmallDatabase()
        let store = try LatentStore.open(database.path)
        try database.fill(store)
        let run = try #require(AccessTests.asOther(database.folder))
        defer { unlink(database.folder + "-program") }
        for name in ["", "-wal", "-shm"] { chmod(database.path + name, 0o444) }
        chmod(database.folder, 0o555)
        defer { chmod(database.folder, 0o755) }
        let sql = ["query", "--sql", "SELECT count(*) FROM latents", "--workspace", database.folder]
        #expect(try run(sql).text == "count(*)\n20\n")
        // A log whose index is not there, as in a copied folder, can't be read without writing.
        chmod(database.folder, 0o755)
        let copy = SmallDatabase()
        try AtomicFile.makeFolder(copy.folder)
        for name in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: database.path + name, toPath: copy.path + name)
        }
        chmod(copy.folder, 0o555)
        defer { chmod(copy.folder, 0o755) }
        let refused = try run(["status", "--workspace", copy.folder])
        #expect(refused.status == 1 && refused.text.contains("has a log"), "\(refused.text)")
        withExtendedLifetime(store) {}
    }
}
