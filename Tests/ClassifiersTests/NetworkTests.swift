import Classifiers
import Core
import Foundation
import Tensors
import Testing

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
        #expect(failure?.isUsage == true && failure?.advice.contains("resnext50_32x4d") == true)
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
}
