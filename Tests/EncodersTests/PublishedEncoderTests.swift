import Core
import Encoders
import Foundation
import Generators
import Images
import Networks
import Tensors
import Testing
import Weights

/// pSp's and e4e's encoders against the architectures in PyTorch (`Fixtures/make_published_encoder.py`).
@Suite(.serialized) struct PublishedEncoderTests {
    private let folder: String
    private let source: TorchValue
    private let expected: [String: TensorData]

    init() throws {
        let fixtures =
            URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
            + "/Fixtures/encoders"
        folder = NSTemporaryDirectory() + "published-\(UUID().uuidString)"
        try AtomicFile.makeFolder(folder)
        source = try TorchFile.read(fixtures + "/psp.pt")
        expected = try NumpyFile.readArchive(fixtures + "/expected.npz")
    }

    private func remove() { try? FileManager.default.removeItem(atPath: folder) }

    /// The two pictures that the references were made of.
    private func pictures() throws -> ImageBatch {
        let data = try #require(expected["pictures"])
        return ImageBatch(try data.floats().map { $0 / 127.5 - 1 }, side: data.shape[3])
    }

    /// The checkpoint with some options and arrays of the encoder changed; nil takes one away.
    private func checkpoint(
        _ name: String = "checkpoint.pt", options: [String: TorchValue] = [:], arrays: [String: TensorData?] = [:]
    ) throws -> String {
        guard case .dictionary(var state)? = source["state_dict"], case .dictionary(var opts)? = source["opts"],
            let latent = source["latent_avg"]
        else { throw Failure("psp.pt", "is no checkpoint") }
        for (key, value) in options {
            opts.removeAll { $0.key == key }
            opts.append(.init(key: key, value: value))
        }
        for (key, value) in arrays {
            state.removeAll { $0.key == "encoder.\(key)" }
            if let value { state.append(.init(key: "encoder.\(key)", value: .tensor(value))) }
        }
        let path = "\(folder)/\(name)"
        try TorchFile.write(
            .dictionary([
                .init(key: "state_dict", value: .dictionary(state)), .init(key: "latent_avg", value: latent),
                .init(key: "opts", value: .dictionary(opts)),
            ]), to: path)
        return path
    }

    /// The encoder of a checkpoint, by way of its file in this program's form.
    private func imported(_ path: String) throws -> (encoder: PublishedEncoder, path: String, generator: Generator) {
        let models = path + ".models"
        let identity = try Generator.importFile(path, folder: models)
        guard case .encoder(let found) = try PublishedCheckpoint.read(path) else {
            throw Failure(path, "has no encoder")
        }
        let target = path + ".encoder.safetensors"
        try found.write(to: target, name: "test", generator: identity)
        let generator = try Generator.load(folder: models)
        return (try PublishedEncoder(target, generator: generator), target, generator)
    }

    private func largest(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).map { abs($0 - $1) }.max() ?? .infinity }

    @Test(arguments: PublishedLayout.allCases)
    func everyLayoutGivesTheCodesOfTheOriginal(_ layout: PublishedLayout) throws {
        defer { remove() }
        var arrays: [String: TensorData?] = [:]
        if ![.gradualStyle, .encoder4Editing].contains(layout) {
            guard case .dictionary(let state)? = source["state_dict"] else { throw Failure("psp.pt", "is empty") }
            for entry in state where entry.key.hasPrefix("encoder.styles.") || entry.key.hasPrefix("encoder.latlayer") {
                arrays[String(entry.key.dropFirst("encoder.".count))] = .some(nil)
            }
            for (key, data) in expected where key.hasPrefix(layout.rawValue + ":") {
                arrays[String(key.dropFirst(layout.rawValue.count + 1))] = data
            }
        }
        // The published sizes of the picture can't be told from a file without a pyramid.
        let (encoder, _, _) = try imported(
            checkpoint(options: ["encoder_type": .string(layout.rawValue)], arrays: arrays))
        let wanted = try #require(expected[layout.rawValue])
        let side = encoder.card.backbone.inputSize
        #expect(side == ([.gradualStyle, .encoder4Editing].contains(layout) ? 64 : 256))
        let pictures = try pictures()
        let found = try side == 64 ? encoder.codes(of: pictures) : encoder.codes(of: pictures, side: 64)
        #expect([found.count, found.rows, found.size] == wanted.shape)
        #expect(try largest(found.values, wanted.floats()) < 1e-5)
    }

    @Test func theMeanIsAddedOnlyWhereTheOptionsSaySo() throws {
        defer { remove() }
        let (encoder, _, _) = try imported(checkpoint(options: ["start_from_latent_avg": .bool(false)]))
        let found = try encoder.codes(of: pictures())
        let latent = try #require(expected["latent"]).floats()
        let wanted = try #require(expected["GradualStyleEncoder"]).floats().enumerated().map {
            $1 - latent[$0 % latent.count]
        }
        #expect(largest(found.values, wanted) < 1e-5)
    }

    @Test func anEncoderOfGreySeesGreyFromZeroToOne() throws {
        defer { remove() }
        guard let stem = try source["state_dict"]?["encoder.input_layer.0.weight"]?.storedTensor?.load() else {
            throw Failure("psp.pt", "has no stem")
        }
        let values = try stem.floats()
        var (one, padded): ([Float], [Float]) = ([], [])
        for output in 0..<16 {
            let plane = values[output * 27..<output * 27 + 9]
            one += plane
            padded += plane + [Float](repeating: 0, count: 18)
        }
        let grey = try imported(
            checkpoint(
                "grey.pt", options: ["input_nc": .integer(1)],
                arrays: ["input_layer.0.weight": TensorData(one, shape: [16, 1, 3, 3])]))
        let colour = try imported(
            checkpoint("colour.pt", arrays: ["input_layer.0.weight": TensorData(padded, shape: [16, 3, 3, 3])]))
        let pictures = try pictures()
        let luma = pictures.luma().planes
        let area = 64 * 64
        var planes: [Float] = []
        for picture in 0..<2 {
            let grey = luma[picture * area..<(picture + 1) * area].map { ($0 + 1) / 2 }
            planes += grey + grey + grey
        }
        let shown = ImageBatch(planes, side: 64)
        #expect(
            try largest(grey.encoder.codes(of: pictures).values, colour.encoder.codes(of: shown).values) < 1e-4)
    }

    @Test func anotherGeneratorsEncoderIsRefused() throws {
        defer { remove() }
        let (_, path, generator) = try imported(checkpoint())
        #expect(try PhotographEncoders.generator(of: path) == generator.identity.sha256)
        let other =
            URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
            + "/Fixtures/stylegan2/rosinality.pt"
        _ = try Generator.importFile(other, folder: folder + "/other")
        let failure = try #require(throws: Failure.self) {
            try PhotographEncoders.open(path, generator: .load(folder: folder + "/other"))
        }
        #expect(failure.kind == .conflict && failure.problem.contains("another generator"))
    }

    @Test func whatCanNotBeUsedSaysWhy() throws {
        defer { remove() }
        func reason(_ path: String) throws -> String? {
            guard case .unusable(let reason) = try PublishedCheckpoint.read(path) else { return nil }
            return reason
        }
        let labels = TensorData([Float](repeating: 0, count: 16 * 19 * 9), shape: [16, 19, 3, 3])
        #expect(try reason(checkpoint(arrays: ["input_layer.0.weight": labels]))?.contains("19 channels") == true)
        #expect(
            try reason(checkpoint(options: ["encoder_type": .string("ResNetBackboneEncoder")]))?.contains(
                "ResNetBackboneEncoder") == true)
        #expect(try reason(checkpoint(options: ["encoder_type": .none]))?.contains("encoder_type") == true)
        #expect(try reason(checkpoint(arrays: ["input_layer.0.weight": TensorData?.none]))?.contains("IR-SE50") == true)
        let needed = [
            "styles.4.convs.2.bias", "body.2.res_layer.4.running_var", "latlayer2.weight", "styles.7.linear.bias",
        ]
        for name in needed {
            let failure = try #require(throws: Failure.self, "\(name)") {
                try PublishedCheckpoint.read(checkpoint(arrays: [name: TensorData?.none]))
            }
            #expect(failure.kind == Failure.Kind.damaged && failure.problem.contains(name), "\(failure)")
        }
        // A row less is an encoder of another size of picture than the generator's.
        guard case .dictionary(let state)? = source["state_dict"] else { return }
        let last = state.map(\.key).filter { $0.hasPrefix("encoder.styles.7.") }.map { String($0.dropFirst(8)) }
        let short = try checkpoint(arrays: Dictionary(uniqueKeysWithValues: last.map { ($0, TensorData?.none) }))
        let failure = #expect(throws: Failure.self) { try imported(short) }
        #expect(failure?.kind == .conflict)
    }

    @Test func theBackboneLearnsAndLoadsByItsPublishedNames() throws {
        defer { remove() }
        guard case .dictionary(let state)? = source["state_dict"] else { throw Failure("psp.pt", "is empty") }
        var arrays: [String: TensorData] = [:]
        for entry in state where entry.key.hasPrefix("encoder.") {
            arrays[String(entry.key.dropFirst(8))] = try entry.value.storedTensor?.load()
        }
        let shape = ImprovedResNetConfiguration(
            name: "irse50", depths: [1, 2, 1, 1], widths: [16, 17, 18, 16], stemChannels: 16, inputSize: 64)
        let network = try ImprovedResNet(shape, outputs: 0, seed: 1)
        try network.load(arrays, from: "psp.pt", headRequired: false)
        let pictures = try pictures()
        let x = try Tensor(pictures.planes, shape: [2, 3, 64, 64])
        let maps = try network.features(x, training: false)
        #expect(maps.map(\.stride) == [2, 4, 8, 16] && maps.map { $0.tensor.shape[1] } == [16, 17, 18, 16])
        let frozen = try network.folded().features(x)
        for (a, b) in zip(maps, frozen) {
            #expect(try largest(a.tensor.contiguous().floats(), b.tensor.contiguous().floats()) < 1e-5)
        }
        try maps[3].tensor.squared().mean().backward()
        var squeezed = 0
        for (name, tensor) in network.parameters {
            let learns = try tensor.gradient().floats().contains { $0 != 0 }
            // Squeezed to one unit, which may be at rest.
            if name.contains(".res_layer.5.") {
                squeezed += learns ? 1 : 0
            } else {
                #expect(learns, "\(name) learns nothing")
            }
        }
        #expect(squeezed > 0)
    }
}
