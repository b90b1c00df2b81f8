import Core
import Foundation
import Testing
import Weights

/// Encoders as a person would use them: a checkpoint that brings its own, and one that is trained for an imported StyleGAN2.
@Suite(.serialized)
struct EncoderCommandTests {
    private let folder = Program.Folder()
    private var photographs: String { folder.path + "/photographs" }

    /// A workspace with the generator `small` and its encoder, and photographs that are its faces.
    init() throws {
        let fixtures = Program.root + "/Tests/Fixtures"
        let imported = try run("import \(fixtures)/encoders/psp.pt --name small")
        #expect(imported.errors.contains("GradualStyleEncoder"), "\(imported.errors)")
        _ = try run("import \(fixtures)/stylegan2/rosinality.pt --name other")
        _ = try run("synth --seed 1-3 --generator small --frames \(photographs)")
    }

    @discardableResult
    private func run(_ line: String, status: Int32 = 0) throws -> Program.Result {
        let words = line.split(separator: " ").map(String.init)
        let result = try Program.run(words, workspace: folder.path)
        #expect(result.status == status, "\(line): \(result.errors)")
        return result
    }

    private struct Row: Decodable {
        let file: String
        let method: String
        let l2: Double
        let seed: UInt64?
        let isNew: Bool
    }

    private func rows(_ line: String) throws -> [Row] {
        try JSONDecoder().decode([Row].self, from: Data(run(line + " --json").output.utf8))
    }

    private func codes(_ name: String) throws -> (shape: [Int], values: [Float]) {
        let file = try NumpyFile.read("\(folder.path)/\(name).npy")
        return (file.shape, try file.floats())
    }

    @Test func aCheckpointBringsItsEncoderAndItIsTheDefault() throws {
        let invert = "invert \(photographs) --aligned --generator small"
        let found = try rows(invert + " --codes-out \(folder.path)/plain.npy")
        #expect(found.count == 3 && found.allSatisfy { $0.method == "encoder" && $0.seed == nil })
        // Importing once more changes nothing, and says so.
        let path = folder.path + "/models/small.encoder.safetensors"
        let before = try Hashing.sha256(file: path)
        try run("import \(Program.root)/Tests/Fixtures/encoders/psp.pt --name small")
        #expect(try Hashing.sha256(file: path) == before)

        let variants = try rows(invert + " --random-rows 6-7 --seed 4-5 --codes-out \(folder.path)/variants.npy")
        #expect(variants.map(\.seed) == [4, 5, 4, 5, 4, 5])
        let (plain, changed) = (try codes("plain"), try codes("variants"))
        #expect(plain.shape == [3, 8, 16] && changed.shape == [6, 8, 16])
        for photograph in 0..<3 {
            for variant in 0..<2 {
                let start = (2 * photograph + variant) * 128
                #expect(
                    changed.values[start..<start + 96].elementsEqual(
                        plain.values[photograph * 128..<photograph * 128 + 96]))
                // The same latent for every photograph, in both rows.
                let last = Array(changed.values[start + 96..<start + 112])
                #expect(last == Array(changed.values[start + 112..<start + 128]))
                #expect(last == Array(changed.values[variant * 128 + 96..<variant * 128 + 112]))
            }
        }
        #expect(changed.values[96..<112] != changed.values[224..<240])
        let refused = try run(invert + " --random-rows 6-8", status: 64).errors
        #expect(refused.contains("0-7"), "\(refused)")
    }

    @Test func encodersAreTrainedForImportedGeneratorsAndRefusedForOthers() throws {
        try run("synth --seed 1-4 --generator other --frames \(folder.path)/train")
        let train =
            "train-encoder \(folder.path)/train --validation \(folder.path)/train --generator other --name mine --arch psp "
            + "--backbone tiny --size 64 --loss-size 32 --lpips 0 --latent-steps 3 --pairs 8 --batch 2 --generated 1 --interval 2"
        try run(train + " --image-steps 2")
        let run = folder.path + "/models/mine.encoder"
        for name in ["curve.svg", "sheet.png", "steps.jsonl", "pairs.bin", "checkpoint.safetensors"] {
            #expect(FileManager.default.fileExists(atPath: "\(run)/\(name)"), "\(name)")
        }
        #expect(try String(contentsOfFile: run + "/curve.svg", encoding: .utf8).hasPrefix("<svg"))
        let invert = "invert \(folder.path)/train --aligned --generator other"
        let found = try rows(invert)
        #expect(found.count == 4 && found.allSatisfy { $0.method == "encoder" })
        let further = try rows(invert + " --method encoder+optimise --steps 2")
        #expect(further.allSatisfy { $0.method == "encoder+optimise" })
        // Options may change, the run goes on. An encoder of greys is for those who name it.
        try self.run(train + " --image-steps 3 --target grey --input grey --patience 4 --resume")
        #expect(try self.run(invert + " --method encoder", status: 1).errors.contains("encoder"))
        #expect(try rows(invert + " --encoder mine").allSatisfy { $0.method == "encoder" })

        for (encoder, generator) in [("mine", "small"), ("small", "other")] {
            let line = "invert \(photographs) --aligned --generator \(generator) --encoder \(encoder)"
            let refused = try self.run(line, status: 1).errors
            #expect(refused.contains("another generator"), "\(refused)")
        }
        let missing = try self.run("invert \(photographs) --aligned --generator small --encoder none", status: 1).errors
        #expect(missing.contains("none.encoder.safetensors"), "\(missing)")
    }

    @Test func oneCommandMakesTheTableOfColourings() throws {
        try run(
            "train-encoder \(photographs) --validation \(photographs) --generator small --name greys --arch psp --backbone tiny "
                + "--size 64 --loss-size 32 --lpips 0 --latent-steps 0 --image-steps 1 --batch 2 --generated 0 --target grey "
                + "--input grey")
        let evaluate =
            "evaluate-colorization \(photographs) --statistics \(photographs) --methods grey,tints,encoder,real "
            + "--encoders greys --generator small --no-fid --json"
        struct Table: Decodable {
            struct Row: Decodable {
                struct Figure: Decodable { let value: Double }
                let method: String
                let figures: [String: Figure]
            }
            let count: Int
            let rows: [Row]
        }
        let (text, again) = (try run(evaluate).output, try run(evaluate).output)
        let table = try JSONDecoder().decode(Table.self, from: Data(text.utf8))
        #expect(table.count == 3)
        let rows = Dictionary(uniqueKeysWithValues: table.rows.map { ($0.method, $0.figures.mapValues(\.value)) })
        func figure(_ row: String, _ name: String) -> Double { rows[row]?[name] ?? .nan }
        #expect(figure("grey", "colourfulness") == 0 && figure("grey", "luminance-error") == 0)
        #expect(figure("real", "l2") == 0 && figure("real", "colourfulness-ratio") == 1)
        for row in ["psp-luminance", "greys-luminance", "greys-random-luminance"] {
            #expect(figure(row, "luminance-error") <= 0.5, "\(row)")
        }
        // Rows from random latents give other colours, and the same ones each time.
        #expect(figure("greys-random", "l2") != figure("greys", "l2"))
        #expect(figure("greys-random-luminance", "hellinger") != figure("greys-luminance", "hellinger"))
        #expect(text == again)
    }

    @Test func oneCommandMakesTheTableOfMethods() throws {
        let evaluate = "evaluate-inversion \(photographs) --generator small --steps 2"
        let text = try run(evaluate + " --methods mean,encoder,encoder+optimise,optimise").output
        for part in ["| mean face |", "| encoder |", "| encoder + 2 steps |", "| e4e (published) | 0.0472 |"] {
            #expect(text.contains(part), "\(text)")
        }
        struct Table: Decodable {
            struct Row: Decodable {
                let method: String
                let l2: Double
            }
            let count: Int
            let isGrey: Bool
            let rows: [Row]
        }
        let grey = try JSONDecoder().decode(
            Table.self, from: Data(run(evaluate + " --count 2 --grey --methods mean,encoder --json").output.utf8))
        #expect(grey.count == 2 && grey.isGrey && grey.rows.map(\.method) == ["mean", "encoder"])
        #expect(FileManager.default.fileExists(atPath: folder.path + "/reports/inversion.json"))
        #expect(FileManager.default.fileExists(atPath: folder.path + "/reports/inversion-grey.json"))
        // The report has both.
        try run("sample --count 40 --generator small")
        try run("score --generator small")
        try run("report --generator small --faces 2 --out \(folder.path)/report.html")
        let page = try String(contentsOfFile: folder.path + "/report.html", encoding: .utf8)
        #expect(page.contains("Codes of photographs") && page.contains("encoder + 2 steps"))
        #expect(page.contains("2 photographs, grey by Rec. 601"))
        // One photograph more is searched for alone.
        let optimise = "evaluate-inversion \(photographs) --generator small --steps 2 --methods encoder,optimise --json"
        let journal = folder.path + "/reports/inversion-photographs.jsonl"
        try FileManager.default.removeItem(atPath: journal)
        let some = try JSONDecoder().decode(Table.self, from: Data(run(optimise + " --count 2").output.utf8))
        let before = try String(contentsOfFile: journal, encoding: .utf8)
        #expect(some.count == 2 && before.split(separator: "\n").count == 2)
        let all = try JSONDecoder().decode(Table.self, from: Data(run(optimise + " --resume").output.utf8))
        let after = try String(contentsOfFile: journal, encoding: .utf8)
        #expect(after.hasPrefix(before) && after.split(separator: "\n").count == 3)
        let anew = try JSONDecoder().decode(Table.self, from: Data(run(optimise).output.utf8))
        #expect(all.rows.map(\.method) == ["encoder", "optimise"] && anew.rows.map(\.method) == all.rows.map(\.method))
        for (one, other) in zip(all.rows, anew.rows) { #expect(abs(one.l2 - other.l2) < 1e-6) }
        // Another budget is another search, and leaves the first one's figures alone.
        try run(optimise.replacing("--steps 2", with: "--steps 1") + " --count 1")
        #expect(try String(contentsOfFile: journal, encoding: .utf8).split(separator: "\n").count == 4)
        // Of photographs that are random faces of seed 0 themselves, these are the nearest.
        try run("synth --seed 0 --generator small --npy \(folder.path)/zero.npy --frames \(folder.path)/zero")
        let nearest = try rows(
            "invert \(folder.path)/zero --aligned --generator small --method nearest --codes-out \(folder.path)/nearest.npy"
        )
        #expect(nearest.map(\.method) == ["nearest"])
        try run("synth --code \(folder.path)/nearest.npy --generator small --npy \(folder.path)/again.npy")
        #expect(try codes("zero").values == codes("again").values)
        // What is there to be beaten is not kept.
        #expect(try rows("invert \(folder.path)/zero --aligned --generator small --method nearest").allSatisfy(\.isNew))
        #expect(try run("evaluate-inversion \(photographs) --methods tune --grey", status: 64).errors.contains("tune"))
    }
}
