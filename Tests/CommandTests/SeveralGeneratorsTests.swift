import Core
import Foundation
import Testing
import Weights

/// Two generators in a workspace: whose face it is, is never a guess.
@Suite struct SeveralGeneratorsTests {
    private let folder = Program.Folder()

    private func run(_ line: String, status: Int32 = 0) throws -> Program.Result {
        let result = try Program.run(line.split(separator: " ").map(String.init), workspace: folder.path)
        #expect(result.status == status, "\(line): \(result.errors)")
        return result
    }

    @Test func latentsBelongToTheirGeneratorAndTheOnlyOneIsTheDefault() throws {
        let fixtures = Program.root + "/Tests/Fixtures/stylegan2/"
        let picture = "--out \(folder.path)/a.png"
        #expect(try run("synth --seed 1 \(picture)", status: 1).errors.contains("directions import default"))
        _ = try run("import \(fixtures)ada-skip.pkl --name one")
        #expect(try run("status").output.contains("generator   one: stylegan2"))
        // There is but one, so every verb means it.
        _ = try run("synth --seed 1 \(picture)")
        _ = try run("sample --count 12")
        _ = try run("synth --latent 5 \(picture)")
        _ = try run("import \(fixtures)psp.pt --name two")
        let asked = try run("synth --seed 1 \(picture)", status: 1).errors
        #expect(asked.contains("one, two"), "\(asked)")
        // Latents of one mean nothing to two, whether or not their sizes agree.
        for (line, why) in [
            ("synth --latent 5 --generator two", "belong to generator one, not to two"),
            ("query id<3 --generator two", "has no latents"),
        ] {
            try? FileManager.default.removeItem(atPath: folder.path + "/a.png")
            let refused = try run("\(line) \(picture)", status: 1).errors
            #expect(refused.contains(why), "\(line): \(refused)")
            #expect(!FileManager.default.fileExists(atPath: folder.path + "/a.png"))
        }
        _ = try run("synth --latent 5 --generator one \(picture)")
        _ = try run("query id<3 --generator one \(picture)")
    }

    /// Imports a made-up direction of a generator.
    private func direction(_ name: String, of generator: String, seed: UInt64) throws {
        let model = try JSONSerialization.jsonObject(
            with: AtomicFile.read("\(folder.path)/models/\(generator)/model.json"))
        let size = try #require((model as? [String: Any])?["latentSize"] as? Int)
        var random = CounterRandom(seed: seed, domain: 2)
        let values = (0..<size).map { _ in Float(random.next() % 2001) / 1000 - 1 }
        try NumpyFile.write(TensorData(values, shape: [1, size]), to: "\(folder.path)/\(name).npy")
        _ = try run("import \(folder.path)/\(name).npy --as direction --generator \(generator)")
    }

    /// Two generators with latents and directions of their own: `own` v1 and v3 of `one`, v2 of `two`.
    private func fill() throws {
        let fixtures = Program.root + "/Tests/Fixtures/stylegan2/"
        _ = try run("import \(fixtures)ada-skip.pkl --name one")
        _ = try run("import \(fixtures)psp.pt --name two")
        for (seed, owner) in [(UInt64(1), "one"), (2, "two"), (3, "one")] {
            try direction("own", of: owner, seed: seed)
        }
        _ = try run("sample --count 12 --generator one")
        _ = try run("sample --count 8 --generator two")
    }

    @Test func theNewestVersionIsTheGeneratorsOwn() throws {
        try fill()
        for (owner, version) in [("one", "3"), ("two", "2")] {
            #expect(try run("show own --json --generator \(owner)").output.contains("\"version\" : \"\(version)\""))
            let picture = "--out \(folder.path)/\(owner).png"
            let edited = try run("edit --direction own --seed 1 --strength 1 --generator \(owner) \(picture)")
            #expect(edited.errors.isEmpty || !edited.errors.contains("belongs"))
            _ = try run("pack --name \(owner) --no-previews --generator \(owner)")
            #expect(try run("verify \(owner) --generator \(owner)").output.contains("\(owner): ok"))
        }
        let asked = try run("show own", status: 64).errors
        #expect(asked.contains("v1, v3 of one") && asked.contains("v2 of two"), "\(asked)")
        // A version that is named is what it is, and refused where it does not belong.
        for line in [
            "edit --direction own@v2 --seed 1 --out \(folder.path)/a.png", "pack --name mixed --direction own@v2",
            "evaluate --direction own@v2 --as own=smiling --count 2 --strength 1",
        ] {
            let refused = try run("\(line) --generator one", status: 1).errors
            #expect(refused.contains("belongs to generator two"), "\(line): \(refused)")
        }
        let sql = "SELECT generator, count(*) AS n FROM faces GROUP BY generator ORDER BY generator"
        let counted = try Program.run(["query", "--format", "csv", "--sql", sql], workspace: folder.path)
        #expect(counted.output.contains("one,12") && counted.output.contains("two,8"), "\(counted)")
    }

    @Test func aQueryAnswersWithTheGeneratorsLatents() throws {
        try fill()
        for (owner, count) in [("one", 12), ("two", 8)] {
            let rows = try run("query id>=0 --format csv --generator \(owner)").output.split(separator: "\n")
            #expect(rows.count == count + 1, "\(rows)")
        }
        let asked = try run("query id>=0", status: 1).errors
        #expect(asked.contains("one, two"), "\(asked)")
        // Latents of two begin where the second set does.
        let near = try run("query --near 1 --generator two", status: 1).errors
        #expect(near.contains("belong to generator one"), "\(near)")
        // Scores of one choose nothing for two.
        _ = try run("score --generator one")
        #expect(try run("query smiling>=0 --format csv --generator two").output.split(separator: "\n").count == 1)
        let chosen = try run("select --attr smiling --top 2 --bottom 2 --generator two", status: 1).errors
        #expect(chosen.contains("has 0 scored latents"), "\(chosen)")
        _ = try run("select --attr smiling --top 4 --bottom 4 --generator one")
        #expect(try run("fit --attr smiling --generator two", status: 1).errors.contains("has no selection"))
        _ = try run("fit --attr smiling --generator one")
        let other = try run("fit --attr smiling --condition-on own@v2 --generator one", status: 1).errors
        #expect(other.contains("belongs to generator two"), "\(other)")
        _ = try run("report --name r --attr smiling --faces 1 --generator one")
    }

    @Test func replacingAGeneratorAsksAndSaysWhatBecomesOfWhatDependsOnIt() throws {
        try fill()
        let fixtures = Program.root + "/Tests/Fixtures/stylegan2/"
        #expect(try run("import \(fixtures)ada-skip.pkl --name one").errors.contains("nothing has changed"))
        let refused = try run("import \(fixtures)psp.pt --name one", status: 1).errors
        #expect(refused.contains("--replace") && refused.contains("12 latents"), "\(refused)")
        #expect(refused.contains("2 directions (own@v1, own@v3)"), "\(refused)")
        _ = try run("synth --latent 3 --generator one --out \(folder.path)/a.png")
        let replaced = try run("import \(fixtures)psp.pt --name one --replace").errors
        #expect(replaced.contains("12 latents") && replaced.contains("are kept"), "\(replaced)")
        let orphan = try run("synth --latent 3 --generator one --out \(folder.path)/a.png", status: 1).errors
        #expect(orphan.contains("a former generator one"), "\(orphan)")
        // They are whole again under another name.
        _ = try run("import \(fixtures)ada-skip.pkl --name former")
        _ = try run("synth --latent 3 --generator former --out \(folder.path)/a.png")
        #expect(try run("show own --json --generator former").output.contains("\"version\" : \"3\""))
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/models")
        #expect(!names.contains { $0.hasPrefix(".import") || $0.hasSuffix(".old") }, "\(names)")
    }
}
