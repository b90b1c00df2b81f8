import Core
import Foundation
import LatentStore
import Testing

/// The built command, started as a person would.
struct Program {
    /// What a run left.
    struct Result {
        let status: Int32
        let output: String
        let errors: String
    }

    /// The binary beside the test bundle.
    static var path: String {
        get throws {
            let bundle = try #require(
                CommandLine.arguments.first { $0.contains(".xctest") } ?? CommandLine.arguments.first)
            let range = try #require(bundle.range(of: "/release/"))
            return bundle[..<range.lowerBound] + "/release/directions"
        }
    }

    /// The repository's root.
    static var root: String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
    }

    /// The generator wheel, or nil when it is not there.
    static var wheel: String? {
        let path =
            ProcessInfo.processInfo.environment["DIRECTIONS_WHEEL"] ?? root
            + "/.cache/random_face-2021.7.21.1-py3-none-any.whl"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }

    /// Runs the command to its end.
    ///
    /// - Parameters:
    ///   - arguments: The command's words.
    ///   - workspace: The workspace; nil for none.
    ///   - folder: A folder to look for programs in before all others.
    /// - Returns: What the run left.
    /// - Throws: What keeps the process from starting.
    static func run(_ arguments: [String], workspace: String? = nil, path folder: String? = nil) throws -> Result {
        let process = Process()
        if let folder {
            var environment = ProcessInfo.processInfo.environment
            environment["PATH"] = folder + ":" + (environment["PATH"] ?? "/usr/bin:/bin")
            process.environment = environment
        }
        process.executableURL = URL(fileURLWithPath: try path)
        process.arguments = arguments + (workspace.map { ["--workspace", $0] } ?? [])
        return try finish(process)
    }

    /// Starts a process and reads all that it says.
    static func finish(_ process: Process) throws -> Result {
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let errorReader = DispatchQueue(label: "errors")
        nonisolated(unsafe) var errorData = Data()
        let group = DispatchGroup()
        errorReader.async(group: group) { errorData = errors.fileHandleForReading.readAll() }
        let outputData = output.fileHandleForReading.readAll()
        group.wait()
        process.waitUntilExit()
        return Result(
            status: process.terminationStatus, output: String(decoding: outputData, as: UTF8.self),
            errors: String(decoding: errorData, as: UTF8.self))
    }

    /// A workspace with the default generator.
    static func imported() throws -> Folder {
        let folder = Folder()
        let result = try run(["import", "default", "--wheel", wheel ?? ""], workspace: folder.path)
        try #require(result.status == 0, "\(result.errors)")
        return folder
    }

    /// All latents of a workspace, to compare.
    static func dump(_ folder: String) throws -> String {
        try LatentStore.openReadOnly(folder + "/latents.sqlite").answer(
            "SELECT id, sample_set, hex(w) FROM latents ORDER BY id")
    }

    /// A folder that is removed when the value goes.
    final class Folder {
        let path = NSTemporaryDirectory() + "directions-\(UUID().uuidString)"
        deinit { try? FileManager.default.removeItem(atPath: path) }
    }
}
