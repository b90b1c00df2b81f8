import Core
import Directions
import Foundation
import Serving
import Testing

/// Codes and films through real sockets.
@Suite(.serialized) struct CodeTests {
    /// A code that was downloaded: the floats of a .npy file.
    private func code(_ port: UInt16, _ more: String) throws -> [Float] {
        let answer = Client.ask(port, "POST /api/codes", body: "{\"seed\": 5, \"space\": \"w\"\(more)}")
        try #require(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
        let bytes = [UInt8](answer.body)
        let start = 10 + Int(bytes[8]) + Int(bytes[9]) << 8
        return stride(from: start, to: bytes.count, by: 4).map { at in
            Float(bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[at + $1]) << (8 * $1) })
        }
    }

    @Test func locksOutWhatIsHeld() throws {
        let running = try ServerTests.Running()
        let port = running.port
        let first = try running.storeDirection("first", seed: 1)
        // Half of it is the first's, so that moving the first moves it too.
        let second = try running.storeDirection("second", seed: 2, near: first)
        let third = try running.storeDirection("third", seed: 3, near: first)
        let before = try code(port, "")
        func change(_ more: String) throws -> [Float] {
            let after = try code(
                port, ", \"edits\": [{\"direction\": \"first\", \"strength\": 2, \"unit\": \"raw\"}]\(more)")
            return zip(after, before).map { $0 - $1 }
        }
        func along(_ change: [Float], _ axis: [Float]) -> Float { zip(change, axis).reduce(0) { $0 + $1.0 * $1.1 } }
        let free = try change("")
        #expect(abs(along(free, first) - 2) < 1e-3)
        #expect(abs(along(free, second)) > 0.5)
        let held = try change(", \"locked\": [\"second\", \"third\", \"second@v1\"]")
        #expect(abs(along(held, second)) < 1e-3)
        #expect(abs(along(held, third)) < 1e-3)
        #expect(abs(along(held, first)) > 0.1)
        // What is held and moved itself does not move.
        #expect(try change(", \"locked\": [\"first\"]").allSatisfy { abs($0) < 1e-4 })
    }

    /// A mix that is stored while a direction is held does what was seen.
    @Test func mixesAreWithoutWhatIsHeld() throws {
        let running = try ServerTests.Running()
        let first = try running.storeDirection("first", seed: 1)
        let second = try running.storeDirection("second", seed: 2, near: first)
        let edits = "\"edits\": [{\"direction\": \"first\", \"strength\": 2}], \"locked\": [\"second\"]"
        let answer = Client.ask(running.port, "POST /api/mix", body: "{\"seed\": 5, \"name\": \"held\", \(edits)}")
        #expect(answer.status == 200)
        #expect(try running.session.show("held").texts["mix_locked"] == "second@v1")
        let seen = try code(running.port, ", \(edits)")
        let stored = try code(running.port, ", \"edits\": [{\"direction\": \"held\", \"strength\": 1}]")
        #expect(zip(seen, stored).allSatisfy { abs($0 - $1) < 1e-4 })
        let before = try code(running.port, "")
        #expect(abs(zip(zip(stored, before), second).reduce(0) { $0 + ($1.0.0 - $1.0.1) * $1.1 }) < 1e-3)
        #expect(stored != before)
    }

    @Test func refusesLocksThatAreNot() throws {
        let running = try ServerTests.Running()
        let absent = Client.ask(running.port, "POST /api/codes", body: "{\"seed\": 1, \"locked\": [\"../x\"]}")
        #expect(absent.status == 404)
        let many = Array(repeating: "\"first\"", count: 65).joined(separator: ",")
        #expect(Client.ask(running.port, "POST /api/codes", body: "{\"seed\": 1, \"locked\": [\(many)]}").status == 400)
    }

    @Test func answersFilms() throws {
        let running = try ServerTests.Running()
        let size = try running.session.generatorIdentity().resolution
        try running.storeDirection("first", seed: 1)
        let edits = "\"edits\": [{\"direction\": \"first\", \"strength\": 3}]"
        let film = Client.ask(running.port, "POST /api/animation", body: "{\"seed\": 1, \"size\": \(size), \(edits)}")
        #expect(film.status == 200)
        #expect(film.head.contains("image/webp"))
        #expect(film.body.prefix(4) == Data("RIFF".utf8) && film.body.dropFirst(8).prefix(4) == Data("WEBP".utf8))
        #expect(film.body.range(of: Data("ANMF".utf8)) != nil)
        #expect(Client.ask(running.port, "POST /api/animation", body: "{\"seed\": 1, \"size\": 9}").status == 400)
        #expect(Client.ask(running.port, "POST /api/animation", body: "{}").status == 400)
    }
}
