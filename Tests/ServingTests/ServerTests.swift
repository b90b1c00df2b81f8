import Core
import Directions
import Foundation
import Serving
import Synchronization
import Testing

/// The server through real sockets: what it answers, and what it refuses.
@Suite(.serialized) struct ServerTests {
    /// A server of a small generator, ended with the test.
    final class Running {
        let server: DirectionServer
        let session: Session
        private let folder = NSTemporaryDirectory() + "serving-\(UUID().uuidString)"

        init(
            token: String? = nil, wheel: String? = nil, limits: ConnectionLimits = ConnectionLimits()
        ) throws {
            let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path()
            session = Session(workspace: Workspace(folder))
            _ = try session.importGenerator(
                ImportGeneratorRequest(
                    wheel.map { .standard(wheel: $0) } ?? .file(root + "Fixtures/stylegan2/ada-skip.pkl"),
                    name: "default"))
            server = try DirectionServer(session, port: 0, token: token, threads: 1, limits: limits)
            let server = server
            Thread { server.run() }.start()
        }

        var port: UInt16 { server.port }

        /// Stores a drawn direction, by half along another where one is given.
        @discardableResult
        func storeDirection(_ name: String, seed: UInt64, near other: [Float]? = nil) throws -> [Float] {
            let identity = try session.generatorIdentity()
            var state = seed
            func unit(_ values: [Float]) -> [Float] {
                let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
                return values.map { $0 / length }
            }
            var values = unit(
                (0..<identity.latentSize).map { _ in
                    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    return Float(state >> 40) / Float(1 << 24) - 0.5
                })
            if let other { values = unit(zip(values, other).map { $0 + $1 }) }
            var metadata = DirectionMetadata()
            metadata.generator = .init(name: identity.name, sha256: identity.sha256)
            metadata.inputs = "\(name) \(seed)"
            _ = try DirectionLibrary(session.workspace.directions).add(
                DirectionFile(attribute: name, values: values, intercept: 0, sigma: 1.5, metadata: metadata))
            return values
        }

        deinit {
            server.stop()
            try? FileManager.default.removeItem(atPath: folder)
        }
    }

    @Test func answersFacesAsTheLibraryMakesThem() throws {
        let running = try Running()
        let size = try running.session.generatorIdentity().resolution
        let answer = Client.ask(
            running.port, "POST /api/synth", body: "{\"seed\": 3, \"size\": \(size), \"format\": \"png\"}")
        #expect(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
        let own = try running.session.synth(SynthRequest(.seeds([3]), rendering: FaceRendering(size: size, threads: 1)))
        #expect(try Image.decode(answer.body, name: "answer") == own.images.images[0])
    }

    @Test(arguments: [
        "/", "/editor.js", "/editor.css", "/direction.js", "/latents.js", "/plot.js", "/photograph.js",
        "/state.js", "/api.js", "/icon.svg", "/api/openapi.json", "/api/generators", "/api/directions",
    ])
    func answersPages(path: String) throws {
        let running = try Running()
        let answer = Client.ask(running.port, "GET \(path)")
        #expect(answer.status == 200)
        #expect(!answer.body.isEmpty)
        #expect(answer.head.contains("Content-Security-Policy: default-src 'self'"))
    }

    @Test(arguments: [
        "/../Package.swift", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd", "//etc/passwd",
        "/api/directions/../x",
        "/api/directions/%2fetc%2fpasswd", "/api/directions/x.safetensors", "/Resources",
    ]) func refusesPathTraversal(path: String) throws {
        let running = try Running()
        #expect(Client.ask(running.port, "GET \(path)").status == 404)
    }

    @Test func refusesOtherHostsAndOrigins() throws {
        let running = try Running()
        #expect(Client.ask(running.port, "GET /", headers: ["Host": "evil.example:\(running.port)"]).status == 421)
        let face = "{\"seed\": 1}"
        let foreign = ["Origin": "http://evil.example"]
        #expect(Client.ask(running.port, "POST /api/synth", headers: foreign, body: face).status == 403)
        let site = ["Sec-Fetch-Site": "cross-site"]
        #expect(Client.ask(running.port, "POST /api/synth", headers: site, body: face).status == 403)
        let form = ["Content-Type": "text/plain"]
        #expect(Client.ask(running.port, "POST /api/synth", headers: form, body: face).status == 415)
        let own = ["Origin": "http://127.0.0.1:\(running.port)"]
        #expect(Client.ask(running.port, "POST /api/synth", headers: own, body: face).status == 200)
    }

    @Test func asksStrangersForTheToken() throws {
        let running = try Running(token: "abc123")
        #expect(Client.ask(running.port, "GET /api/generators").status == 401)
        #expect(
            Client.ask(running.port, "GET /api/generators", headers: ["Authorization": "Bearer abc124"]).status == 401)
        #expect(
            Client.ask(running.port, "GET /api/generators", headers: ["Authorization": "Bearer abc123"]).status == 200)
        #expect(Client.ask(running.port, "GET /?token=abc123").head.contains("HttpOnly; SameSite=Strict"))
    }

    @Test(arguments: [
        "", "[]", "{", "{\"seed\": -1}", "{\"seed\": 1, \"latent\": 1}", "{\"seed\": 1, \"size\": 100000}",
        "{\"code\": []}", "{\"code\": [[]]}", "{\"code\": [[1,2],[3]]}", "{\"code\": [[1e39]]}",
        "{\"seed\": 1, \"psi\": 1e30}", "{\"seed\": 1, \"layers\": \"9-1\"}", "{\"seed\": 1, \"format\": \"exe\"}",
        String(repeating: "[", count: 100_000),
    ]) func refusesMalformedFaces(body: String) throws {
        let running = try Running()
        let answer = Client.ask(running.port, "POST /api/synth", body: body)
        #expect((400...409).contains(answer.status), "\(answer.status)")
        #expect(String(decoding: answer.body, as: UTF8.self).contains("error"))
    }

    @Test(arguments: ["../../../etc/passwd", "/etc/passwd", "x.npy", "smiling@v99", "'; DROP TABLE latents; --"])
    func refusesHostileNames(name: String) throws {
        let running = try Running()
        let body = "{\"seed\": 1, \"edits\": [{\"direction\": \"\(name)\", \"strength\": 1}]}"
        #expect(Client.ask(running.port, "POST /api/synth", body: body).status == 404)
    }

    @Test func boundsHeadersAndBodies() throws {
        let running = try Running()
        let long = ["X-Long": String(repeating: "a", count: 40_000)]
        #expect(Client.ask(running.port, "GET /", headers: long).status == 431)
        let huge = ["Content-Length": "999999999999"]
        #expect(Client.ask(running.port, "POST /api/synth", headers: huge, body: "{}").status == 413)
        #expect(
            Client.ask(running.port, "POST /api/synth", headers: ["Content-Length": "-1"], body: "{}").status == 400)
        let chunked = ["Transfer-Encoding": "chunked"]
        #expect(Client.ask(running.port, "POST /api/synth", headers: chunked, body: "0\r\n\r\n").status == 411)
        #expect(Client.ask(running.port, "DELETE /").status == 405)
    }

    @Test func givesUpSlowClients() throws {
        let running = try Running()
        let client = Client(port: running.port)
        client.send(Data("GET / HTTP/1.1\r\nHost".utf8))
        let began = Date()
        #expect(Client.parse(client.rest()).status == 408)
        #expect(Date().timeIntervalSince(began) < 20)
    }

    @Test func keepsConnectionsAlive() throws {
        let running = try Running()
        let client = Client(port: running.port)
        let one = "GET /api/generators HTTP/1.1\r\nHost: 127.0.0.1:\(running.port)\r\n"
        client.send(Data("\(one)\r\n\(one)Connection: close\r\n\r\n".utf8))
        #expect(String(decoding: client.rest(), as: UTF8.self).components(separatedBy: "HTTP/1.1 200 OK").count == 3)
    }

    @Test func saysThatAPortIsTakenAndStops() throws {
        let running = try Running()
        #expect(throws: Failure.self) { try DirectionServer(running.session, port: running.port) }
        #expect(DirectionServer.freePort(from: running.port) != running.port)
        running.server.stop()
        usleep(600_000)
        #expect(Client.ask(running.port, "GET /").status == 0)
    }
}
