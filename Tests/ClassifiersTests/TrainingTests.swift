import Classifiers
import Core
import Faces
import Foundation
import Images
import Networks
import Tensors
import Testing
import Weights

@Suite(.serialized) struct TrainingTests {
    private func settings(epochs: Int) throws -> TrainingSettings {
        var settings = TrainingSettings()
        settings.architecture = try Architecture.named("tiny")
        settings.attributes = ["Eyeglasses", "Male", "Smiling"]
        settings.epochs = epochs
        settings.batchSize = 16
        settings.averageDecay = 0.9
        settings.warmUp = 0.5
        settings.lowResolutionShare = 0
        settings.rate = 5e-3
        return settings
    }

    private func faces(_ tiny: TinyCelebA, _ part: CelebAFolder.Part) throws -> FaceSet {
        let folder = try CelebAFolder(tiny.path)
        return try FaceSet(folder, folder.rows(part), frame: .celeba, size: 32)
    }

    @Test func aTinyRunLearnsAndItsFileScoresPictures() throws {
        let tiny = try TinyCelebA(count: 160)
        let folder = tiny.path + "/run"
        let test = try faces(tiny, .test)
        let trainer = try Trainer(
            settings(epochs: 12), training: faces(tiny, .train), validation: faces(tiny, .validation), folder: folder)
        var epochs = 0
        try trainer.run { if case .epoch = $0 { epochs += 1 } }
        #expect(epochs == 12)
        let path = folder + "/tiny.classifier.safetensors"
        let card = try ClassifierExport.write([trainer], name: "tiny", test: test, to: path)
        let male = try #require(card.test.first { $0.attribute == "Male" })
        #expect(male.areaUnderROC > 0.95, "the colour of the ground is easy to learn")

        let classifier = try AttributeClassifier.load(path: path)
        #expect(classifier.attributes.map(\.name) == ["Eyeglasses", "Male", "Smiling"])
        #expect(classifier.inputSize == 32)
        #expect(classifier.sha256 == (try Hashing.sha256(file: path)))
        let faces = ImageBatch(test.images.map { FaceFrame.celeba.crop($0, size: 32) }, side: 32)
        let logits = try classifier.logits(faces)
        let scores = test.images.indices.map { logits[$0 * 3 + 1] }
        #expect(Metrics.areaUnderROC(scores, test.rows.map { $0.labels[20] }) == male.areaUnderROC)
        let one = try classifier.logits(faces[0..<1])
        #expect(zip(one, logits).allSatisfy { abs($0 - $1) < 1e-4 }, "a picture's score does not depend on its batch")
        #expect(classifier.probabilities(logits).allSatisfy { 0...1 ~= $0 })
        #expect(throws: Failure.self) { try classifier.logits(faces.resized(to: 16)) }
        #expect(throws: Failure.self) { try classifier.columns([Attribute.named("bald")]) }
        #expect(try classifier.logits(ImageBatch([], side: 32)).isEmpty)
        let lines = try String(contentsOfFile: folder + "/epochs.jsonl", encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 12)
        #expect(try String(contentsOfFile: folder + "/curve.svg", encoding: .utf8).hasPrefix("<svg"))
    }

    /// A run given up after three of six epochs and taken up from its checkpoint ends bit for bit where an undisturbed one does.
    @Test func aRunTakenUpAgainEndsWhereAnUndisturbedOneDoes() throws {
        let tiny = try TinyCelebA(count: 60)
        let (training, validation) = (try faces(tiny, .train), try faces(tiny, .validation))
        func trainer(_ folder: String, epochs: Int = 6) throws -> Trainer {
            try Trainer(
                settings(epochs: epochs), training: training, validation: validation, folder: tiny.path + folder)
        }
        let whole = try trainer("/whole")
        try whole.run()
        try ClassifierExport.write([whole], name: "x", test: nil, to: tiny.path + "/whole.safetensors")

        let first = try trainer("/parted")
        let kept = tiny.path + "/kept.safetensors"
        var seen = 0
        try first.run { event in
            guard case .epoch = event else { return }
            seen += 1
            if seen == 3 { try? FileManager.default.copyItem(atPath: first.checkpointPath, toPath: kept) }
        }
        try FileManager.default.removeItem(atPath: first.checkpointPath)
        try FileManager.default.moveItem(atPath: kept, toPath: first.checkpointPath)
        let second = try trainer("/parted")
        try second.resume()
        try second.run()
        try ClassifierExport.write([second], name: "x", test: nil, to: tiny.path + "/parted.safetensors")
        #expect(
            try AtomicFile.read(tiny.path + "/whole.safetensors") == AtomicFile.read(tiny.path + "/parted.safetensors"))

        let other = try trainer("/parted", epochs: 7)
        let failure = #expect(throws: Failure.self) { try other.resume() }
        #expect(failure?.problem.contains("other settings") == true)
        let data = try AtomicFile.read(second.checkpointPath)
        try AtomicFile.write(data.prefix(data.count / 2), to: second.checkpointPath)
        #expect(throws: Failure.self) { try trainer("/parted").resume() }
    }

    /// A network taught numbers that belong to the pictures explains them on pictures that it has not seen, goes on from a
    /// checkpoint bit for bit, and hands on everything but its head.
    @Test func numbersAreLearntAndTheWeightsHandedOn() throws {
        let tiny = try TinyCelebA(count: 160)
        func numbered(_ part: CelebAFolder.Part) throws -> FaceSet {
            let images = try faces(tiny, part).images
            let numbers = images.flatMap { image -> [Float] in
                let planes = FaceFrame.celeba.crop(image, size: 32).planes()
                let means = (0..<3).map { planes[$0 * 1024..<($0 + 1) * 1024].reduce(0, +) / 1024 }
                return [2 * means[0], 2 * means[2]]
            }
            return FaceSet(images, numbers: numbers, weights: [1.5, 0.5])
        }
        var own = try settings(epochs: 16)
        own.augmentation.colour = 0
        let (training, validation) = (try numbered(.train), try numbered(.validation))
        func trainer(_ place: String) throws -> Trainer {
            try Trainer(own, training: training, validation: validation, folder: tiny.path + place)
        }
        let whole = try trainer("/numbers")
        var explained: [Double] = []
        let kept = tiny.path + "/kept.safetensors"
        try whole.run {
            guard case .epoch(let record) = $0 else { return }
            explained.append(record.explained ?? -1)
            if record.epoch == 8 { try? FileManager.default.copyItem(atPath: whole.checkpointPath, toPath: kept) }
        }
        #expect(explained.count == 16 && explained.last ?? 0 > 0.8, "\(explained)")
        let parted = try trainer("/parted")
        try AtomicFile.write(AtomicFile.read(kept), to: parted.checkpointPath)
        try parted.resume()
        try parted.run()
        #expect(parted.bestWeights == whole.bestWeights)

        let labels = try Trainer(
            settings(epochs: 1), training: faces(tiny, .train), validation: faces(tiny, .validation),
            folder: tiny.path + "/labels", initial: (whole.bestWeights, "numbers"))
        try labels.run()
        #expect(labels.bestWeights["fc.weight"]?.shape == [3, 128])
    }

    @Test func aTeacherHasItsShareInTheLabels() throws {
        let tiny = try TinyCelebA(count: 160)
        let path = tiny.path + "/teacher.classifier.safetensors"
        let trainer = try Trainer(
            settings(epochs: 6), training: faces(tiny, .train), validation: faces(tiny, .validation),
            folder: tiny.path + "/teacher")
        try trainer.run()
        try ClassifierExport.write([trainer], name: "teacher", test: nil, to: path)
        let teacher = try AttributeClassifier.load(path: path)
        // From labels that are all turned round, a network learns what is there when the teacher has the greater say.
        var folder = try String(contentsOfFile: tiny.path + "/list_attr_celeba.txt", encoding: .utf8)
            .split(separator: "\n").map(String.init)
        for row in 2..<folder.count {
            let words = folder[row].split(separator: " ").map(String.init)
            folder[row] = ([words[0]] + words.dropFirst().map { $0 == "1" ? "-1" : "1" }).joined(separator: " ")
        }
        let right = try faces(tiny, .train)
        let test = try faces(tiny, .test)
        let validation = try faces(tiny, .validation)
        try folder.joined(separator: "\n").write(
            toFile: tiny.path + "/list_attr_celeba.txt", atomically: true, encoding: .utf8)
        let wrong = try faces(tiny, .train)
        #expect(wrong.rows[0].labels[20] == 1 - right.rows[0].labels[20])
        func student(_ name: String, _ teachers: [AttributeClassifier], share: Float) throws -> Trainer {
            let student = try Trainer(
                settings(epochs: 8), training: wrong.distilled(by: teachers, share: share, frame: .celeba),
                validation: validation, folder: tiny.path + "/" + name)
            try student.run()
            return student
        }
        func area(_ student: Trainer) throws -> Double {
            let path = tiny.path + "/student.classifier.safetensors"
            return try ClassifierExport.write([student], name: "s", test: test, to: path).test[1].areaUnderROC
        }
        let taught = try student("taught", [teacher], share: 0.9)
        #expect(try area(taught) > 0.9)
        #expect(try area(student("untaught", [teacher], share: 0.1)) < 0.3)
        let twice = try student("twice", [teacher, teacher], share: 0.9)
        #expect(twice.bestWeights == taught.bestWeights, "teachers count by their mean")
    }

    @Test(.enabled(if: Torch.cudaDevices > 0, "there is no CUDA device"))
    func cudaTrainsAsTheCPUDoes() throws {
        try Torch.setCUDAModes(deterministic: true, tf32: false)
        let tiny = try TinyCelebA(count: 160)
        func losses(_ name: String, _ device: Device, precision: TrainingSettings.Precision = .float32) throws
            -> [Double]
        {
            var settings = try self.settings(epochs: 3)
            settings.precision = precision
            let trainer = try Trainer(
                settings, training: faces(tiny, .train), validation: faces(tiny, .validation),
                folder: tiny.path + "/" + name, device: device)
            var losses: [Double] = []
            try trainer.run { if case .epoch(let record) = $0 { losses.append(record.validationLoss) } }
            return losses
        }
        let (here, there) = (try losses("cpu", .cpu), try losses("cuda", .cuda(0)))
        #expect(here.count == 3 && there.count == 3)
        #expect(zip(here, there).allSatisfy { abs($0 - $1) < 0.01 * $0 }, "\(here), \(there)")
        #expect(try losses("again", .cuda(0)) == there)
        let mixed = try losses("mixed", .cuda(0), precision: .bfloat16)
        #expect(zip(here, mixed).allSatisfy { abs($0 - $1) < 0.1 * $0 }, "\(here), \(mixed)")
    }

    @Test func settingsOutOfRangeAreUsageErrors() throws {
        var settings = TrainingSettings()
        settings.rate = -1
        #expect(throws: Failure.self) { try settings.validate() }
        settings = TrainingSettings()
        settings.averageDecay = 1
        #expect(throws: Failure.self) { try settings.validate() }
        settings = TrainingSettings()
        settings.attributes = []
        #expect(throws: Failure.self) { try settings.validate() }
    }

    @Test func aPreviewShowsWhatTheNetworkSees() throws {
        let tiny = try TinyCelebA(count: 20)
        var settings = try settings(epochs: 1)
        settings.augmentation = .none
        let training = try faces(tiny, .train)
        let plain = try TrainingPreview.pictures(settings, training, count: 8)
        #expect(plain.count == 8 && plain[0].width == 32)
        // Without changes the warp is the crop, but for its bilinear sampling.
        let crops = training.images.map { FaceFrame.celeba.crop($0, size: 32) }
        let distance = crops.map { crop in
            zip(crop.pixels, plain[0].pixels).reduce(0.0) { $0 + abs(Double($1.0) - Double($1.1)) }
                / Double(crop.pixels.count)
        }.min()
        #expect((distance ?? 99) < 6)
        settings.augmentation = Augmentation()
        settings.augmentation.mixup = 1
        let changed = try TrainingPreview.pictures(settings, training, count: 8)
        #expect(changed != plain)
        #expect(try TrainingPreview.pictures(settings, training, count: 8) == changed)
    }
}

@Suite struct ClassifierFileTests {
    @Test func theShippedClassifierLoadsAndKnowsAllForty() throws {
        let classifier = try AttributeClassifier.load(path: nil)
        #expect(classifier.attributes == Attribute.celebA)
        #expect(try AtomicFile.read(classifier.path).count <= 10_000_000)
        #expect(!classifier.card.test.isEmpty)
    }

    /// Pictures of a pattern without meaning.
    private static func pictures(_ count: Int, side: Int) -> ImageBatch {
        let values = (0..<count * 3 * side * side).map { (i: Int) -> Float in Float(i * 7919 % 1013) / 506.5 - 1 }
        return ImageBatch(values, side: side)
    }

    /// As where a device's memory holds two pictures: what is asked for five is done in three parts.
    @Test func batchesInPartsGiveTheSame() throws {
        let (whole, parts) = (try AttributeClassifier.load(path: nil), try AttributeClassifier.load(path: nil))
        try parts.batch.run(count: 8) {
            if $0.count > 2 { throw Failure("a device", "is out of memory", kind: .outOfMemory) }
        }
        #expect(parts.batch.current == 2)
        let images = Self.pictures(5, side: whole.inputSize)
        let logits = try parts.logits(images)
        #expect(logits.count == 5 * whole.attributes.count)
        for (one, other) in zip(try whole.logits(images), logits) { #expect(abs(one - other) < 1e-3) }
        let weights = logits.indices.map { (i: Int) -> Float in Float(i * 31 % 11) / 5 - 1 }
        let gradients = try parts.backward(images, gradients: weights)
        let expected = try whole.backward(images, gradients: weights).planes
        let largest = expected.map(abs).max() ?? 0
        #expect(gradients.count == 5 && gradients.side == whole.inputSize && largest > 0)
        #expect(zip(gradients.planes, expected).allSatisfy { abs($0 - $1) <= 1e-3 * largest })
    }

    @Test func gradientsFollowTheLogits() throws {
        let classifier = try AttributeClassifier.load(path: nil)
        let one = 3 * classifier.inputSize * classifier.inputSize, width = classifier.attributes.count
        let images = Self.pictures(2, side: classifier.inputSize)
        let weights = (0..<2 * width).map { (i: Int) -> Float in Float(i * 31 % 11) / 5 - 1 }
        let gradients = try classifier.backward(images, gradients: weights).planes
        #expect(gradients.count == images.planes.count)
        // Along the gradient of each picture the weighted logits rise as fast as its square.
        for picture in 0..<2 {
            let own = gradients[picture * one..<(picture + 1) * one]
            let square = own.reduce(0) { $0 + Double($1) * Double($1) }
            func total(_ step: Double) throws -> Double {
                var moved = images
                for (i, slope) in own.enumerated() { moved.planes[picture * one + i] += Float(step * Double(slope)) }
                return try zip(classifier.logits(moved), weights).reduce(0) { $0 + Double($1.0 * $1.1) }
            }
            let step = 0.02 / square.squareRoot()
            let rise = try (total(step) - total(-step)) / (2 * step)
            #expect(square > 1e-4 && abs(rise / square - 1) < 0.03, "\(rise), \(square)")
        }
        #expect(throws: Failure.self) { try classifier.backward(images, gradients: [1]) }
    }

    /// The real test part where there is one: what the file says of itself is what it does.
    @Test(.enabled(if: TestData.celeba != nil, "no CelebA folder: set DIRECTIONS_CELEBA"))
    func theShippedClassifierIsAsGoodAsItSays() throws {
        let classifier = try AttributeClassifier.load(path: nil)
        let folder = try CelebAFolder(try #require(TestData.celeba))
        let rows = Array(folder.rows(.test).prefix(200))
        let faces = try FaceSet(folder, rows, frame: .celeba, size: classifier.inputSize)
        let crops = faces.images.map { FaceFrame.celeba.crop($0, size: classifier.inputSize) }
        let probabilities = classifier.probabilities(
            try classifier.logits(ImageBatch(crops, side: classifier.inputSize)))
        let right = faces.rows.indices.count {
            (probabilities[$0 * 40 + 20] >= classifier.thresholds[20]) == (faces.rows[$0].labels[20] == 1)
        }
        let stated = try #require(classifier.card.test.first { $0.attribute == "Male" }).accuracy
        #expect(abs(Double(right) / Double(faces.rows.count) - stated) < 0.06)
    }

    @Test(.enabled(if: Torch.cudaDevices > 0, "there is no CUDA device"))
    func cudaGivesTheSameLogits() throws {
        try Torch.setCUDAModes(deterministic: false, tf32: false)
        let here = try AttributeClassifier.load(path: nil)
        let there = try AttributeClassifier.load(path: nil, device: .cuda(0))
        let side = here.inputSize
        let images = ImageBatch((0..<2 * 3 * side * side).map { sin(Float($0) / 97) }, side: side)
        let apart = zip(try here.logits(images), try there.logits(images)).map { abs($0 - $1) }
        #expect((apart.max() ?? 1) < 1e-2)
    }

    @Test func otherFilesAreRefused() throws {
        let path = NSTemporaryDirectory() + "other-\(UInt32.random(in: 0 ... .max)).safetensors"
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(throws: Failure.self) { try AttributeClassifier.load(path: path) }
        try SafetensorsFile(tensors: [:], metadata: ["format": "pt"]).write(to: path)
        let failure = #expect(throws: Failure.self) { try AttributeClassifier.load(path: path) }
        #expect(failure?.problem.contains("not a classifier file") == true)
        var shipped = try SafetensorsFile.read(AttributeClassifier.shippedPath())
        shipped.metadata["card"] = "{}"
        try shipped.write(to: path)
        #expect(throws: Failure.self) { try AttributeClassifier.load(path: path) }
        shipped = try SafetensorsFile.read(AttributeClassifier.shippedPath())
        shipped.metadata["version"] = "2"
        try shipped.write(to: path)
        #expect(throws: Failure.self) { try AttributeClassifier.load(path: path) }
        shipped = try SafetensorsFile.read(AttributeClassifier.shippedPath())
        shipped.tensors[try #require(shipped.tensors.keys.max())] = nil
        try shipped.write(to: path)
        #expect(throws: Failure.self) { try AttributeClassifier.load(path: path) }
        let data = try AtomicFile.read(AttributeClassifier.shippedPath())
        try AtomicFile.write(data.prefix(data.count - 100), to: path)
        #expect(throws: Failure.self) { try AttributeClassifier.load(path: path) }
    }
}
