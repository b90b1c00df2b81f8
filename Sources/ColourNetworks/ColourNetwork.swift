import Core
import Networks
import Tensors
import Weights

/// From grey faces to how likely each colour is at each place (Zhang and others, "Colorful Image Colorization", 2016, in small): a
/// backbone that knows pictures, a feature pyramid, and a logit for every colour at a quarter of the input's side.
///
/// The backbone's normalisations keep their moments, so that an answer depends on no other picture of the batch.
public final class ColourNetwork: TrainedNetwork {
    /// `train-colorizer`.
    public static let trainer = "train-colorizer"
    /// What it is.
    public let configuration: ColourConfiguration
    /// Where it computes.
    public let device: Device
    private let backbone: any Backbone
    private let layers: LayerStore
    private let laterals: [(stride: Int, layer: Layer)]
    private let merges: [Layer]
    private let body: Layer
    private let head: Layer

    /// A convolution with a bias.
    private struct Layer {
        let weight: Tensor
        let bias: Tensor

        init(_ layers: LayerStore, _ name: String, _ input: Int, _ output: Int, size: Int, gain: Float = 1) throws {
            let deviation = gain * (2 / Float(input * size * size)).squareRoot()
            weight = try layers.parameter("\(name).weight", [output, input, size, size], .normal(deviation))
            bias = try layers.parameter("\(name).bias", [output], .constant(0))
        }

        func apply(_ x: Tensor) throws -> Tensor {
            try x.convolved(weight, bias: bias, padding: weight.shape[2] / 2)
        }
    }

    /// A network with fresh weights.
    ///
    /// - Parameters:
    ///   - configuration: What it is.
    ///   - seed: Names the weights; nil leaves them at zero, to be loaded.
    ///   - device: Where to compute.
    /// - Throws: ``Core/Failure`` for numbers out of range, a backbone without maps to read, or when memory runs out.
    public init(_ configuration: ColourConfiguration, seed: UInt64? = 0, device: Device = .cpu) throws {
        try configuration.validate()
        self.configuration = configuration
        self.device = device
        let backbone = try configuration.backbone.network(inputs: 3, outputs: 0, seed: seed, device: device)
        self.backbone = backbone
        let layers = LayerStore(seed: seed.map { $0 ^ 0xC0_1085 }, device: device)
        self.layers = layers
        let width = configuration.width
        // The smallest picture tells a map's channels as well.
        let side = 32
        let maps = try Torch.withoutGradients {
            try backbone.features(Tensor.zeros([1, 3, side, side], device: device), training: false)
                .map { (stride: $0.stride, channels: $0.tensor.shape[1]) }
        }
        laterals = try [32, 16, 8, 4].compactMap { stride in
            try maps.first { $0.stride == stride }.map {
                (stride, try Layer(layers, "lateral\(stride)", $0.channels, width, size: 1))
            }
        }
        guard laterals.last?.stride == 4 else {
            throw Failure("colouriser", "has a backbone without a map at a quarter of the input's side")
        }
        merges = try laterals.dropFirst().map { try Layer(layers, "merge\($0.stride)", width, width, size: 3) }
        body = try Layer(layers, "body", width, width, size: 3)
        head = try Layer(layers, "head", width, configuration.bins.count, size: 1, gain: 0.1)
    }

    /// Learnt tensors by name, in the order of the network.
    public var parameters: [(name: String, tensor: Tensor)] {
        backbone.parameters.map { ("backbone.\($0.name)", $0.tensor) }
            + layers.parameters.map { ("heads.\($0.name)", $0.tensor) }
    }

    /// The backbone's moments by name.
    public var buffers: [(name: String, tensor: Tensor)] {
        backbone.buffers.map { ("backbone.\($0.name)", $0.tensor) }
    }

    /// Logits of the colours.
    ///
    /// - Parameter pictures: Grey in three equal channels, [N, 3, S, S] in [-1, 1] at the input size.
    /// - Returns: [N, colours, S / 4, S / 4].
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    public func logits(_ pictures: Tensor) throws -> Tensor {
        let maps = try backbone.features(pictures, training: false)
        var x: Tensor?
        for (index, (stride, layer)) in laterals.enumerated() {
            guard let map = maps.first(where: { $0.stride == stride }) else { continue }
            var part = try layer.apply(map.tensor)
            if let above = x {
                let larger = try above.resized(height: part.shape[2], width: part.shape[3])
                part = try merges[index - 1].apply(part.added(to: larger).leakyReLU())
            }
            x = part
        }
        guard let x else { throw Failure("colouriser", "has a backbone without maps to read") }
        return try head.apply(body.apply(x.leakyReLU()).leakyReLU())
    }

    /// Logarithms of shares along axis 1 that add up to 1.
    package static func logShares(_ logits: Tensor) throws -> Tensor {
        // Bounded, so that no exponential overflows.
        let bounded = try logits.clamped(-40, 40)
        return try bounded.subtracting(bounded.exponential().sum([1], keeping: true).logarithm())
    }

    /// Pointed shares.
    ///
    /// - Parameter logits: [N, colours, h, w].
    /// - Returns: Of the same shape, with the sum 1 along axis 1.
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    func shares(_ logits: Tensor) throws -> Tensor {
        try ColourNetwork.logShares(logits.scaled(by: 1 / Double(configuration.temperature))).exponential()
    }

    /// The mean colours of pointed shares.
    ///
    /// - Parameter logits: [N, colours, h, w].
    /// - Returns: Cb and Cr in 8-bit steps, [N, 2, h, w].
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    public func colours(_ logits: Tensor) throws -> Tensor {
        let colours = configuration.bins.colours
        let kernel = try Tensor(
            colours.map(\.x) + colours.map(\.y), shape: [2, colours.count, 1, 1], device: device)
        return try shares(logits).convolved(kernel)
    }

    /// Takes over a backbone's published weights, its head left out.
    ///
    /// - Parameters:
    ///   - state: Tensors by the names of the published file.
    ///   - source: Where they come from, for messages.
    /// - Throws: ``Core/Failure`` naming `source` and the first tensor that is missing or of another shape.
    public func loadBackbone(_ state: [String: TensorData], from source: String) throws {
        try backbone.load(state, from: source, headRequired: false)
    }
}
