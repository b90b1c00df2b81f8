import Core
import Foundation
import Tensors

/// The shape of a plain network: 3×3 convolutions one after another, each normalised and rectified, without groups and without
/// shortcuts (after Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015).
///
/// Small enough to be a second opinion that costs next to nothing, and unlike the residual networks in what it is fooled by.
public struct PlainConfiguration: NetworkConfiguration {
    /// The name that `--arch` takes, a key of ``presets``.
    public var name: String
    /// Output channels of each convolution; the first and every second one after it halve the picture's side.
    public var widths: [Int]
    /// The side of the square input in pixels.
    public var inputSize: Int

    /// - Parameters:
    ///   - name: The name that `--arch` takes.
    ///   - widths: Output channels of each convolution.
    ///   - inputSize: The side of the square input in pixels.
    public init(name: String, widths: [Int], inputSize: Int) {
        self.name = name
        self.widths = widths
        self.inputSize = inputSize
    }

    /// The one for CPUs: 0.17 million parameters.
    public static let presets = [
        "plain": PlainConfiguration(name: "plain", widths: [24, 32, 48, 48, 64, 64, 96], inputSize: 64)
    ]

    public func validate() throws {
        let fine = 2...16 ~= widths.count && widths.allSatisfy { 1...1024 ~= $0 } && 16...1024 ~= inputSize
        if !fine { throw Failure(name, "is not a sensible plain network") }
    }

    public func network(
        inputs: Int, outputs: Int, seed: UInt64?, device: Device, precision: ScalarType
    ) throws -> any Backbone {
        try PlainNetwork(
            self, inputs: inputs, outputs: outputs, seed: seed, device: device, precision: precision)
    }
}

/// A plain network with a head of as many logits as are asked for.
public final class PlainNetwork: Backbone, @unchecked Sendable {
    public let name: String
    public let outputs: Int
    public let layers: LayerStore
    public let head = "fc"
    public var step = 0
    private let units: [ConvolutionUnit]
    private let linear: LinearHead?
    private let precision: ScalarType

    /// A network with fresh weights: convolutions from He's normal distribution (fan out).
    ///
    /// - Parameters:
    ///   - configuration: The network's shape.
    ///   - inputs: Channels of the pictures.
    ///   - outputs: Logits; 0 for a backbone without a head.
    ///   - seed: Names the weights; nil leaves them at zero, to be loaded.
    ///   - device: Where to compute.
    ///   - precision: The type that convolutions work in; weights stay float32.
    /// - Throws: ``Core/Failure`` when memory runs out.
    public init(
        _ configuration: PlainConfiguration, inputs: Int = 3, outputs: Int, seed: UInt64?, device: Device = .cpu,
        precision: ScalarType = .float32
    ) throws {
        try configuration.validate()
        name = configuration.name
        self.outputs = outputs
        self.precision = precision
        let layers = LayerStore(seed: seed, device: device)
        self.layers = layers
        var channels = inputs
        units = try configuration.widths.enumerated().map { index, width in
            defer { channels = width }
            return try layers.unit(
                "conv\(index + 1)", "bn\(index + 1)", input: channels, output: width, size: 3,
                stride: index % 2 == 0 ? 2 : 1)
        }
        linear = try LinearHead(layers, name: head, outputs: outputs, channels: channels)
    }

    public func logits(_ images: Tensor, training: Bool) throws -> Tensor {
        try LinearHead.logits(linear, of: maps(images, training: training))
    }

    public func features(_ images: Tensor, training: Bool) throws -> [FeatureMap] {
        try FeatureCollector.maps { _ = try maps(images, training: training, note: $0) }
    }

    /// The last map; each convolution's is shown to `note` with its stride.
    private func maps(
        _ images: Tensor, training: Bool, note: (Tensor, Int) throws -> Void = { _, _ in }
    ) throws -> Tensor {
        var x = try images.contiguous(channelsLast: true)
        if precision != .float32 { x = try x.to(type: precision) }
        var stride = 1
        for unit in units {
            x = try unit.apply(x, training: training).reluInPlace()
            stride *= unit.convolution.stride
            try note(x, stride)
        }
        return x
    }

    public func folded() throws -> any InferenceBackbone {
        try Torch.withoutGradients {
            Folded(units: try units.map { try $0.folded() }, head: try linear?.detached())
        }
    }

    /// The network for inference.
    private struct Folded: InferenceBackbone {
        let units: [FoldedConvolution]
        let head: LinearHead?

        func logits(_ images: Tensor) throws -> Tensor {
            try LinearHead.logits(head, of: maps(images))
        }

        func features(_ images: Tensor) throws -> [FeatureMap] {
            try FeatureCollector.maps { _ = try maps(images, note: $0) }
        }

        private func maps(_ images: Tensor, note: (Tensor, Int) throws -> Void = { _, _ in }) throws -> Tensor {
            var x = try images.contiguous(channelsLast: true)
            var stride = 1
            for unit in units {
                x = try unit.apply(x).reluInPlace()
                stride *= unit.stride
                try note(x, stride)
            }
            return x
        }
    }
}
