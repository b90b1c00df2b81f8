import Core
import Foundation
import Tensors

/// The shape of an IR-SE network: a residual network "improved" for faces, with squeeze-and-excitation (Deng and others, "ArcFace",
/// CVPR 2019; the layout of TreB1eN's InsightFace_Pytorch, which pSp, e4e and their kin read photographs with).
public struct ImprovedResNetConfiguration: NetworkConfiguration {
    /// The name that it is asked for by, a key of ``presets``.
    public var name: String
    /// Blocks in each of the four stages; each stage halves the picture's side.
    public var depths: [Int]
    /// Channels of each stage.
    public var widths: [Int]
    /// Channels before the first stage.
    public var stemChannels: Int
    /// The side of the square input in pixels.
    public var inputSize: Int

    /// - Parameters:
    ///   - name: The name that it is asked for by.
    ///   - depths: Blocks in each of the four stages.
    ///   - widths: Channels of each stage, 16 or more.
    ///   - stemChannels: Channels before the first stage.
    ///   - inputSize: The side of the square input in pixels.
    public init(name: String, depths: [Int], widths: [Int], stemChannels: Int, inputSize: Int) {
        self.name = name
        self.depths = depths
        self.widths = widths
        self.stemChannels = stemChannels
        self.inputSize = inputSize
    }

    /// The one with 50 layers, whose published file is `model_ir_se50.pth`.
    public static let irse50 = ImprovedResNetConfiguration(
        name: "irse50", depths: [3, 4, 14, 3], widths: [64, 128, 256, 512], stemChannels: 64, inputSize: 256)

    public static let presets = [irse50.name: irse50]

    public func validate() throws {
        let fine =
            depths.count == 4 && depths.allSatisfy { 1...64 ~= $0 } && widths.count == 4
            && widths.allSatisfy { ImprovedResNet.reduction...1024 ~= $0 } && 1...256 ~= stemChannels
            && 16...1024 ~= inputSize
        if !fine { throw Failure(name, "is not a sensible IR-SE network") }
    }

    public func network(
        inputs: Int, outputs: Int, seed: UInt64?, device: Device, precision: ScalarType
    ) throws -> any Backbone {
        try ImprovedResNet(
            self, inputs: inputs, outputs: outputs, seed: seed, device: device, precision: precision)
    }
}

/// An IR-SE network with a head of as many logits as are asked for; tensors are named as in InsightFace_Pytorch's files.
public final class ImprovedResNet: Backbone, @unchecked Sendable {
    /// By how much squeeze-and-excitation narrows.
    static let reduction = 16

    public let name: String
    public let outputs: Int
    public let layers: LayerStore
    public let head = "fc"
    public var step = 0

    private struct Block {
        let shortcut: ConvolutionUnit?
        let before: Normalisation
        let first: Tensor
        let slope: Tensor
        let second: ConvolutionUnit
        let squeeze: Tensor
        let excite: Tensor
        let stride: Int

        /// The block's result [N, output, H / stride, W / stride].
        func apply(_ x: Tensor, training: Bool) throws -> Tensor {
            var y = try before.apply(x, training: training)
            y = try ImprovedResNet.rectified(y.convolved(first.like(y), stride: 1, padding: 1), slope: slope)
            y = try second.apply(y, training: training)
            let shares = try y.mean([2, 3], keeping: true).convolved(squeeze.like(y)).relu().convolved(excite.like(y))
                .sigmoid()
            let shortcut =
                try self.shortcut?.apply(x, training: training)
                ?? (stride == 1 ? x : x.maxPooled(size: 1, stride: stride))
            return try y.multiplied(by: shares).added(to: shortcut)
        }
    }

    private let stem: ConvolutionUnit
    private let stemSlope: Tensor
    private let blocks: [Block]
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
        _ configuration: ImprovedResNetConfiguration, inputs: Int = 3, outputs: Int, seed: UInt64?,
        device: Device = .cpu, precision: ScalarType = .float32
    ) throws {
        try configuration.validate()
        name = configuration.name
        self.outputs = outputs
        self.precision = precision
        let layers = LayerStore(seed: seed, device: device)
        self.layers = layers
        stem = try layers.unit(
            "input_layer.0", "input_layer.1", input: inputs, output: configuration.stemChannels, size: 3)
        stemSlope = try layers.parameter("input_layer.2.weight", [configuration.stemChannels], .constant(0.25))
        var channels = configuration.stemChannels
        var blocks: [Block] = []
        for (depth, width) in zip(configuration.depths, configuration.widths) {
            for index in 0..<depth {
                blocks.append(
                    try ImprovedResNet.block(
                        layers, "body.\(blocks.count)", input: channels, output: width, stride: index == 0 ? 2 : 1))
                channels = width
            }
        }
        self.blocks = blocks
        linear = try LinearHead(layers, name: head, outputs: outputs, channels: channels)
    }

    private static func block(
        _ layers: LayerStore, _ name: String, input: Int, output: Int, stride: Int
    ) throws -> Block {
        func kernel(_ part: String, _ input: Int, _ output: Int, size: Int) throws -> Tensor {
            let deviation = (2 / Float(output * size * size)).squareRoot()
            return try layers.parameter("\(name).\(part).weight", [output, input, size, size], .normal(deviation))
        }
        let shortcut =
            input == output
            ? nil
            : try layers.unit(
                "\(name).shortcut_layer.0", "\(name).shortcut_layer.1", input: input, output: output, size: 1,
                stride: stride)
        let before = try layers.normalisation("\(name).res_layer.0", channels: input)
        let first = try kernel("res_layer.1", input, output, size: 3)
        let slope = try layers.parameter("\(name).res_layer.2.weight", [output], .constant(0.25))
        let second = try layers.unit(
            "\(name).res_layer.3", "\(name).res_layer.4", input: output, output: output, size: 3, stride: stride)
        let narrow = max(1, output / reduction)
        return Block(
            shortcut: shortcut, before: before, first: first, slope: slope, second: second,
            squeeze: try kernel("res_layer.5.fc1", output, narrow, size: 1),
            excite: try kernel("res_layer.5.fc2", narrow, output, size: 1), stride: stride)
    }

    /// max(x, 0) + slope · min(x, 0), a slope a channel.
    fileprivate static func rectified(_ x: Tensor, slope: Tensor) throws -> Tensor {
        let above = try x.relu()
        return try x.subtracting(above).multiplied(by: slope.reshaped([1, -1, 1, 1]).like(x)).added(to: above)
    }

    public func logits(_ images: Tensor, training: Bool) throws -> Tensor {
        try LinearHead.logits(linear, of: maps(images, training: training))
    }

    public func features(_ images: Tensor, training: Bool) throws -> [FeatureMap] {
        try FeatureCollector.maps { _ = try maps(images, training: training, note: $0) }
    }

    /// The last map; each block's is shown to `note` with its stride.
    private func maps(
        _ images: Tensor, training: Bool, note: (Tensor, Int) throws -> Void = { _, _ in }
    ) throws -> Tensor {
        var x = try images.contiguous(channelsLast: true)
        if precision != .float32 { x = try x.to(type: precision) }
        x = try ImprovedResNet.rectified(stem.apply(x, training: training), slope: stemSlope)
        var stride = 1
        for block in blocks {
            x = try block.apply(x, training: training)
            stride *= block.stride
            try note(x, stride)
        }
        return x
    }

    public func folded() throws -> any InferenceBackbone { Frozen(network: try copy()) }

    /// A network with the same weights that is not learnt.
    private func copy() throws -> ImprovedResNet {
        let widths = blocks.map { $0.slope.count }
        let starts = blocks.indices.filter { blocks[$0].stride == 2 }
        let depths = starts.indices.map { ($0 + 1 < starts.count ? starts[$0 + 1] : blocks.count) - starts[$0] }
        let result = try ImprovedResNet(
            .init(
                name: name, depths: depths, widths: starts.map { widths[$0] }, stemChannels: stemSlope.count,
                inputSize: 256), inputs: stem.convolution.weight.shape[1], outputs: outputs, seed: nil,
            device: layers.device, precision: precision)
        for (target, source) in zip(result.parameters + result.buffers, parameters + buffers) {
            try target.tensor.assign(source.tensor.detached())
        }
        for (_, tensor) in result.parameters { try tensor.requiringGradient(false) }
        return result
    }

    /// A normalisation stands before each block's padding, so that folding it would change the rim: the network is kept as it is.
    private struct Frozen: InferenceBackbone {
        let network: ImprovedResNet

        func logits(_ images: Tensor) throws -> Tensor { try network.logits(images, training: false) }

        func features(_ images: Tensor) throws -> [FeatureMap] { try network.features(images, training: false) }
    }
}

extension Tensor {
    /// The same numbers in another tensor's type.
    fileprivate func like(_ other: Tensor) throws -> Tensor { type == other.type ? self : try to(type: other.type) }
}
