import Core
import Foundation
import Tensors
import Weights

/// A network with one logit for each attribute, as training sees it.
///
/// Parameters are named as in published files of its kind, so that these load as they are.
public protocol AttributeNetwork: AnyObject {
    /// Its name among the architectures.
    var name: String { get }
    /// Number of logits.
    var outputs: Int { get }
    /// Its tensors.
    var layers: LayerStore { get }
    /// What the names of the head's two tensors begin with, such as `fc`.
    var head: String { get }
    /// Names what is left out of the next training step, where the network leaves something out.
    var step: Int { get set }
    /// Logits [N, outputs] of pictures [N, 3, H, W] in [-1, 1]; in training the running moments change.
    func logits(_ images: Tensor, training: Bool) throws -> Tensor
    /// The network for inference, with weights of its own.
    func folded() throws -> any ScoringNetwork
}

/// A network for inference, every batch normalisation folded into the convolution before it.
public protocol ScoringNetwork: Sendable {
    /// Logits [N, outputs] of pictures [N, 3, H, W] in [-1, 1].
    func logits(_ images: Tensor) throws -> Tensor
}

extension AttributeNetwork {
    /// Learnt tensors by name, in the order of the network.
    public var parameters: [(name: String, tensor: Tensor)] { layers.parameters }
    /// Running moments of the batch normalisations by name.
    public var buffers: [(name: String, tensor: Tensor)] { layers.buffers }
    /// Number of learnt values.
    public var parameterCount: Int { parameters.reduce(0) { $0 + $1.tensor.count } }

    /// Sets the head's bias, such as to the logits of the attributes' frequencies.
    public func setBias(_ values: [Float]) throws {
        let bias = parameters.first { $0.name == "\(head).bias" }
        try bias?.tensor.assign(Tensor(values, shape: [outputs], device: layers.device))
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
        for (key, tensor) in parameters + buffers {
            let isHead = key.hasPrefix(head + ".")
            guard let data = state[key] else {
                if isHead && !headRequired { continue }
                throw Failure(source, "has no tensor \(key)", "use a file for \(name)")
            }
            guard data.shape == tensor.shape else {
                if isHead && !headRequired { continue }
                throw Failure(
                    source, "has \(key) of shape \(data.shape), not \(tensor.shape)",
                    "use a file for \(name) with \(outputs) attributes")
            }
            try tensor.assign(Tensor(try data.floats(), shape: data.shape, device: layers.device))
        }
    }
}

/// The tensors of a network, drawn from a seed in the order in which they are asked for.
public final class LayerStore {
    /// Learnt tensors by name.
    public private(set) var parameters: [(name: String, tensor: Tensor)] = []
    /// Running moments by name.
    public private(set) var buffers: [(name: String, tensor: Tensor)] = []
    let device: Device
    private var random: CounterRandom

    init(seed: UInt64, device: Device) {
        self.device = device
        random = CounterRandom(seed: seed, domain: 0x103)
    }

    /// A convolution and its normalisation: weights from He's normal distribution (fan out), γ at `gain`.
    ///
    /// - Parameters:
    ///   - convolution: The convolution's name; its weight is [output, input / groups, size, size].
    ///   - normalisation: The batch normalisation's name.
    ///   - epsilon: What it adds to the variance.
    ///   - isSame: See ``FoldedConvolution/isSame``.
    /// - Throws: ``Core/Failure`` when memory runs out.
    func unit(
        _ convolution: String, _ normalisation: String, input: Int, output: Int, size: Int, stride: Int = 1,
        groups: Int = 1, gain: Float = 1, epsilon: Double = 1e-5, isSame: Bool = false
    ) throws -> ConvolutionUnit {
        let deviation = (2 / Float(output * size * size) * Float(groups)).squareRoot()
        let weight = try parameter("\(convolution).weight", [output, input / groups, size, size]) {
            $0.normal() * deviation
        }
        return ConvolutionUnit(
            convolution: FoldedConvolution(
                weight: weight, bias: nil, stride: stride, groups: groups, size: size, isSame: isSame),
            weight: try parameter("\(normalisation).weight", [output]) { _ in gain },
            bias: try parameter("\(normalisation).bias", [output]) { _ in 0 },
            mean: try buffer("\(normalisation).running_mean", output, 0),
            variance: try buffer("\(normalisation).running_var", output, 1), epsilon: epsilon)
    }

    /// A learnt tensor.
    func parameter(_ name: String, _ shape: [Int], _ value: (inout CounterRandom) -> Float) throws -> Tensor {
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

/// A convolution followed by a batch normalisation.
struct ConvolutionUnit {
    let convolution: FoldedConvolution
    let weight: Tensor
    let bias: Tensor
    let mean: Tensor
    let variance: Tensor
    let epsilon: Double

    func apply(_ x: Tensor, training: Bool) throws -> Tensor {
        try convolution.apply(x).batchNormalised(
            weight: weight, bias: bias, mean: mean, variance: variance, training: training, epsilon: epsilon)
    }

    /// One convolution with weight · γ/√(σ²+ε) and bias β − μ · γ/√(σ²+ε).
    func folded() throws -> FoldedConvolution {
        let scale = try variance.scaled(by: 1, plus: epsilon).reciprocalSquareRoot().multiplied(by: weight)
        var result = convolution
        result.weight = try convolution.weight.multiplied(by: scale.reshaped([-1, 1, 1, 1])).detached()
            .contiguous(channelsLast: true)
        result.bias = try bias.subtracting(mean.multiplied(by: scale)).detached()
        return result
    }
}

/// A convolution, with a bias once a normalisation is folded into it.
struct FoldedConvolution: Sendable {
    var weight: Tensor
    var bias: Tensor?
    let stride: Int
    let groups: Int
    /// Side of the kernel.
    let size: Int
    /// Padded as TensorFlow's SAME: so that a side of n gives ⌈n / stride⌉, the odd zero behind; else half the kernel on every
    /// side.
    let isSame: Bool

    func apply(_ x: Tensor) throws -> Tensor {
        let weight = x.type == weight.type ? weight : try weight.to(type: x.type)
        guard isSame && stride > 1 else {
            return try x.convolved(weight, bias: bias, stride: stride, padding: size / 2, groups: groups)
        }
        let pads = x.shape.suffix(2).reversed().flatMap { side in
            let total = max(0, ((side + stride - 1) / stride - 1) * stride + size - side)
            return [total / 2, total - total / 2]
        }
        return try x.padded(pads).convolved(weight, bias: bias, stride: stride, groups: groups)
    }
}
