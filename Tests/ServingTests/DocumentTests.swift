import Core
import Directions
import Foundation
import Serving
import Testing

/// What docs/serve.md tells people to send is sent, by curl and by Python.
@Suite(.serialized) struct DocumentTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path()
    private static let isReady =
        PhotographTests.wheel != nil
        && ["curl", "python3"].allSatisfy { name in
            (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
                FileManager.default.isExecutableFile(atPath: "\($0)/\(name)")
            }
        }

    /// The document's blocks of a language, those that speak to the server.
    private func blocks(_ language: String) throws -> [String] {
        let text = String(decoding: try AtomicFile.read(Self.root + "docs/serve.md"), as: UTF8.self)
        let parts = text.components(separatedBy: "\n```")
        // Every other part lies within fences.
        return stride(from: 1, to: parts.count, by: 2).map { parts[$0] }
            .filter { $0.hasPrefix("\(language)\n") && $0.contains("http://127.0.0.1:8080") }
            .map { String($0.dropFirst(language.count + 1)) }
    }

    /// Runs a program in a folder; what it writes.
    private func run(_ program: String, _ text: String, in folder: String) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program, program == "bash" ? "-ec" : "-c", text]
        process.currentDirectoryURL = URL(filePath: folder)
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(text)")
        return String(decoding: data, as: UTF8.self)
    }

    @Test(.enabled(if: isReady, "curl, python3 or the generator wheel is absent"))
    func examplesAnswerWhatTheySay() throws {
        let running = try ServerTests.Running(wheel: PhotographTests.wheel)
        try running.storeDirection("smiling", seed: 1)
        _ = try running.session.sample(SampleRequest(count: 8))
        let folder = NSTemporaryDirectory() + "documents-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let portrait = try DrawnFace.picture().encodedJPEG()
        try portrait.write(to: URL(filePath: folder + "/portrait.jpg"))
        let id = String(Hashing.sha256(portrait).prefix(16))
        func adapted(_ text: String) -> String {
            text.replacing("127.0.0.1:8080", with: "127.0.0.1:\(running.port)")
                .replacing("a8ca6d734765703b", with: id)
        }
        let (shell, python) = (try blocks(""), try blocks("python"))
        #expect(shell.count >= 2 && python.count >= 2)
        var said = ""
        for block in shell { said += try run("bash", adapted(block), in: folder) }
        #expect(said.contains("\"id\":\"\(id)\""))
        #expect(!said.contains("\"error\""), "\(said)")
        for block in python { said += try run("python3", adapted(block), in: folder) }
        #expect(!said.contains("\"error\""), "\(said)")
        let smile = try Image.read(folder + "/smile.png")
        #expect(smile.width == 1024)
        #expect(try Image.read(folder + "/smile.jpg").width == 256)
        let whole = try Image.read(folder + "/portrait-smiling.png")
        let own = try Image.read(folder + "/portrait.jpg")
        #expect((whole.width, whole.height) == (own.width, own.height) && whole != own)
        let code = try AtomicFile.read(folder + "/smile.npy")
        #expect(code.starts(with: [0x93] + Array("NUMPY".utf8)) && code.count > 18 * 512 * 4)
    }
}
