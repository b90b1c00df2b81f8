import Core
import Foundation
import Testing

/// The built program, which lies beside the tests' own executable.
enum Program {
    static let path: String? = {
        guard let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") else { return nil }
        let folder = (own as NSString).deletingLastPathComponent
        return FileManager.default.isExecutableFile(atPath: folder + "/directions") ? folder + "/directions" : nil
    }()

    /// Starts the program; its standard error goes to `errors`.
    static func start(_ arguments: [String], errors: FileHandle = .nullDevice) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(path))
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = errors
        try process.run()
        return process
    }

    /// Runs the program to its end.
    static func run(_ arguments: [String]) throws -> (status: Int32, errors: String) {
        let pipe = Pipe()
        let process = try start(arguments, errors: pipe.fileHandleForWriting)
        try pipe.fileHandleForWriting.close()
        let text = String(decoding: pipe.fileHandleForReading.readAll(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }
}

@Suite(.serialized, .enabled(if: Program.path != nil, "the program is not built beside the tests"))
struct KilledTrainingTests {
    private func arguments(_ tiny: TinyCelebA, _ name: String) -> [String] {
        [
            "train", "--data", tiny.path, "--workspace", "\(tiny.path)/workspace", "--name", name, "--arch", "tiny",
            "--attr", "male,smiling", "--epochs", "8", "--batch", "8", "--threads", "1", "--checkpoint-every", "0",
            "--members", "2", "--member-epochs", "2", "--resume",
        ]
    }

    private func weights(_ tiny: TinyCelebA, _ name: String) throws -> Data {
        try AtomicFile.read("\(tiny.path)/workspace/models/\(name).classifier.safetensors")
    }

    @Test func fiveKillsLeaveNoTrace() throws {
        let tiny = try TinyCelebA(count: 60)
        let began = Date()
        #expect(try Program.run(arguments(tiny, "faces")).status == 0)
        let whole = Date().timeIntervalSince(began)
        let undisturbed = try weights(tiny, "faces")
        try FileManager.default.removeItem(atPath: "\(tiny.path)/workspace")

        var random = CounterRandom(seed: UInt64(getpid()), domain: 0x902)
        for _ in 0..<5 {
            let process = try Program.start(arguments(tiny, "faces"))
            Thread.sleep(forTimeInterval: whole * (0.15 + 0.25 * Double(random.next() >> 11) * 0x1p-53))
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        #expect(try Program.run(arguments(tiny, "faces")).status == 0)
        #expect(try weights(tiny, "faces") == undisturbed)
    }

    /// Runs `mount` or `umount`; whether it worked.
    private static func disk(_ words: String...) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }

    @Test(.enabled(if: getuid() == 0, "mounting a small disk needs root"))
    func aFullDiskStopsTrainingAndTheSameCommandGoesOn() throws {
        let tiny = try TinyCelebA(count: 60)
        #expect(try Program.run(arguments(tiny, "faces")).status == 0)
        let undisturbed = try weights(tiny, "faces")
        try FileManager.default.removeItem(atPath: "\(tiny.path)/workspace")
        try AtomicFile.makeFolder("\(tiny.path)/workspace")
        guard Self.disk("mount", "-t", "tmpfs", "-o", "size=128k", "directions-test", "\(tiny.path)/workspace") else {
            return  // root without the right to mount, as in a container
        }
        defer { _ = Self.disk("umount", "\(tiny.path)/workspace") }
        let full = try Program.run(arguments(tiny, "faces"))
        #expect(full.status == 1 && full.errors.contains("workspace/") && full.errors.contains("space"), "\(full)")
        #expect(!FileManager.default.fileExists(atPath: "\(tiny.path)/workspace/models/faces.classifier.safetensors"))
        #expect(Self.disk("mount", "-o", "remount,size=64m", "\(tiny.path)/workspace"))
        #expect(try Program.run(arguments(tiny, "faces")).status == 0)
        #expect(try weights(tiny, "faces") == undisturbed)
    }

    @Test func errorsHaveTheirStatus() throws {
        let tiny = try TinyCelebA(count: 10)
        var misspelt = arguments(tiny, "a")
        misspelt[misspelt.firstIndex(of: "male,smiling") ?? 0] = "male,smilling"
        let usage = try Program.run(misspelt)
        #expect(usage.status == 64 && usage.errors.contains("smiling"))
        let noData = try Program.run(["train", "--data", "\(tiny.path)/none", "--workspace", tiny.path])
        #expect(noData.status == 1 && noData.errors.contains("list_attr_celeba.txt"))
        let noPicture = try Program.run([
            "score-image", "\(tiny.path)/none.png", tiny.image(1), "--attr", "male", "--frame", "celeba",
        ])
        #expect(noPicture.status == 1 && noPicture.errors.contains("none.png") && noPicture.errors.contains("1 of 2"))
        #expect(try Program.run(["score-image", tiny.image(1), "--classifier", "nobody"]).status == 64)
    }
}
