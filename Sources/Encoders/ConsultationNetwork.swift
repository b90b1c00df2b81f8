import Core
import Networks
import Tensors
import Weights

/// HFGI's two networks (Wang and others, "High-Fidelity GAN Inversion for Image Attribute Editing", 2022), made light: one from a
/// residual to a change of the generator's features, one that moves a residual to where an edit has moved the face.
///
/// Both begin at nothing: features as they are, residuals where they are.
public final class ConsultationNetwork: TrainedNetwork {
    /// `train-consultation`.
    public static let trainer = "train-consultation"
    /// What it is.
    public let configuration: ConsultationConfiguration
    /// Where it computes.
    public let device: Device
    private let layers: LayerStore
    private let encoder: Encoder
    private let alignment: Alignment

    /// Residuals are small; this brings them to the size of 1.
    private static let gain = 4.0

    /// A network with fresh weights.
    ///
    /// - Parameters:
    ///   - configuration: What it is.
    ///   - seed: Names the weights; nil leaves them at zero, to be loaded.
    ///   - device: Where to compute.
    /// - Throws: ``Core/Failure`` for numbers out of range, or when memory runs out.
    public init(_ configuration: ConsultationConfiguration, seed: UInt64? = 0, device: Device = .cpu) throws {
        try configuration.validate()
        self.configuration = configuration
        self.device = device
        layers = LayerStore(seed: seed.map { $0 ^ 0xC0_5017 }, device: device)
        encoder = try Encoder(configuration, layers)
        alignment = try Alignment(configuration, layers)
    }

    /// Learnt tensors by name, in the order of the network.
    public var parameters: [(name: String, tensor: Tensor)] { layers.parameters }

    /// The change of features that a residual asks for.
    ///
    /// - Parameter distortion: [N, 3, size, size].
    /// - Returns: Scale and shift, [N, channels, side, side] each.
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    public func change(_ distortion: Tensor) throws -> (scale: Tensor, shift: Tensor) {
        let found = try encoder.apply(distortion.scaled(by: ConsultationNetwork.gain))
        let channels = configuration.channels
        return (
            try found.sliced(axis: 1, 0..<channels),
            try found.sliced(axis: 1, channels..<2 * channels).scaled(by: Double(configuration.deviation))
        )
    }

    /// A residual moved to where a picture has what it is of.
    ///
    /// - Parameters:
    ///   - distortion: [N, 3, size, size], of an unedited face.
    ///   - pictures: The edited faces, RGB in [-1, 1], of the same shape.
    /// - Returns: Of the same shape.
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    public func aligned(_ distortion: Tensor, to pictures: Tensor) throws -> Tensor {
        let both = try Tensor.concatenated([distortion.scaled(by: ConsultationNetwork.gain), pictures], axis: 1)
        return try distortion.added(to: alignment.apply(both).scaled(by: 1 / ConsultationNetwork.gain))
    }
}

/// From residuals to scale and shift: four pixels to one in the first step, so that all else is computed at the features' size.
private struct Encoder {
    private let stem: ScaledConvolution
    private let blocks: [(ScaledConvolution, ScaledConvolution)]
    private let hidden: ScaledConvolution
    private let head: ScaledConvolution

    init(_ configuration: ConsultationConfiguration, _ layers: LayerStore) throws {
        let width = configuration.width
        stem = try ScaledConvolution(layers, "consultation.stem", input: 3, output: width, size: 7, stride: 4)
        blocks = try (0..<2).map {
            (
                try ScaledConvolution(layers, "consultation.block\($0).0", input: width, output: width, size: 3),
                try ScaledConvolution(
                    layers, "consultation.block\($0).1", input: width, output: width, size: 3, gain: 0.3)
            )
        }
        hidden = try ScaledConvolution(
            layers, "consultation.hidden", input: width, output: configuration.hidden, size: 3)
        head = try ScaledConvolution(
            layers, "consultation.head", input: configuration.hidden, output: 2 * configuration.channels, size: 1,
            gain: 0)
    }

    func apply(_ distortion: Tensor) throws -> Tensor {
        var x = try stem.apply(distortion.contiguous(channelsLast: true))
        for (first, second) in blocks { x = try x.added(to: second.apply(first.apply(x.leakyReLU()).leakyReLU())) }
        return try head.apply(hidden.apply(x.leakyReLU()).leakyReLU())
    }
}

/// From residuals and pictures to what has to be added to the residuals: a U-Net of four sizes.
private struct Alignment {
    private let down: [ScaledConvolution]
    private let middle: ScaledConvolution
    private let up: [ScaledConvolution]
    private let head: Tensor

    init(_ configuration: ConsultationConfiguration, _ layers: LayerStore) throws {
        let width = configuration.alignmentWidth
        let widths = [width, 3 * width / 2, 2 * width, 3 * width]
        down = try widths.indices.map {
            try ScaledConvolution(
                layers, "alignment.down\($0)", input: $0 == 0 ? 6 : widths[$0 - 1], output: widths[$0], size: 3,
                stride: 2)
        }
        middle = try ScaledConvolution(layers, "alignment.middle", input: widths[3], output: widths[3], size: 3)
        up = try [2, 1, 0].map {
            try ScaledConvolution(
                layers, "alignment.up\($0)", input: widths[$0 + 1] + widths[$0], output: widths[$0], size: 3)
        }
        head = try layers.parameter("alignment.head.weight", [width, 3, 4, 4], .constant(0))
    }

    func apply(_ both: Tensor) throws -> Tensor {
        var maps: [Tensor] = []
        var x = try both.contiguous(channelsLast: true)
        for convolution in down {
            x = try convolution.apply(x).leakyReLU()
            maps.append(x)
        }
        x = try middle.apply(x).leakyReLU()
        for (convolution, skip) in zip(up, maps.dropLast().reversed()) {
            let larger = try x.resized(height: skip.shape[2], width: skip.shape[3])
            x = try convolution.apply(.concatenated([larger, skip], axis: 1)).leakyReLU()
        }
        return try x.transposeConvolved(head, stride: 2, padding: 1)
    }
}

/// A convolution with a bias whose weights begin at a share of He's.
private struct ScaledConvolution {
    private let weight: Tensor
    private let bias: Tensor
    private let stride: Int
    private let size: Int

    init(
        _ layers: LayerStore, _ name: String, input: Int, output: Int, size: Int, stride: Int = 1, gain: Float = 1
    ) throws {
        let deviation = gain * (2 / (Float(input * size * size) * 1.04)).squareRoot()
        weight = try layers.parameter("\(name).weight", [output, input, size, size], .normal(deviation))
        bias = try layers.parameter("\(name).bias", [output], .constant(0))
        self.stride = stride
        self.size = size
    }

    func apply(_ x: Tensor) throws -> Tensor {
        try x.convolved(weight, bias: bias, stride: stride, padding: size / 2)
    }
}
