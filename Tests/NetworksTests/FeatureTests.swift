import Core
import Foundation
import Networks
import Tensors
import Testing
import Weights

@Suite struct FeatureTests {
    private let picture: Tensor

    init() throws {
        picture = try Tensor(
            (0..<2 * 3 * 64 * 64).map { (i: Int) -> Float in Float(cos(0.011 * Double(i))) }, shape: [2, 3, 64, 64])
    }

    /// Strides and channels follow from the papers' tables.
    @Test(arguments: [
        ("resnext50_32x4d", [2: 64, 4: 256, 8: 512, 16: 1024, 32: 2048]), ("small", [2: 64, 4: 128, 8: 256, 16: 512]),
        ("tiny", [2: 16, 4: 32, 8: 64, 16: 128]), ("efficientnet_lite0", [2: 16, 4: 24, 8: 40, 16: 112, 32: 320]),
    ])
    func mapsAtEveryStrideCanBeAskedFor(name: String, channels: [Int: Int]) throws {
        let network = try Architecture.named(name).network(outputs: 0, seed: 3)
        let maps = try network.features(picture, training: false)
        #expect(maps.map(\.stride) == channels.keys.sorted())
        for map in maps {
            #expect(map.tensor.shape == [2, try #require(channels[map.stride]), 64 / map.stride, 64 / map.stride])
        }
        let folded = try network.folded().features(picture)
        #expect(folded.map(\.stride) == maps.map(\.stride))
        for (a, b) in zip(maps, folded) {
            let (x, y) = (try a.tensor.contiguous().floats(), try b.tensor.contiguous().floats())
            let scale = x.map(abs).max() ?? 0
            #expect(scale > 0 && zip(x, y).allSatisfy { abs($0 - $1) < 1e-4 * scale })
        }
        #expect(throws: Failure.self) { try network.logits(picture, training: false) }
        #expect(throws: Failure.self) { try network.folded().logits(picture) }
    }

    @Test func gradientsFlowThroughTheMaps() throws {
        let network = try Architecture.named("tiny").network(outputs: 0, seed: 3).folded()
        let leaf = try picture.detached().clone().requiringGradient()
        let map = try #require(try network.features(leaf).first { $0.stride == 8 })
        let gradient = try map.tensor.gradients(of: [leaf])[0].floats()
        #expect(gradient.count == 2 * 3 * 64 * 64 && gradient.contains { $0 != 0 })
    }

    @Test func aBackboneTakesPublishedWeightsWithoutTheirHead() throws {
        let path = NSTemporaryDirectory() + "backbone-\(UInt32.random(in: 0 ... .max)).safetensors"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let source = try Architecture.named("tiny").network(outputs: 1000, seed: 5)
        var state = try source.state()
        try SafetensorsFile(tensors: state, metadata: [:]).write(to: path)
        let loaded = try FeatureExtractors.load("tiny", from: path)
        let (a, b) = (try loaded.features(picture), try source.folded().features(picture))
        for (x, y) in zip(a, b) { #expect(try x.tensor.contiguous().floats() == y.tensor.contiguous().floats()) }
        state["layer2.0.bn1.weight"] = nil
        try SafetensorsFile(tensors: state, metadata: [:]).write(to: path)
        let failure = #expect(throws: Failure.self) { try FeatureExtractors.load("tiny", from: path) }
        #expect(failure?.subject == path && failure?.problem.contains("layer2.0.bn1.weight") == true)
        let unknown = #expect(throws: Failure.self) { try FeatureExtractors.load("alexnet", from: path) }
        #expect(unknown?.kind == .usage && unknown?.advice.contains("dlib_resnet") == true)
    }
}
