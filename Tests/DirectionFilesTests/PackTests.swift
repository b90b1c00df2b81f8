import Core
import DirectionFiles
import Foundation
import Testing
import Weights

@Suite struct PackTests {
    @Test func `a pack is read back from folder and archive`() throws {
        let pack = try Samples.pack()
        try Samples.inFolder { folder in
            try pack.write(folder: folder + "/p")
            try pack.write(zip: folder + "/p.zip")
            for path in ["/p", "/p.zip"] {
                #expect(DirectionPack.problems(at: folder + path) == [])
                let read = try DirectionPack(at: folder + path)
                #expect(read.manifest.contents == pack.manifest.contents && read.files == pack.files)
                #expect(try read.directions() == pack.directions())
            }
            // Again over the old one, and not over anything else.
            try pack.write(folder: folder + "/p")
            #expect(throws: Failure.self) { try pack.write(folder: folder) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["p", "p.zip"])
        }
    }

    @Test func `the card names what a reader asks for`() throws {
        let card = String(decoding: try #require(Samples.pack().files["README.md"]), as: UTF8.self)
        for text in [
            "# faces-v1", "eyeglasses@v2", "87.5 %", "For non-commercial use.", "previews/eyeglasses.png",
            "male@v1, young@v2",
        ] {
            #expect(card.contains(text), "\(text)")
        }
        #expect(!card.contains("previews/male.png"))
    }

    @Test func `one flipped bit in any file is found`() throws {
        let pack = try Samples.pack()
        try Samples.inFolder { folder in
            try pack.write(folder: folder + "/p")
            for file in Array(pack.files.keys) + ["manifest.json"] {
                let path = "\(folder)/p/\(file)"
                let data = try AtomicFile.read(path)
                let step = max(1, data.count * 8 / 150) | 1
                for bit in stride(from: 0, to: data.count * 8, by: step) {
                    var changed = data
                    changed[bit / 8] ^= 1 << (bit % 8)
                    try AtomicFile.write(changed, to: path)
                    #expect(!DirectionPack.problems(at: folder + "/p").isEmpty, "\(file) bit \(bit)")
                }
                try AtomicFile.write(data, to: path)
            }
            #expect(DirectionPack.problems(at: folder + "/p") == [])
        }
    }

    @Test func `one flipped bit in an archive is found`() throws {
        try Samples.inFolder { folder in
            let path = folder + "/p.zip"
            try Samples.pack().write(zip: path)
            let data = try AtomicFile.read(path)
            for bit in stride(from: 0, to: data.count * 8, by: 137) {
                var changed = data
                changed[bit / 8] ^= 1 << (bit % 8)
                try AtomicFile.write(changed, to: path)
                #expect(!DirectionPack.problems(at: path).isEmpty, "bit \(bit)")
            }
        }
    }

    @Test func `missing, foreign and linked files are found`() throws {
        try Samples.inFolder { folder in
            let pack = folder + "/p"
            try Samples.pack().write(folder: pack)
            func problems() -> String { DirectionPack.problems(at: pack).map(\.description).joined(separator: "\n") }
            try AtomicFile.write("x", to: pack + "/extra/note.txt")
            #expect(problems().contains("extra/note.txt: is not in the manifest"))
            try FileManager.default.removeItem(atPath: pack + "/extra")
            let card = pack + "/README.md"
            try FileManager.default.moveItem(atPath: card, toPath: folder + "/README.md")
            #expect(problems().contains("README.md: is missing"))
            try FileManager.default.createSymbolicLink(atPath: card, withDestinationPath: folder + "/README.md")
            #expect(problems().contains("is a link"))
            try FileManager.default.removeItem(atPath: card)
            try FileManager.default.moveItem(atPath: folder + "/README.md", toPath: card)
            #expect(problems() == "")
            // A folder on the way that is a link.
            try FileManager.default.moveItem(atPath: pack + "/male", toPath: folder + "/male")
            try FileManager.default.createSymbolicLink(atPath: pack + "/male", withDestinationPath: folder + "/male")
            #expect(problems().contains("is a link"))
        }
        #expect(
            DirectionPack.problems(at: "/no/such/pack").map(\.description) == [
                "/no/such/pack: does not exist; check the path"
            ])
    }

    @Test(arguments: ["../evil", "/etc/evil", "a/../../evil", "C:/evil", "a\\evil", "./evil", ""])
    func `hostile names are refused in manifests and archives`(_ name: String) throws {
        let pack = try Samples.pack()
        try Samples.inFolder { folder in
            // In an archive, as an entry beside the others.
            var writer = ZipWriter()
            for (path, data) in pack.files { try writer.add(name: path, data) }
            try writer.add(name: name, Data("x".utf8))
            try AtomicFile.write(writer.finish(), to: folder + "/p.zip")
            #expect(!DirectionPack.problems(at: folder + "/p.zip").isEmpty)
            // In a manifest whose checksum is right.
            var manifest = pack.manifest
            manifest.contents[0].path = name
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            manifest.checksum = Hashing.sha256(try encoder.encode(manifest) + Data("\n".utf8))
            try AtomicFile.write(try encoder.encode(manifest) + Data("\n".utf8), to: folder + "/p/manifest.json")
            let problem = try #require(DirectionPack.problems(at: folder + "/p").first)
            #expect(problem.problem.contains("outside of the pack"))
        }
    }

    @Test func `a bomb is refused`() throws {
        try Samples.inFolder { folder in
            // 100 MB of zeros deflated: zlib's ratio is about 1,000.
            let path = folder + "/bomb.zip"
            try AtomicFile.write(try bomb(), to: path)
            #expect(DirectionPack.problems(at: path).first?.problem.contains("would unpack") == true)
        }
    }

    /// A zip whose only entry claims 100 MB in 100 kB.
    private func bomb() throws -> Data {
        var writer = ZipWriter()
        try writer.add(name: "manifest.json", Data(count: 100_000))
        var data = writer.finish()
        // Method deflate and an unpacked size of 100,000,000 in both headers.
        let directory = data.count - 22 - 46 - "manifest.json".utf8.count
        for (at, field) in [(8, 22), (directory + 10, directory + 24)] {
            data[at] = 8
            for (i, byte) in [0x00, 0xE1, 0xF5, 0x05].enumerated() { data[field + i] = UInt8(byte) }
        }
        return data
    }

    @Test func `what can't be packed is refused`() throws {
        let generator = PackManifest.Generator(name: "default", sha256: "ab12")
        func problem(_ directions: [DirectionFile], name: String = "p") -> String {
            Samples.problem {
                _ = try DirectionPack(
                    name: name, directions: directions, generator: generator, licence: "", created: "")
            }
        }
        var direction = try Samples.direction()
        direction.version = 1
        #expect(problem([]).contains("empty pack"))
        #expect(problem([direction, direction]).contains("two directions of one attribute"))
        #expect(problem([direction], name: "../p").contains("cannot name"))
        var other = try Samples.direction(generator: "ffff")
        other.version = 1
        #expect(problem([other]).contains("belongs to generator"))
        #expect(problem([direction]) == "none")
    }
}
