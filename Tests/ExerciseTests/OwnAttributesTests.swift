import Classifiers
import Core
import Directions
import Faces
import Fitting
import Foundation
import Generators
import Images
import LatentStore
import Latents
import Networks
import Objectives
import Scoring
import Selection
import Testing

/// A classifier of two attributes of its own goes the whole way: trained, loaded, scored, selected, fitted, and followed.
@Suite(.serialized) struct OwnAttributesTests {
    private static let trained = Result { try OwnAttributesTests.train() }

    /// A classifier file of `hat` and `age_over_40`, learnt from made-up pictures with these labels.
    private static func train() throws -> String {
        let folder = NSTemporaryDirectory() + "toy-\(UUID().uuidString)"
        try ToyFaces().writeFolder(folder, count: 300)
        let table = try CelebAFolder(folder)
        var settings = TrainingSettings()
        settings.architecture = try Architecture.named("tiny")
        settings.attributes = try Attribute.list("all", among: table.attributes).map(\.name)
        settings.frame = .ffhq
        settings.epochs = 8
        settings.batchSize = 16
        settings.averageDecay = 0.9
        settings.warmUp = 0.5
        settings.lowResolutionShare = 0
        settings.rate = 5e-3
        func part(_ part: CelebAFolder.Part) throws -> FaceSet {
            try FaceSet(table, table.rows(part), frame: .ffhq, size: ToyFaces.side)
        }
        let trainer = try Trainer(
            settings, training: part(.train), validation: part(.validation), folder: folder + "/run")
        try trainer.run()
        let path = folder + "/own.classifier.safetensors"
        let card = try ClassifierExport.write([trainer], name: "own", test: part(.test), to: path)
        #expect(card.test.map(\.attribute) == ["hat", "age_over_40"])
        #expect(card.test.allSatisfy { $0.areaUnderROC > 0.95 }, "\(card.test)")
        #expect(!card.licence.contains("CelebA"))
        return path
    }

    func classifier() throws -> AttributeClassifier {
        try AttributeClassifier.load(path: OwnAttributesTests.trained.get())
    }

    @Test func attributesOfItsOwnAreTrainedScoredSelectedAndFitted() throws {
        let classifier = try classifier()
        #expect(classifier.attributes.map(\.slug) == ["hat", "age_over_40"])
        let folder = NSTemporaryDirectory() + "toy-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = try LatentStore.open(folder + "/latents.sqlite")
        let (faces, count) = (try ToyFaces(), 600)
        let record = GeneratorRecord(
            sha256: faces.identity.sha256, name: "toy", architecture: "toy", resolution: ToyFaces.side,
            latentSize: ToyFaces.latentSize, layers: 1)
        let set = try store.sampleSet(generator: record, seed: 1, psi: 1, meanLatent: [0, 0, 0, 0])
        let codes = try ToyFaces.codes(seed: 1, count: count)
        try store.insert(codes.values, into: set, first: 0)
        #expect(try LatentScorer(synthesizer: faces, classifier: classifier, store: store).score(limit: nil) == count)
        #expect(try store.query("SELECT latent, hat, age_over_40 FROM scores WHERE hat > 0.5").rows.count > count / 4)

        let judge = try store.classifier(nil)
        for (component, attribute) in judge.attributes.enumerated() {
            let selection = try Selector(store: store).select(
                attribute, classifier: judge, generator: "toy", top: 100, bottom: 100, isMatched: true)
            #expect(selection.attribute == attribute.name)
            let ends = try [1, -1].map { try store.members(of: selection.id, label: $0) }
            let samples = try LabelledSamples(
                features: store.latents(ids: ends[0] + ends[1]), dimension: ToyFaces.latentSize,
                labels: ends[0].map { _ in 1 } + ends[1].map { _ in -1 })
            let boundary = try SupportVectorMachine().fit(samples)
            #expect(boundary.direction[component] > 0.9, "\(attribute): \(boundary.direction)")
            // Edited by two sigma along it, a face gets the attribute.
            var edited = try codes.slice(0..<20)
            for i in edited.values.indices {
                edited.values[i] += 2 * Float(boundary.sigma) * boundary.direction[i % ToyFaces.latentSize]
            }
            func mean(_ codes: LatentCodes) throws -> Float {
                let logits = try LatentScorer.logits(of: codes, synthesizer: faces, classifier: classifier)
                return stride(from: component, to: logits.count, by: 2).reduce(0) { $0 + logits[$1] } / 20
            }
            #expect(try mean(edited) > mean(codes.slice(0..<20)) + 1)
        }
    }

    /// The same through the library's verbs, with a generator of an architecture that this test registers.
    @Test func aToyArchitectureIsSampledScoredSelectedFittedAndEdited() throws {
        let classifier = try classifier()
        let folder = NSTemporaryDirectory() + "toy-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let session = Session(workspace: Workspace(folder))
        try ToyArchitecture.write(to: session.workspace.generator("toy"))
        try FileManager.default.copyItem(atPath: classifier.path, toPath: session.workspace.classifier("own"))
        #expect(try session.sample(SampleRequest(count: 600, generator: "toy")).added == 600)
        #expect(try session.score(ScoreRequest(classifier: "own", generator: "toy")).scored == 600)
        try session.select(SelectRequest(attributes: .all, top: 60, bottom: 60, generator: "toy"))
        let fitted = try session.fit(FitRequest(attributes: AttributeChoice("hat,age_over_40"), generator: "toy"))
        #expect(fitted.directions.map(\.direction) == ["hat@v1", "age_over_40@v1"])
        for (column, name) in ["hat", "age_over_40"].enumerated() {
            let edited = try session.edit(
                EditRequest(
                    directions: name, faces: .seeds(Array(1...12)), strengths: [0, 2], unit: .sigma, generator: "toy"))
            let logits = try classifier.logits(#require(edited.images))
            func mean(_ row: Int) -> Float { (0..<12).reduce(0) { $0 + logits[(row * 12 + $1) * 2 + column] } / 12 }
            #expect(mean(1) > mean(0) + 1, "\(name): \(mean(0)), \(mean(1))")
        }
    }

    @Test func logitsArePulledBackToCodes() throws {
        let (classifier, faces) = (try classifier(), try ToyFaces())
        let codes = try ToyFaces.codes(seed: 3, count: 5)
        let hat = try AttributeObjective(classifier, of: .named("hat"))
        let objective = CodeObjective(hat, synthesizer: faces)
        let (values, gradients) = try objective.evaluate(codes)
        let logits = try LatentScorer.logits(of: codes, synthesizer: faces, classifier: classifier)
        #expect(values == stride(from: 0, to: 10, by: 2).map { logits[$0] })
        // A panel of one is the same way back, for gradients that are handed in.
        let recorded = try faces.record(codes, size: objective.size, noise: .none)
        let panel = try ClassifierPanel([classifier])
        #expect(try panel.logits(recorded.images) == logits)
        let slopes = logits.indices.map { Float($0 % 2 == 0 ? 1 : 0) }
        let same = try recorded.backward(panel.backward(recorded.images, gradients: slopes))
        #expect(same == gradients)
        try expectSlopes(objective, at: codes)
        #expect(throws: Failure.self) { try AttributeObjective(classifier, of: .named("smiling")) }
    }

    @Test func sumsOfObjectivesAreSums() throws {
        let (classifier, faces) = (try classifier(), try ToyFaces())
        let codes = try ToyFaces.codes(seed: 4, count: 3)
        let parts = try ["hat", "age_over_40"].map { try AttributeObjective(classifier, of: .named($0)) }
        let images = try faces.synthesize(codes, size: ToyFaces.side, noise: .none)
        let (a, b) = (try parts[0].evaluate(images), try parts[1].evaluate(images))
        let sum = CombinedObjective([(parts[0], weight: 2), (parts[1], weight: -0.5)])
        let found = try sum.evaluate(images)
        #expect(zip(found.values, zip(a.values, b.values)).allSatisfy { abs($0 - (2 * $1.0 - 0.5 * $1.1)) < 1e-5 })
        #expect(abs(found.total - found.values.reduce(0.0) { $0 + Double($1) }) < 1e-9)
        try expectSlopes(CodeObjective(sum, synthesizer: faces), at: codes)
    }

    /// Central differences along each component of each code.
    private func expectSlopes(_ objective: CodeObjective, at codes: LatentCodes) throws {
        let gradients = try objective.evaluate(codes).gradients
        #expect(gradients.contains { abs($0) > 0.1 })
        var close = 0
        for i in codes.values.indices {
            var (up, down) = (codes, codes)
            up.values[i] += 2e-3
            down.values[i] -= 2e-3
            let code = i / codes.size
            let slope = (try objective.evaluate(up).values[code] - objective.evaluate(down).values[code]) / 4e-3
            if abs(slope - gradients[i]) < 0.05 * max(0.2, abs(slope)) { close += 1 }
        }
        // A ReLU's corner may lie within a step.
        #expect(close * 10 >= codes.values.count * 9, "\(close) of \(codes.values.count)")
    }
}
