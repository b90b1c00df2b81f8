import Core
import Foundation
import Networks
import Tensors
import Weights

/// An encoder's network: from pictures to codes in W's principal coordinates.
///
/// The backbone's normalisations keep their moments, so that an answer depends on no other picture of the batch. What rows have
/// in common is a vector of its own; offsets begin at zero, so that a fresh network gives codes of W.
public final class EncoderNetwork: TrainedNetwork {
    /// `train-encoder`.
    public static let trainer = "train-encoder"
    /// What it is.
    public let configuration: EncoderConfiguration
    /// Where it computes.
    public let device: Device
    private let backbone: any Backbone
    private let layers: LayerStore
    private let heads: any EncoderHeads
    private let conditioning: ConditionNetwork?

    /// A network with fresh weights.
    ///
    /// - Parameters:
    ///   - configuration: What it is.
    ///   - seed: Names the weights; nil leaves them at zero, to be loaded.
    ///   - device: Where to compute.
    ///   - precision: The type that the backbone's convolutions work in; weights stay float32.
    /// - Throws: ``Core/Failure`` for numbers out of range, or when memory runs out.
    public init(
        _ configuration: EncoderConfiguration, seed: UInt64? = 0, device: Device = .cpu,
        precision: ScalarType = .float32
    ) throws {
        try configuration.validate()
        self.configuration = configuration
        self.device = device
        let backbone = try configuration.backbone.network(
            inputs: configuration.inputs, outputs: 0, seed: seed, device: device, precision: precision)
        self.backbone = backbone
        layers = LayerStore(seed: seed.map { $0 ^ 0xE_C0DE }, device: device)
        // The smallest picture tells a map's channels as well.
        let side = 32
        let channels = try Torch.withoutGradients {
            try backbone.features(Tensor.zeros([1, configuration.inputs, side, side], device: device), training: false)
                .map { (stride: $0.stride, channels: $0.tensor.shape[1]) }
        }
        heads =
            configuration.kind == .psp
            ? try PyramidHeads(configuration, maps: channels, layers: layers)
            : try SharedHeads(configuration, maps: channels, layers: layers)
        var conditioning: ConditionNetwork?
        if let condition = configuration.condition {
            conditioning = try ConditionNetwork(condition, configuration, maps: channels, layers: layers)
        }
        self.conditioning = conditioning
    }

    /// Learnt tensors and moments by name, in the order of the network.
    public var parameters: [(name: String, tensor: Tensor)] {
        backbone.parameters.map { ("backbone.\($0.name)", $0.tensor) }
            + layers.parameters.map { ("heads.\($0.name)", $0.tensor) }
    }

    /// The backbone's moments by name.
    public var buffers: [(name: String, tensor: Tensor)] {
        backbone.buffers.map { ("backbone.\($0.name)", $0.tensor) }
    }

    /// Codes in W's principal coordinates.
    ///
    /// - Parameters:
    ///   - pictures: RGB in [-1, 1], [N, 3, S, S] at the input size.
    ///   - reconstructions: What the codes so far show, [N, 3, s, s]; nil where the kind sees none.
    ///   - told: Colours as the condition's values, a row a picture; nil tells none.
    /// - Returns: [N, rows, latent size]: coordinates, or for `restyle` the change of them.
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    public func coordinates(_ pictures: Tensor, reconstructions: Tensor?, told: Tensor? = nil) throws -> Tensor {
        var input = pictures
        if configuration.kind == .restyle, let reconstructions {
            let side = configuration.backbone.inputSize
            input = try .concatenated([pictures, reconstructions.resized(height: side, width: side)], axis: 1)
        }
        let maps = try backbone.features(input, training: false)
        guard let conditioning, let told else { return try heads.apply(maps) }
        return try conditioning.moved(heads.apply(conditioning.merged(maps, told)), told)
    }

    /// Takes over a backbone's published weights, its head left out; channels beyond three begin at zero.
    ///
    /// - Parameters:
    ///   - state: Tensors by the names of the published file.
    ///   - source: Where they come from, for messages.
    /// - Throws: ``Core/Failure`` naming `source` and the first tensor that is missing or of another shape.
    public func loadBackbone(_ state: [String: TensorData], from source: String) throws {
        var state = state
        for (name, tensor) in backbone.parameters {
            guard let data = state[name], data.shape.count == 4, tensor.shape.count == 4,
                data.shape[1] == 3, tensor.shape[1] == configuration.inputs, configuration.inputs > 3
            else { continue }
            let plane = data.shape[2] * data.shape[3]
            let values = try data.floats()
            let missing = [Float](repeating: 0, count: (configuration.inputs - 3) * plane)
            var wide: [Float] = []
            for output in 0..<data.shape[0] {
                wide += values[output * 3 * plane..<(output + 1) * 3 * plane]
                wide += missing
            }
            state[name] = TensorData(wide, shape: tensor.shape)
        }
        try backbone.load(state, from: source, headRequired: false)
    }

    /// Takes over the tensors of an encoder that was told nothing, or the same; what only this one has begins at nothing.
    ///
    /// - Parameters:
    ///   - state: Tensors as ``state()`` gives them.
    ///   - source: Where they come from, for messages.
    /// - Throws: ``Core/Failure`` as ``load(_:from:)``.
    public func begin(with state: [String: TensorData], from source: String) throws {
        var state = state
        for (name, tensor) in parameters where state[name] == nil && configuration.condition != nil {
            if name.hasPrefix("heads.condition.") {
                state[name] = TensorData(try tensor.detached().contiguous().floats(), shape: tensor.shape)
            } else if name.hasPrefix("heads.lateral4.") {
                state[name] = TensorData([Float](repeating: 0, count: tensor.count), shape: tensor.shape)
            }
        }
        try load(state, from: source)
    }
}
