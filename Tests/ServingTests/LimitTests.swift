import Core
import Directions
import Foundation
import Serving
import Testing

/// What a client may take of the server, with limits short enough to be waited for.
@Suite(.serialized) struct LimitTests {
    private func running(_ change: (inout ConnectionLimits) -> Void) throws -> ServerTests.Running {
        var limits = ConnectionLimits()
        change(&limits)
        return try ServerTests.Running(limits: limits)
    }

    @Test func givesUpBodiesThatDoNotCome() throws {
        let running = try running { $0.bodySeconds = 0.5 }
        let client = Client(port: running.port)
        client.send(
            Data(
                "POST /api/synth HTTP/1.1\r\nHost: 127.0.0.1:\(running.port)\r\nContent-Type: application/json\r\n".utf8
            ))
        client.send(Data("Content-Length: 100\r\n\r\n{\"seed\"".utf8))
        #expect(Client.parse(client.rest()).status == 408)
    }

    /// A byte now and then does not keep a header open.
    @Test func givesUpHeadersThatDrip() throws {
        let running = try running { $0.headSeconds = 0.5 }
        let client = Client(port: running.port)
        for byte in "GET / HTTP/1.1\r\nX-Slow: aaaa" {
            client.send(Data(String(byte).utf8))
            usleep(40_000)
        }
        #expect(Client.parse(client.rest()).status == 408)
    }

    @Test func endsIdleConnections() throws {
        let running = try running { $0.idleSeconds = 0.3 }
        #expect(Client(port: running.port).rest().isEmpty)
    }

    /// Who asks for much and takes nothing of it is given up, and its place is free again.
    @Test func givesUpClientsThatTakeNothing() throws {
        let running = try running {
            $0.writeSeconds = 0.5
            $0.connections = 1
        }
        let greedy = Client(port: running.port)
        let one = "GET /api/openapi.json HTTP/1.1\r\nHost: 127.0.0.1:\(running.port)\r\n\r\n"
        // Some 60 MB of answers, more than the system's buffers take.
        greedy.send(Data(String(repeating: one, count: 4000).utf8))
        var status = 503
        for _ in 0..<100 where status != 200 {
            usleep(100_000)
            status = Client.ask(running.port, "GET /api/generators").status
        }
        #expect(status == 200)
        let taken = greedy.rest()
        #expect(taken.count < 50_000_000)
    }

    @Test func boundsConnections() throws {
        let running = try running { $0.connections = 2 }
        let (first, second) = (Client(port: running.port), Client(port: running.port))
        let hello = Data("GET /".utf8)
        first.send(hello)
        second.send(hello)
        usleep(500_000)
        let third = Client.ask(running.port, "GET /")
        #expect(third.status == 503)
        withExtendedLifetime((first, second)) {}
    }

    @Test func boundsBodiesAndUploadsByTheirLengths() throws {
        let running = try running {
            $0.body = 100
            $0.upload = 1000
        }
        let long = "{\"seed\": 1, \"name\": \"\(String(repeating: "a", count: 100))\"}"
        #expect(Client.ask(running.port, "POST /api/synth", body: long).status == 413)
        #expect(Client.upload(running.port, Data(count: 1001)).status == 413)
        #expect(Client.upload(running.port, Data(count: 1000)).status == 400)
    }
}
