import Core
import Foundation
import Synchronization

/// A program that listens on a port which it tells, ended with the value.
final class Service: Sendable {
    private let process: Mutex<Process>
    /// Where it listens.
    let port: Int

    /// Starts a program and waits for the line that tells its port.
    init(_ path: String, _ arguments: [String], says pattern: Regex<(Substring, Substring)>) throws {
        let running = Process()
        running.executableURL = URL(filePath: path)
        running.arguments = arguments
        let output = Pipe()
        running.standardOutput = output
        running.standardError = FileHandle.nullDevice
        try running.run()
        var text = ""
        var found: Int?
        while found == nil {
            let data = output.fileHandleForReading.availableData
            guard !data.isEmpty else { break }
            text += String(decoding: data, as: UTF8.self)
            found = text.firstMatch(of: pattern).flatMap { Int($0.1) }
        }
        guard let found else {
            running.terminate()
            throw Failure(path, "tells no port: \(text)")
        }
        port = found
        process = Mutex(running)
    }

    /// Ends it as Ctrl-C does, and by force where that does nothing.
    func stop() {
        process.withLock { process in
            guard process.isRunning else { return }
            process.interrupt()
            for _ in 0..<50 where process.isRunning { usleep(100_000) }
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        }
    }

    deinit { stop() }
}
