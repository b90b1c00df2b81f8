import Core
import EncoderTraining
import Encoders
import Foundation
import Generators
import Images
import Latents
import Networks
import Testing
import Weights

/// What a training can be asked for beyond its losses, on a StyleGAN2 of 32 pixels that was imported.
@Suite(.serialized) struct EncoderTrainingTests {
    private let folder: String
    private let generator: Generator

    init() throws {
        let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
        folder = NSTemporaryDirectory() + "encoder-training-\(UUID().uuidString)"
        _ = try Generator.importFile(fixtures + "/Fixtures/stylegan2/rosinality.pt", folder: folder + "/generator")
        generator = try Generator.load(folder: folder + "/generator")
    }

    private func remove() { try? FileManager.default.removeItem(atPath: folder) }

    private func settings(latentSteps: Int, imageSteps: Int) throws -> EncoderSettings {
        var backbone = try Architecture.named("tiny")
        backbone.inputSize = 64
        var shape = EncoderConfiguration(.restyle, backbone: backbone, rows: 8, latentSize: 64)
        (shape.width, shape.hidden, shape.rank, shape.reconstructionSize) = (16, 24, 32, 32)
        var settings = EncoderSettings(shape)
        (settings.latentSteps, settings.imageSteps, settings.imageSize) = (latentSteps, imageSteps, 32)
        (settings.latentBatch, settings.imageBatch, settings.generated) = (4, 4, 1)
        (settings.pairs, settings.firstPairs, settings.freshPairs) = (16, 8, 2)
        settings.losses.lpips = 0
        settings.validationInterval = 2
        return settings
    }

    /// Faces of the generator as files, with or without their colours.
    private func files(_ name: String, isGrey: Bool = false) throws -> [String] {
        let codes = try LatentCodes(generator.latents(seed: 8, indices: 0..<6), rows: 1, size: 64)
        let faces = try generator.synthesizer().synthesize(codes, size: 32, noise: .none)
        try AtomicFile.makeFolder("\(folder)/\(name)")
        return try faces.images.enumerated().map { index, image in
            var image = image
            if isGrey {
                // Of what a file holds, not of what lies beyond white.
                let luma = ImageBatch(faces.images, side: 32).luma().planes
                image = Image(
                    width: 32, height: 32,
                    pixels: (0..<1024).flatMap { pixel -> [UInt8] in
                        let value = UInt8(min(max((luma[index * 1024 + pixel] + 1) * 127.5, 0), 255))
                        return [value, value, value]
                    })
            }
            let path = "\(folder)/\(name)/\(index).png"
            try image.write(to: path)
            return path
        }
    }

    private func trained(
        _ name: String, _ settings: EncoderSettings, files: [String], starts: [String] = []
    ) throws -> EncoderTrainer {
        var plan = EncoderPlan(
            settings, name: name, photographs: Array(files.prefix(4)), validation: Array(files.suffix(2)),
            folder: "\(folder)/\(name)", backboneWeights: nil, licence: "none")
        plan.starts = starts
        let trainer = try EncoderTrainer(plan, generator: generator, judges: .init(perceptual: nil, embedder: nil))
        try trainer.run()
        return trainer
    }

    private func weights(_ trainer: EncoderTrainer) throws -> [String: [Float]] {
        try EncoderFile.read(trainer.bestPath).network.state().mapValues { try $0.floats() }
    }

    @Test func aGreyTargetComparesGreysAlone() throws {
        defer { remove() }
        var settings = try settings(latentSteps: 2, imageSteps: 0)
        settings.input = .grey
        settings.target = .grey
        // What was learnt of pairs is the same; photographs with and without colours must then measure alike.
        let colour = try trained("colour", settings, files: files("a"))
        let grey = try trained("grey", settings, files: files("b", isGrey: true))
        let (a, b) = (try #require(colour.records.last), try #require(grey.records.last))
        #expect(a.greyL2 > 0 && abs(a.greyL2 - b.greyL2) < 0.002 * a.greyL2, "\(a) \(b)")
        settings.target = nil
        let both = try trained("both", settings, files: files("c"))
        let plain = try #require(both.records.last)
        #expect(abs(plain.greyL2 - a.greyL2) > 0.02 * a.greyL2, "\(plain) \(a)")
        // And the losses of photographs see greys alone.
        settings.target = .grey
        settings.imageSteps = 4
        #expect(try trained("steps", settings, files: files("d")).records.last?.loss.isFinite == true)
    }

    @Test func pairsMadeOnTheFlyAreThoseOfTheDisk() throws {
        defer { remove() }
        var settings = try settings(latentSteps: 4, imageSteps: 2)
        settings.validationInterval = 100
        let files = try files("a")
        let kept = try trained("kept", settings, files: files)
        settings.keepsPairs = false
        let made = try trained("made", settings, files: files)
        #expect(FileManager.default.fileExists(atPath: "\(folder)/kept/pairs.bin"))
        #expect(!FileManager.default.fileExists(atPath: "\(folder)/made/pairs.bin"))
        #expect(try weights(kept) == weights(made))
    }

    @Test func patienceEndsATrainingThatLearnsNothingMore() throws {
        defer { remove() }
        var settings = try settings(latentSteps: 2, imageSteps: 40)
        settings.imageRate = 1e-12
        settings.averageDecay = 0.0001
        settings.patience = 3
        let trainer = try trained("patient", settings, files: files("a"))
        let steps = trainer.records.map(\.step)
        #expect(steps.count < 12 && steps.last ?? 42 < 42, "\(steps)")
        settings.patience = nil
        #expect(try trained("endless", settings, files: files("b")).records.last?.step == 42)
    }

    @Test func aTrainingBeginsFromTheMeanOfSeveral() throws {
        defer { remove() }
        var settings = try settings(latentSteps: 2, imageSteps: 0)
        let files = try files("a")
        let first = try trained("first", settings, files: files).bestPath
        settings.seed = 5
        let second = try trained("second", settings, files: files, starts: [first]).bestPath
        // Without any step the mean itself is kept.
        settings.latentSteps = 0
        let both = try trained("both", settings, files: files, starts: [first, second])
        let (a, b) = (try EncoderFile.read(first).network.state(), try EncoderFile.read(second).network.state())
        var differences = 0
        for (name, found) in try weights(both) {
            let (x, y) = (try #require(a[name]).floats(), try #require(b[name]).floats())
            for i in found.indices {
                // Files are of half precision.
                let mean = (x[i] + y[i]) / 2
                #expect(abs(found[i] - mean) <= 2e-3 * abs(mean) + 1e-5, "\(name) \(i)")
                if abs(x[i] - y[i]) > 0.01 * abs(mean) { differences += 1 }
            }
        }
        #expect(differences > 100)
        // One with other axes of W has no ancestor in common, though it is of the same generator and shape.
        let stranger = try SafetensorsFile.read(first)
        var tensors = stranger.tensors
        let axes = try #require(tensors.keys.first { $0.contains("axes") })
        tensors[axes] = TensorData(try #require(tensors[axes]).floats().map { -$0 }, shape: tensors[axes]?.shape ?? [])
        try SafetensorsFile(tensors: tensors, metadata: stranger.metadata).write(to: "\(folder)/stranger.safetensors")
        let failure = #expect(throws: Failure.self) {
            try trained("none", settings, files: files, starts: [first, "\(folder)/stranger.safetensors"])
        }
        #expect(throws: Failure.self) { try trained("nothing", settings, files: files) }
        #expect(failure?.kind == .conflict, "\(String(describing: failure))")
    }

    @Test func aRunShowsWhatPhotographsBecomeAndCountsEpochs() throws {
        defer { remove() }
        let trainer = try trained("shown", settings(latentSteps: 2, imageSteps: 8), files: files("a"))
        let sheet = try Image.read(trainer.sheetPath)
        #expect(sheet.width >= 4 * 32 && sheet.height >= 2 * 32)
        // 8 steps of 3 photographs are 6 times 4.
        #expect(trainer.records.last?.epoch == 6)
        let lines = try String(contentsOfFile: "\(folder)/shown/steps.jsonl", encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 5)
    }

    @Test func convolutionsComputeInHalfTheBits() throws {
        defer { remove() }
        var settings = try settings(latentSteps: 3, imageSteps: 1)
        let files = try files("a")
        let full = try trained("full", settings, files: files)
        settings.precision = .bfloat16
        let half = try trained("half", settings, files: files)
        let (a, b) = (try #require(full.records.first?.loss), try #require(half.records.first?.loss))
        #expect(a != b && abs(a - b) < 0.05 * a, "\(a) \(b)")
    }

    /// What a trainer before these options wrote.
    @Test func settingsOfOlderCheckpointsAreRead() throws {
        defer { remove() }
        let text = """
            {"averageDecay":0.998,"clip":1,"configuration":{"backbone":{"inputSize":192,"name":"efficientnet_lite0"},"hidden":768,\
            "kind":"restyle","latentSize":512,"passes":3,"rank":160,"reconstructionSize":128,"rows":18,"width":256},\
            "firstPairs":512,"freshPairs":8,"generated":0,"imageBatch":8,"imageRate":0.0003,"imageSize":256,"imageSteps":20000,\
            "input":"both","latentBatch":32,"latentRate":0.001,"latentSteps":560,"losses":{"delta":0.01,"id":0,"l2":1,"latent":1,\
            "lpips":0.8,"wNorm":0.001},"pairs":10000,"passes":2,"seed":1,"validationInterval":150,"weightDecay":0.0001}
            """
        let settings = try JSONDecoder().decode(EncoderSettings.self, from: Data(text.utf8))
        try settings.validate()
        #expect(settings.target == nil && settings.patience == nil && settings.losses.wNorm == 0.001)
    }
}
