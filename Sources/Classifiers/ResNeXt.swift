import Core
import Foundation
import Tensors
import Weights

/// The shape of a ResNeXt (Xie, Girshick, Dollár, Tu, He: "Aggregated Residual Transformations for Deep Neural Networks",
/// CVPR 2017): bottleneck blocks whose 3×3 convolution works in `cardinality` groups.
public struct ResNeXtConfiguration: Sendable, Codable, Equatable {
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
            name, "is not an architecture", "use one of \(presets.keys.sorted().joined(separator: ", "))", isUsage: true
        )
    }

    /// - Throws: ``Core/Failure`` when a number is out of range: a damaged or hostile file.
    func validate() throws {
        let fine =
            depths.count == 4 && depths.allSatisfy { 1...64 ~= $0 } && 1...128 ~= cardinality && 1...128 ~= width
            && 1...1024 ~= outputChannels && 1...256 ~= stemChannels && 16...1024 ~= inputSize
            && cardinality * width <= 1024
        if !fine { throw Failure(name, "is not a sensible ResNeXt") }
    }
}

/// A ResNeXt with a head of one logit per attribute.
///
/// Parameters are named as torchvision and timm name them.
public final class ResNeXt: @unchecked Sendable {
    public let configuration: ResNeXtConfiguration
    /// Number of logits.
    public let outputs: Int
    /// Learnt tensors by name, in the order of the network.
    public private(set) var parameters: [(name: String, tensor: Tensor)] = []
    /// Running moments of the batch normalisations by name.
    public private(set) var buffers: [(name: String, tensor: Tensor)] = []

    private struct Convolution {
        let weight: Tensor
        let stride: Int
        let padding: Int
        let groups: Int
    }

    private struct Normalisation {
        let weight: Tensor
        let bias: Tensor
        let mean: Tensor
        let variance: Tensor
    }

    private typealias Unit = (convolution: Convolution, normalisation: Normalisation)

    private struct Block {
        let units: [Unit]
        let shortcut: Unit?
    }

    private var stem: Unit?
    private var blocks: [Block] = []
    private var headWeight: Tensor
    private var headBias: Tensor
    private let device: Device
    private let precision: ScalarType
    private var random: CounterRandom
    private let inputScale: Tensor?
    private let inputShift: Tensor?

    /// A network with fresh weights: convolutions from He's normal distribution (fan out), the last normalisation of each block
    /// zero, so that every block begins as its shortcut.
    ///
    /// - Parameters:
    ///   - seed: Names the weights.
    ///   - precision: The type that convolutions work in; weights stay float32.
    public init(
        _ configuration: ResNeXtConfiguration, outputs: Int, seed: UInt64, device: Device = .cpu,
        precision: ScalarType = .float32
    ) throws {
        try configuration.validate()
        self.configuration = configuration
        self.outputs = outputs
        self.device = device
        self.precision = precision
        random = CounterRandom(seed: seed, domain: 0x103)
        headWeight = try Tensor.zeros([1])
        headBias = headWeight
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
        try build()
    }

    private func build() throws {
        let c = configuration
        stem = try unit(
            "conv1", "bn1", input: 3, output: c.stemChannels, size: c.stem == .deep ? 7 : 3, stride: 2)
        var channels = c.stemChannels
        for (stage, depth) in c.depths.enumerated() {
            let inner = c.cardinality * c.width << stage
            let output = c.outputChannels << stage
            for block in 0..<depth {
                let name = "layer\(stage + 1).\(block)"
                let stride = stage > 0 && block == 0 ? 2 : 1
                let units = [
                    try unit("\(name).conv1", "\(name).bn1", input: channels, output: inner, size: 1),
                    try unit(
                        "\(name).conv2", "\(name).bn2", input: inner, output: inner, size: 3, stride: stride,
                        groups: c.cardinality),
                    try unit("\(name).conv3", "\(name).bn3", input: inner, output: output, size: 1, gain: 0),
                ]
                let shortcut =
                    stride != 1 || channels != output
                    ? try unit(
                        "\(name).downsample.0", "\(name).downsample.1", input: channels, output: output, size: 1,
                        stride: stride)
                    : nil
                blocks.append(Block(units: units, shortcut: shortcut))
                channels = output
            }
        }
        let bound = 1 / Float(channels).squareRoot()
        headWeight = try parameter("fc.weight", [outputs, channels]) { $0.uniform(-bound, bound) }
        headBias = try parameter("fc.bias", [outputs]) { _ in 0 }
    }

    private func unit(
        _ convolution: String, _ normalisation: String, input: Int, output: Int, size: Int, stride: Int = 1,
        groups: Int = 1, gain: Float = 1
    ) throws -> Unit {
        let deviation = (2 / Float(output * size * size) * Float(groups)).squareRoot()
        let weight = try parameter("\(convolution).weight", [output, input / groups, size, size]) {
            $0.normal() * deviation
        }
        return (
            Convolution(weight: weight, stride: stride, padding: size / 2, groups: groups),
            Normalisation(
                weight: try parameter("\(normalisation).weight", [output]) { _ in gain },
                bias: try parameter("\(normalisation).bias", [output]) { _ in 0 },
                mean: try buffer("\(normalisation).running_mean", output, 0),
                variance: try buffer("\(normalisation).running_var", output, 1))
        )
    }

    private func parameter(_ name: String, _ shape: [Int], _ value: (inout CounterRandom) -> Float) throws -> Tensor {
        let values = (0..<shape.reduce(1, *)).map { _ in value(&random) }
        var tensor = try Tensor(values, shape: shape, device: device)
        if shape.count == 4 { tensor = try tensor.contiguous(channelsLast: true) }
        try tensor.requiringGradient()
        parameters.append((name, tensor))
        return tensor
    }

    private func buffer(_ name: String, _ count: Int, _ value: Double) throws -> Tensor {
        let tensor = try Tensor(filledWith: value, shape: [count], device: device)
        buffers.append((name, tensor))
        return tensor
    }
}

extension ResNeXt {
    /// Logits [N, outputs] of pictures [N, 3, H, W] in [-1, 1]; in training the running moments change.
    public func logits(_ images: Tensor, training: Bool) throws -> Tensor {
        var x = try images.contiguous(channelsLast: true)
        if let inputScale, let inputShift { x = try x.multiplied(by: inputScale).added(to: inputShift) }
        if precision != .float32 { x = try x.to(type: precision) }
        guard let stem else { preconditionFailure("a network has a stem") }
        x = try apply(stem, x, training).reluInPlace()
        if configuration.stem == .deep { x = try x.maxPooled(size: 3, stride: 2, padding: 1) }
        for block in blocks {
            var y = try apply(block.units[0], x, training).reluInPlace()
            y = try apply(block.units[1], y, training).reluInPlace()
            y = try apply(block.units[2], y, training)
            let shortcut = try block.shortcut.map { try apply($0, x, training) } ?? x
            x = try y.addingInPlace(shortcut).reluInPlace()
        }
        let features = try x.globalAverage().to(type: .float32)
        return try features.linear(headWeight, bias: headBias)
    }

    private func apply(_ unit: Unit, _ x: Tensor, _ training: Bool) throws -> Tensor {
        let convolution = unit.convolution
        let weight = precision == .float32 ? convolution.weight : try convolution.weight.to(type: precision)
        let normalisation = unit.normalisation
        return try x.convolved(
            weight, stride: convolution.stride, padding: convolution.padding, groups: convolution.groups
        ).batchNormalised(
            weight: normalisation.weight, bias: normalisation.bias, mean: normalisation.mean,
            variance: normalisation.variance, training: training)
    }

    /// The network for inference, with weights of its own.
    func folded() throws -> FoldedResNeXt {
        guard let stem else { preconditionFailure("a network has a stem") }
        return try Torch.withoutGradients {
            FoldedResNeXt(
                stem: try folded(stem), pools: configuration.stem == .deep,
                blocks: try blocks.map { block in
                    FoldedResNeXt.Block(
                        units: try block.units.map(folded), shortcut: try block.shortcut.map(folded))
                },
                headWeight: try headWeight.detached().clone(), headBias: try headBias.detached().clone(),
                inputScale: inputScale, inputShift: inputShift)
        }
    }

    /// weight · γ/√(σ²+ε), β − μ · γ/√(σ²+ε).
    private func folded(_ unit: Unit) throws -> FoldedResNeXt.Convolution {
        let (convolution, normalisation) = unit
        let scale = try normalisation.variance.scaled(by: 1, plus: 1e-5).reciprocalSquareRoot()
            .multiplied(by: normalisation.weight)
        let weight = try convolution.weight.multiplied(by: scale.reshaped([-1, 1, 1, 1]))
        return FoldedResNeXt.Convolution(
            weight: try weight.detached().contiguous(channelsLast: true),
            bias: try normalisation.bias.subtracting(normalisation.mean.multiplied(by: scale)).detached(),
            stride: convolution.stride, padding: convolution.padding, groups: convolution.groups)
    }

    /// Number of learnt values.
    public var parameterCount: Int { parameters.reduce(0) { $0 + $1.tensor.count } }

    /// Sets the head's bias, such as to the logits of the attributes' frequencies.
    public func setBias(_ values: [Float]) throws {
        try headBias.assign(Tensor(values, shape: [outputs], device: device))
    }

    /// All parameters and buffers by name.
    public func state() throws -> [String: TensorData] {
        var result: [String: TensorData] = [:]
        for (name, tensor) in parameters + buffers {
            result[name] = TensorData(try tensor.detached().contiguous().floats(), shape: tensor.shape)
        }
        return result
    }

    /// Takes over tensors by name.
    ///
    /// - Parameters:
    ///   - headRequired: False when the head may be missing or of another size, as in weights for ImageNet.
    /// - Throws: ``Core/Failure`` naming `source` and the first tensor that is missing or of another shape.
    public func load(_ state: [String: TensorData], from source: String, headRequired: Bool = true) throws {
        for (name, tensor) in parameters + buffers {
            let isHead = name.hasPrefix("fc.")
            guard let data = state[name] else {
                if isHead && !headRequired { continue }
                throw Failure(source, "has no tensor \(name)", "use a file for \(configuration.name)")
            }
            guard data.shape == tensor.shape else {
                if isHead && !headRequired { continue }
                throw Failure(
                    source, "has \(name) of shape \(data.shape), not \(tensor.shape)",
                    "use a file for \(configuration.name) with \(outputs) attributes")
            }
            try tensor.assign(Tensor(try data.floats(), shape: data.shape, device: device))
        }
    }
}
