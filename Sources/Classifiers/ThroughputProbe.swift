import Core
import Foundation
import Networks
import Tensors

/// How fast a network trains and infers here, on made-up pictures; for comparison with the same work in PyTorch.
public struct ThroughputProbe {
    private let network: any Backbone
    private let images: Tensor
    private let targets: Tensor
    private let size: Int
    private let batch: Int
    private let device: Device
    private let context: RunContext

    /// - Parameters:
    ///   - architecture: The network.
    ///   - batch: Pictures in a batch.
    ///   - device: Where to compute.
    ///   - context: Whether to stop, and whom to tell.
    /// - Throws: ``Core/Failure`` when memory runs out.
    public init(
        _ architecture: Architecture, batch: Int, device: Device = .cpu, context: RunContext = .silent
    ) throws {
        self.context = context
        self.batch = batch
        self.device = device
        size = architecture.inputSize
        network = try architecture.network(outputs: 40, seed: 1, device: device)
        var random = CounterRandom(seed: 1, domain: 0x104)
        images = try Tensor(
            (0..<batch * 3 * size * size).map { _ in random.uniform(-1, 1) }, shape: [batch, 3, size, size],
            device: device)
        targets = try Tensor(
            (0..<batch * 40).map { _ in random.chance(0.3) ? 1 : 0 }, shape: [batch, 40], device: device)
    }

    /// Pictures a second of forward pass, loss, backward pass and AdamW: the best of `rounds` after a first one.
    public func training(rounds: Int) throws -> Double {
        let optimiser = try Optimiser(
            .adamW(beta1: 0.9, beta2: 0.99, epsilon: 1e-8), parameters: network.parameters.map(\.tensor),
            decays: network.parameters.map { _ in 0.05 })
        return try best(rounds) {
            let loss = try network.logits(images, training: true).crossEntropy(targets)
            try loss.backward()
            try optimiser.update(rate: 1e-3)
            _ = try loss.detached().item()
        }
    }

    /// Pictures a second of inference with folded normalisations: the best of `rounds` after a first one.
    public func inference(rounds: Int) throws -> Double {
        let folded = try network.folded()
        return try best(rounds) { _ = try Torch.withoutGradients { try folded.logits(images).floats() } }
    }

    private func best(_ rounds: Int, _ body: () throws -> Void) throws -> Double {
        var fastest = Double.infinity
        for round in 0...rounds {
            try context.check()
            let start = DispatchTime.now().uptimeNanoseconds
            try body()
            try Torch.synchronize(device)
            let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
            if round > 0 { fastest = min(fastest, seconds) }
        }
        return Double(batch) / fastest
    }
}
