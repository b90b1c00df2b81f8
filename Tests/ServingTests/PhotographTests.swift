import Core
import Directions
import Foundation
import Serving
import Testing

/// Photographs through real sockets: what is held, answered and refused.
@Suite(.serialized) struct PhotographTests {
    private struct Held: Decodable {
        let id: String
        let width: Int
        let height: Int
        let faces: Int
        let isGrey: Bool
    }

    private struct Standing: Decodable {
        let method: String
        let l2: Float
        let lpips: Float
        let searching: Double?
    }

    static let wheel: String? = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path()
        let path =
            ProcessInfo.processInfo.environment["DIRECTIONS_WHEEL"] ?? root
            + ".cache/random_face-2021.7.21.1-py3-none-any.whl"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }()

    /// A server of the small generator: finding and holding needs no other.
    private let small: ServerTests.Running
    private static let png = Result { try DrawnFace.picture().encodedPNG() }

    init() throws { small = try ServerTests.Running() }

    private func held(_ file: Data, at port: UInt16) throws -> Held {
        let answer = Client.upload(port, file)
        try #require(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
        return try JSONDecoder().decode(Held.self, from: answer.body)
    }

    @Test func findsTheFacesOfPicturesOfBothKinds() throws {
        let picture = DrawnFace.picture()
        let photograph = try held(Self.png.get(), at: small.port)
        #expect((photograph.width, photograph.height) == (640, 640))
        #expect(photograph.faces == 1)
        #expect(!photograph.isGrey)
        #expect(try photograph.id == String(Hashing.sha256(Self.png.get()).prefix(16)))
        #expect(try held(picture.encodedJPEG(), at: small.port).id != photograph.id)
        let again = Client.ask(small.port, "GET /api/photographs/\(photograph.id)")
        #expect(again.status == 200)
        #expect(try JSONDecoder().decode(Held.self, from: again.body).faces == 1)
        let face = Client.ask(small.port, "GET /api/photographs/\(photograph.id)/face?face=1")
        #expect(face.status == 200)
        #expect(try Image.decode(face.body, name: "face").width == 256)
    }

    @Test func tellsGreyFromColoured() throws {
        var picture = DrawnFace.picture()
        for at in stride(from: 0, to: picture.pixels.count, by: 3) {
            picture.pixels[at] = picture.pixels[at + 1]
            picture.pixels[at + 2] = picture.pixels[at + 1]
        }
        #expect(try held(picture.encodedPNG(), at: small.port).isGrey)
        // Sepia has colours that nobody took a picture of.
        for at in stride(from: 2, to: picture.pixels.count, by: 3) { picture.pixels[at] = picture.pixels[at] / 5 * 4 }
        #expect(try held(picture.encodedPNG(), at: small.port).isGrey)
    }

    @Test func refusesWhatIsNoPhotograph() throws {
        let port = small.port
        let file = try Self.png.get()
        #expect(Client.upload(port, file, headers: ["Content-Type": "application/json"]).status == 415)
        #expect(Client.upload(port, file, headers: ["Content-Type": "multipart/form-data"]).status == 415)
        #expect(Client.upload(port, Data(), headers: ["Content-Length": "\((48 << 20) + 1)"]).status == 413)
        #expect(Client.upload(port, Data()).status == 400)
        #expect(Client.upload(port, Data("no picture".utf8)).status == 400)
        #expect(Client.upload(port, file.prefix(file.count / 2)).status == 400)
        #expect(Client.upload(port, file, headers: ["Origin": "http://evil.example"]).status == 403)
        #expect(Client.upload(port, file, headers: ["Sec-Fetch-Site": "cross-site"]).status == 403)
        #expect(
            try Client.upload(port, Image(width: 300, height: 300, fill: (90, 120, 60)).encodedPNG()).status == 404)
    }

    /// A few bytes that say they are a picture of 60,000 x 60,000 pixels.
    @Test func refusesDecompressionBombs() throws {
        var file = try Image(width: 8, height: 8, fill: (0, 0, 0)).encodedPNG()
        let header = file.startIndex + 12
        for at in [16, 20] { file.replaceSubrange(at..<at + 4, with: [0, 0, 0xEA, 0x60]) }
        let sum = crc(file[header..<header + 17])
        file.replaceSubrange(29..<33, with: withUnsafeBytes(of: sum.bigEndian, Array.init))
        let answer = Client.upload(small.port, file)
        #expect(answer.status == 400)
        #expect(String(decoding: answer.body, as: UTF8.self).contains("60000 x 60000"))
    }

    private func crc(_ data: Data) -> UInt32 {
        var sum = ~UInt32(0)
        for byte in data {
            sum ^= UInt32(byte)
            for _ in 0..<8 {
                let half = sum >> 1
                sum = sum & 1 == 1 ? half ^ 0xEDB8_8320 : half
            }
        }
        return ~sum
    }

    @Test(arguments: [
        "GET /api/photographs/0000000000000000", "GET /api/photographs/0000000000000000/face",
        "GET /api/photographs/0000000000000000/inversion", "GET /api/photographs/", "GET /api/photographs",
        "GET /api/photographs/../../etc/passwd", "GET /api/photographs/%2e%2e%2fx/face", "GET /api/photographsX",
        "POST /api/photographs/0000000000000000/search", "POST /api/photographs/0000000000000000/colorize",
        "POST /api/photographs/0000000000000000/nothing", "POST /api/photographs/x/y/z",
    ]) func knowsNoOtherPhotographs(line: String) {
        let answer = Client.ask(small.port, line, body: line.hasPrefix("POST") ? "{}" : nil)
        #expect(answer.status == 404)
        #expect(String(decoding: answer.body, as: UTF8.self).contains("error"))
    }

    @Test func refusesFacesThatAreNotThere() throws {
        let id = try held(Self.png.get(), at: small.port).id
        for face in ["0", "2", "-1", "9223372036854775807"] {
            #expect(Client.ask(small.port, "GET /api/photographs/\(id)/face?face=\(face)").status == 404)
        }
        #expect(Client.ask(small.port, "GET /api/photographs/\(id)/face?face=one").status == 400)
        #expect(Client.ask(small.port, "POST /api/photographs/\(id)/search", body: "[").status == 400)
        #expect(
            Client.ask(small.port, "POST /api/synth", body: "{\"photograph\": \"\(id)\", \"seed\": 1}").status == 400)
    }

    @Test func holdsTheLatestFew() throws {
        let files = try (0...LivePhotographs.limit).map { try DrawnFace.picture(hue: 3 * $0).encodedPNG() }
        let ids = try files.dropLast().map { try held($0, at: small.port).id }
        // The first is asked for, so that the second is the one that was not asked for longest.
        #expect(Client.ask(small.port, "GET /api/photographs/\(ids[0])").status == 200)
        _ = try held(#require(files.last), at: small.port)
        #expect(Client.ask(small.port, "GET /api/photographs/\(ids[0])").status == 200)
        #expect(Client.ask(small.port, "GET /api/photographs/\(ids[1])").status == 404)
        let answer = Client.ask(small.port, "POST /api/synth", body: "{\"photograph\": \"\(ids[1])\"}")
        #expect(answer.status == 404)
        #expect(String(decoding: answer.body, as: UTF8.self).contains("no longer held"))
    }

    @Test(.enabled(if: wheel != nil, "the generator wheel is absent; `make setup` fetches it"))
    func editsSearchesAndColours() throws {
        let running = try ServerTests.Running(wheel: Self.wheel)
        let port = running.port
        try running.storeDirection("first", seed: 1)
        let picture = DrawnFace.picture()
        let id = try held(Self.png.get(), at: port).id
        try unedited(id, picture, port)
        let edited = Client.ask(port, "POST /api/synth", body: face(id, more: ", \"isWhole\": true", strength: 3))
        #expect(edited.status == 200)
        let whole = try Image.decode(edited.body, name: "edited")
        #expect((whole.width, whole.height) == (640, 640))
        #expect(whole != picture)
        // What is far from the face is the photograph's own.
        #expect(whole.pixels.prefix(640 * 3) == picture.pixels.prefix(640 * 3))
        let film = Client.ask(port, "POST /api/animation", body: face(id, more: ", \"size\": 64", strength: 3))
        #expect(film.status == 200)
        #expect(film.body.prefix(4) == Data("RIFF".utf8))
        try searches(id, port)
        try colours(id, port)
    }

    private func face(_ id: String, more: String, strength: Float = 0) -> String {
        "{\"photograph\": \"\(id)\", \"format\": \"png\", \"edits\": [{\"direction\": \"first\", \"strength\": \(strength)}]\(more)}"
    }

    /// Without a change the square and the whole are the photograph's own.
    private func unedited(_ id: String, _ picture: Image, _ port: UInt16) throws {
        let square = Client.ask(port, "POST /api/synth", body: face(id, more: ", \"size\": 256"))
        #expect(square.status == 200)
        let own = Client.ask(port, "GET /api/photographs/\(id)/face")
        let shown = try Image.decode(square.body, name: "square")
        let cut = try Image.decode(own.body, name: "own")
        // The same square; the one is cut out at 256 pixels and packed, the other made smaller.
        let change = zip(shown.pixels, cut.pixels).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
        #expect(shown.width == 256 && cut.width == 256)
        #expect(Double(change) / Double(cut.pixels.count) < 3)
        let bare = Client.ask(
            port, "POST /api/synth", body: "{\"photograph\": \"\(id)\", \"format\": \"png\", \"size\": 256}")
        #expect(bare.body == square.body)
        let whole = Client.ask(port, "POST /api/synth", body: face(id, more: ", \"isWhole\": true"))
        #expect(try Image.decode(whole.body, name: "whole") == picture)
    }

    private func searches(_ id: String, _ port: UInt16) throws {
        let path = "/api/photographs/\(id)"
        let first = try JSONDecoder().decode(
            Standing.self, from: Client.ask(port, "GET \(path)/inversion").body)
        #expect(["encoder", "optimise"].contains(first.method))
        #expect(first.searching == nil)
        for seconds in ["0", "0.5", "301", "-1", "1e30"] {
            #expect(Client.ask(port, "POST \(path)/search", body: "{\"seconds\": \(seconds)}").status == 400)
        }
        #expect(Client.ask(port, "POST \(path)/search", body: "{\"face\": 2}").status == 404)
        let begun = Client.ask(port, "POST \(path)/search", body: "{\"seconds\": 4}")
        #expect(begun.status == 202)
        #expect(try JSONDecoder().decode(Standing.self, from: begun.body).searching != nil)
        #expect(Client.ask(port, "POST \(path)/search", body: "{\"seconds\": 4}").status == 409)
        var last = first
        for _ in 0..<240 {
            usleep(250_000)
            last = try JSONDecoder().decode(Standing.self, from: Client.ask(port, "GET \(path)/inversion").body)
            if last.searching == nil { break }
        }
        #expect(last.searching == nil)
        // Never a worse one.
        #expect(last.lpips <= first.lpips)
    }

    private func colours(_ id: String, _ port: UInt16) throws {
        let path = "POST /api/photographs/\(id)/colorize"
        for body in [
            "{\"variant\": 0}", "{\"variant\": 9}", "{\"palette\": [\"blue\"]}", "[]",
            "{\"palette\": [\(Array(repeating: "\"#ffffff\"", count: 65).joined(separator: ","))]}",
        ] {
            #expect(Client.ask(port, path, body: body).status == 400, "\(body.prefix(40))")
        }
        #expect(Client.ask(port, path, body: "{\"reference\": \"0000000000000000\"}").status == 404)
        let answer = Client.ask(port, path, body: "{}")
        try #require(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
        let coloured = try JSONDecoder().decode(Held.self, from: answer.body)
        #expect(coloured.id != id)
        #expect((coloured.width, coloured.height) == (640, 640))
        #expect(Client.ask(port, "GET /api/photographs/\(coloured.id)/face").status == 200)
    }
}
