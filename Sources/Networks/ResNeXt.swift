import Core
import Foundation
import Tensors

/// The shape of a ResNeXt (Xie, Girshick, Dollár, Tu, He: "Aggregated Residual Transformations for Deep Neural Networks",
/// CVPR 2017): bottleneck blocks whose 3×3 convolution works in `cardinality` groups.
public struct ResNeXtConfiguration: NetworkConfiguration {
    /// What stands before the blocks.
    public enum Stem: String, Sendable, Codable {
        /// 7×7 convolution with stride 2 and a 3×3 pooling with stride 2, as for ImageNet's 224².
        case deep
        /// 3×3 convolution with stride 2, for small pictures.
        case small
    }

    /// The name that `--arch` takes.
    public var name: String
    /// Blocks in each of the four stages.
    public var depths: [Int]
    /// Groups of the 3×3 convolutions.
    public var cardinality: Int
    /// Channels of one group in the first stage; doubled with each stage.
    public var width: Int
    /// Output channels of the first stage; doubled with each stage.
    public var outputChannels: Int
    public var stem: Stem
    public var stemChannels: Int
    /// The side of the square input in pixels.
    public var inputSize: Int
    /// Whether input is normalised with ImageNet's means and deviations, as published weights expect.
    public var imageNetInput: Bool

    /// The one for CPUs: what the shipped classifier is.
    public static let small = ResNeXtConfiguration(
        name: "small", depths: [1, 2, 3, 1], cardinality: 4, width: 8, outputChannels: 64, stem: .small,
        stemChannels: 32, inputSize: 80, imageNetInput: false)

    /// The presets by name.
    public static let presets: [String: ResNeXtConfiguration] = Dictionary(
        uniqueKeysWithValues: [
            ResNeXtConfiguration(
                name: "resnext50_32x4d", depths: [3, 4, 6, 3], cardinality: 32, width: 4, outputChannels: 256,
                stem: .deep, stemChannels: 64, inputSize: 160, imageNetInput: true),
            ResNeXtConfiguration(
                name: "resnext101_32x8d", depths: [3, 4, 23, 3], cardinality: 32, width: 8, outputChannels: 256,
                stem: .deep, stemChannels: 64, inputSize: 160, imageNetInput: true),
            small,
            ResNeXtConfiguration(
                name: "tiny", depths: [1, 1, 1, 1], cardinality: 2, width: 4, outputChannels: 16,
                stem: .small, stemChannels: 8, inputSize: 32, imageNetInput: false),
        ].map { ($0.name, $0) })

    /// The preset of a name.
    ///
    /// - Throws: ``Core/Failure`` (usage) with the names there are.
    public static func named(_ name: String) throws -> ResNeXtConfiguration {
        if let found = presets[name] { return found }
        throw Failure(
            name, "is not an architecture", "use one of \(presets.keys.sorted().joined(separator: ", "))", kind: .usage
        )
    }

    public func validate() throws {
        let fine =
            depths.count == 4 && depths.allSatisfy { 1...64 ~= $0 } && 1...128 ~= cardinality && 1...128 ~= width
            && 1...1024 ~= outputChannels && 1...256 ~= stemChannels && 16...1024 ~= inputSize
            && cardinality * width <= 1024
        if !fine { throw Failure(name, "is not a sensible ResNeXt") }
    }

    public func network(
        inputs: Int, outputs: Int, seed: UInt64?, device: Device, precision: ScalarType
    ) throws -> any Backbone {
        try ResNeXt(
            self, inputs: inputs, outputs: outputs, seed: seed, device: device, precision: precision)
    }
}

/// A ResNeXt with a head of as many logits as are asked for.
///
/// Parameters are named as torchvision and timm name them.
public final class ResNeXt: Backbone, @unchecked Sendable {
    public let configuration: ResNeXtConfiguration
    public let outputs: Int
    public let layers: LayerStore
    public let head = "fc"
    public var name: String { configuration.name }
    public var step = 0

    private struct Block {
        let units: [ConvolutionUnit]
        let shortcut: ConvolutionUnit?
    }

    private let stem: ConvolutionUnit
    private let blocks: [Block]
    private let linear: LinearHead?
    private let precision: ScalarType
    private let inputScale: Tensor?
    private let inputShift: Tensor?

    /// A network with fresh weights: convolutions from He's normal distribution (fan out), the last normalisation of each block
    /// zero, so that every block begins as its shortcut.
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
        _ configuration: ResNeXtConfiguration, inputs: Int = 3, outputs: Int, seed: UInt64?, device: Device = .cpu,
        precision: ScalarType = .float32
    ) throws {
        try configuration.validate()
        self.configuration = configuration
        self.outputs = outputs
        self.precision = precision
        if configuration.imageNetInput {
            // ImageNet's moments are of 0…1; the input is -1…1.
            let deviation: [Float] = [0.229, 0.224, 0.225]
            let mean: [Float] = [0.485, 0.456, 0.406]
            inputScale = try Tensor(deviation.map { 0.5 / $0 }, shape: [1, 3, 1, 1], device: device)
            inputShift = try Tensor(zip(mean, deviation).map { (0.5 - $0) / $1 }, shape: [1, 3, 1, 1], device: device)
        } else {
            inputScale = nil
            inputShift = nil
        }
        let layers = LayerStore(seed: seed, device: device)
        self.layers = layers
        let c = configuration
        stem = try layers.unit(
            "conv1", "bn1", input: inputs, output: c.stemChannels, size: c.stem == .deep ? 7 : 3, stride: 2)
        var channels = c.stemChannels
        var blocks: [Block] = []
        for (stage, depth) in c.depths.enumerated() {
            let inner = c.cardinality * c.width << stage
            let output = c.outputChannels << stage
            for block in 0..<depth {
                let name = "layer\(stage + 1).\(block)"
                let stride = stage > 0 && block == 0 ? 2 : 1
                let units = [
                    try layers.unit("\(name).conv1", "\(name).bn1", input: channels, output: inner, size: 1),
                    try layers.unit(
                        "\(name).conv2", "\(name).bn2", input: inner, output: inner, size: 3, stride: stride,
                        groups: c.cardinality),
                    try layers.unit("\(name).conv3", "\(name).bn3", input: inner, output: output, size: 1, gain: 0),
                ]
                let shortcut =
                    stride != 1 || channels != output
                    ? try layers.unit(
                        "\(name).downsample.0", "\(name).downsample.1", input: channels, output: output, size: 1,
                        stride: stride)
                    : nil
                blocks.append(Block(units: units, shortcut: shortcut))
                channels = output
            }
        }
        self.blocks = blocks
        linear = try LinearHead(layers, name: head, outputs: outputs, channels: channels)
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
        if let inputScale, let inputShift { x = try x.multiplied(by: inputScale).added(to: inputShift) }
        if precision != .float32 { x = try x.to(type: precision) }
        x = try stem.apply(x, training: training).reluInPlace()
        var stride = 2
        try note(x, stride)
        if configuration.stem == .deep {
            x = try x.maxPooled(size: 3, stride: 2, padding: 1)
            stride = 4
        }
        for block in blocks {
            var y = try block.units[0].apply(x, training: training).reluInPlace()
            y = try block.units[1].apply(y, training: training).reluInPlace()
            y = try block.units[2].apply(y, training: training)
            let shortcut = try block.shortcut.map { try $0.apply(x, training: training) } ?? x
            x = try y.addingInPlace(shortcut).reluInPlace()
            stride *= block.units[1].convolution.stride
            try note(x, stride)
        }
        return x
    }

    public func folded() throws -> any InferenceBackbone {
        try Torch.withoutGradients {
            FoldedResNeXt(
                stem: try stem.folded(), pools: configuration.stem == .deep,
                blocks: try blocks.map { block in
                    FoldedResNeXt.Block(
                        units: try block.units.map { try $0.folded() }, shortcut: try block.shortcut?.folded())
                },
                head: try linear?.detached(),
                inputScale: inputScale, inputShift: inputShift)
        }
    }
}
