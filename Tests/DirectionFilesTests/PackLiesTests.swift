import Core
import DirectionFiles
import Foundation
import Testing
import Weights

/// Packs whose manifest says what is not so, though its checksum is right, and packs that would unpack to a lot.
@Suite struct PackLiesTests {
    /// A folder pack whose manifest was changed and given a new checksum.
    private func problems(_ change: (inout PackManifest) -> Void) throws -> (verified: String, opened: String) {
        let pack = try Samples.pack()
        var result = (verified: "", opened: "")
        try Samples.inFolder { folder in
            try pack.write(folder: folder + "/p")
            var manifest = pack.manifest
            change(&manifest)
            manifest.checksum = ""
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            manifest.checksum = Hashing.sha256(try encoder.encode(manifest) + Data("\n".utf8))
            try AtomicFile.write(try encoder.encode(manifest) + Data("\n".utf8), to: folder + "/p/manifest.json")
            result.verified = DirectionPack.problems(at: folder + "/p").map(\.description).joined(separator: "\n")
            result.opened = Samples.problem { _ = try DirectionPack(at: folder + "/p") }
        }
        return result
    }

    @Test func `another generator than the files' is refused`() throws {
        let (verified, opened) = try problems { $0.generator.sha256 = "ffff" }
        #expect(verified.contains("belongs to another generator") && opened.contains("belongs to another generator"))
        let same = try problems { _ in }
        #expect(same.verified == "" && same.opened == "none")
    }

    @Test(arguments: ["../../x", "/etc/x", "", ".hidden", "a/b", "<b>x</b>", "a\nb"])
    func `names that no pack can have are refused`(_ name: String) throws {
        let (verified, opened) = try problems { $0.name = name }
        #expect(verified.contains("calls the pack") && opened.contains("calls the pack"))
    }

    @Test(arguments: ["../../x", "", "..", "a\nb"]) func `names that no generator can have are refused`(_ name: String)
        throws
    {
        let (verified, opened) = try problems { $0.generator.name = name }
        #expect(verified.contains("calls the generator") && opened.contains("calls the generator"))
    }

    @Test func `each kind of file has a limit`() throws {
        for (kind, bytes) in [
            (PackManifest.Kind.direction, 9 << 20), (.preview, 33 << 20), (.card, 5 << 20), (.metrics, 5 << 20),
        ] {
            let (verified, _) = try problems { manifest in
                for k in manifest.contents.indices where manifest.contents[k].kind == kind {
                    manifest.contents[k].bytes = bytes
                }
            }
            #expect(verified.contains("more than a \(kind.rawValue) has"), "\(verified)")
        }
    }

    /// A pack whose files were packed again by another program, as small archives that unpack to large files are.
    @Test func `an archive that was packed anew is refused before anything is unpacked`() throws {
        try Samples.inFolder { folder in
            let path = folder + "/p.zip"
            try Samples.pack().write(folder: folder + "/p")
            let script = """
                import os, sys, zipfile
                with zipfile.ZipFile(sys.argv[2], 'w', zipfile.ZIP_DEFLATED) as z:
                    for root, _, files in os.walk(sys.argv[1]):
                        for f in files:
                            full = os.path.join(root, f)
                            z.write(full, os.path.relpath(full, sys.argv[1]))
                    if len(sys.argv) > 3:
                        z.writestr('previews/large.png', b'ab' * 15_000_000 + os.urandom(200_000))
                """
            for extra in [[], ["large"]] {
                let process = Process()
                process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
                process.arguments = ["python3", "-c", script, folder + "/p", path] + extra
                try process.run()
                process.waitUntilExit()
                try #require(process.terminationStatus == 0)
                #expect(DirectionPack.problems(at: path).map(\.problem).contains { $0.contains("packed anew") })
            }
        }
    }

    @Test func `markup in metadata is shown and not made`() throws {
        let evil = "<script>alert(1)</script>|`x` [a](http://b) *c*\n# d"
        var direction = try Samples.direction("eyeglasses", seed: 1)
        direction.version = 1
        direction.metadata.generator = .init(name: evil, sha256: "ab12")
        direction.metadata.classifier = .init(name: evil, sha256: "cd34")
        direction.metadata.source = .init(name: evil, sha256: evil)
        direction.metadata.solver?.name = evil
        direction.metadata.orthogonalTo = [evil]
        let pack = try DirectionPack(
            name: "p", directions: [direction],
            generator: .init(name: "default", sha256: "ab12", architecture: evil, source: evil), licence: evil,
            created: evil)
        let card = String(decoding: try #require(pack.files["README.md"]), as: UTF8.self)
        var outside = ""
        var isCode = false
        for line in card.split(separator: "\n", omittingEmptySubsequences: false) {
            // What stands between backticks on a line is text anyway.
            if line.hasPrefix("```") { isCode.toggle() }
            if isCode || line == "```" { continue }
            let parts = line.replacingOccurrences(of: "\\`", with: "").split(
                separator: "`", omittingEmptySubsequences: false)
            #expect(parts.count % 2 == 1, "\(line)")
            outside += parts.enumerated().filter { $0.offset % 2 == 0 }.map { String($0.element) }.joined() + "\n"
        }
        #expect(
            !outside.contains("<") && !outside.replacingOccurrences(of: "\\]", with: "").contains("](http"),
            "\(outside)")
        #expect(outside.contains("&lt;script&gt;"))
        // The table keeps its columns.
        let row = try #require(card.split(separator: "\n").first { $0.hasPrefix("| eyeglasses@v1") })
        #expect(row.replacingOccurrences(of: "\\|", with: "").filter { $0 == "|" }.count == 9)
    }
}
