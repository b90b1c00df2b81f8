import Core
import Foundation
import Tensors

/// The tensors of a network, drawn from a seed in the order in which they are asked for.
public final class LayerStore {
    /// Learnt tensors by name.
    public private(set) var parameters: [(name: String, tensor: Tensor)] = []
    /// Running moments by name.
    public private(set) var buffers: [(name: String, tensor: Tensor)] = []
    package let device: Device
    private var random: CounterRandom
    private let isBlank: Bool

    /// An empty store, whose values will come from a seed; zeros where there is none, to be filled from a file.
    package init(seed: UInt64?, device: Device) {
        self.device = device
        isBlank = seed == nil
        random = CounterRandom(seed: seed ?? 0, domain: 0x103)
    }

    /// A convolution and its normalisation: weights from He's normal distribution (fan out), γ at `gain`.
    ///
    /// - Parameters:
    ///   - convolution: The convolution's name; its weight is [output, input / groups, size, size].
    ///   - normalisation: The batch normalisation's name.
    ///   - input: Channels that come in.
    ///   - output: Channels that go out.
    ///   - size: Pixels along a side of the kernel.
    ///   - stride: Step between outputs.
    ///   - groups: Groups that the channels are divided into.
    ///   - gain: γ of the normalisation at first.
    ///   - epsilon: What it adds to the variance.
    ///   - isSame: See ``FoldedConvolution/isSame``.
    /// - Returns: The convolution with its normalisation.
    /// - Throws: ``Core/Failure`` when memory runs out.
    package func unit(
        _ convolution: String, _ normalisation: String, input: Int, output: Int, size: Int, stride: Int = 1,
        groups: Int = 1, gain: Float = 1, epsilon: Double = 1e-5, isSame: Bool = false
    ) throws -> ConvolutionUnit {
        let deviation = (2 / Float(output * size * size) * Float(groups)).squareRoot()
        let weight = try parameter("\(convolution).weight", [output, input / groups, size, size], .normal(deviation))
        return ConvolutionUnit(
            convolution: FoldedConvolution(
                weight: weight, bias: nil, stride: stride, groups: groups, size: size, isSame: isSame),
            weight: try parameter("\(normalisation).weight", [output], .constant(gain)),
            bias: try parameter("\(normalisation).bias", [output], .constant(0)),
            mean: try buffer("\(normalisation).running_mean", output, 0),
            variance: try buffer("\(normalisation).running_var", output, 1), epsilon: epsilon)
    }

    /// A batch normalisation alone, such as before a convolution.
    ///
    /// - Parameters:
    ///   - name: Its name.
    ///   - channels: Channels that it normalises.
    ///   - epsilon: What it adds to the variance.
    /// - Returns: γ at one, β at zero.
    /// - Throws: ``Core/Failure`` when memory runs out.
    func normalisation(_ name: String, channels: Int, epsilon: Double = 1e-5) throws -> Normalisation {
        Normalisation(
            weight: try parameter("\(name).weight", [channels], .constant(1)),
            bias: try parameter("\(name).bias", [channels], .constant(0)),
            mean: try buffer("\(name).running_mean", channels, 0),
            variance: try buffer("\(name).running_var", channels, 1), epsilon: epsilon)
    }

    /// What a learnt tensor is at first.
    package enum Start {
        case constant(Float)
        case values([Float])
        /// Normally distributed around 0, with a deviation.
        case normal(Float)
        /// Uniform between the bound's negative and the bound.
        case uniform(Float)
    }

    /// A learnt tensor.
    package func parameter(_ name: String, _ shape: [Int], _ start: Start) throws -> Tensor {
        let count = shape.reduce(1, *)
        let values =
            switch start {
            case _ where isBlank: [Float](repeating: 0, count: count)
            case .constant(let value): [Float](repeating: value, count: count)
            case .values(let values): values
            case .normal(let deviation): random.normals(count, deviation: deviation)
            case .uniform(let bound): random.uniforms(count, -bound, bound)
            }
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

/// A batch normalisation that no convolution stands before.
struct Normalisation {
    let weight: Tensor
    let bias: Tensor
    let mean: Tensor
    let variance: Tensor
    let epsilon: Double

    /// The normalised maps; in training the running moments change.
    func apply(_ x: Tensor, training: Bool) throws -> Tensor {
        try x.batchNormalised(
            weight: weight, bias: bias, mean: mean, variance: variance, training: training, epsilon: epsilon)
    }
}

/// A convolution followed by a batch normalisation.
package struct ConvolutionUnit {
    let convolution: FoldedConvolution
    let weight: Tensor
    let bias: Tensor
    let mean: Tensor
    let variance: Tensor
    let epsilon: Double

    /// The normalised result [N, output, H, W]; in training the running moments change.
    package func apply(_ x: Tensor, training: Bool) throws -> Tensor {
        try convolution.apply(x).batchNormalised(
            weight: weight, bias: bias, mean: mean, variance: variance, training: training, epsilon: epsilon)
    }

    /// One convolution with weight · γ/√(σ²+ε) and bias β − μ · γ/√(σ²+ε).
    package func folded() throws -> FoldedConvolution {
        let scale = try variance.scaled(by: 1, plus: epsilon).reciprocalSquareRoot().multiplied(by: weight)
        var result = convolution
        result.weight = try convolution.weight.multiplied(by: scale.reshaped([-1, 1, 1, 1])).detached()
            .contiguous(channelsLast: true)
        result.bias = try bias.subtracting(mean.multiplied(by: scale)).detached()
        return result
    }
}

/// A convolution, with a bias once a normalisation is folded into it.
package struct FoldedConvolution: Sendable {
    var weight: Tensor
    var bias: Tensor?
    let stride: Int
    let groups: Int
    /// Side of the kernel.
    let size: Int
    /// Padded as TensorFlow's SAME: so that a side of n gives ⌈n / stride⌉, the odd zero behind; else half the kernel on every
    /// side.
    let isSame: Bool

    /// The result [N, output, H, W].
    package func apply(_ x: Tensor) throws -> Tensor {
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
