import Core
import Foundation
import Tensors
import Weights

/// A convolutional network of a published kind, as training sees it: a backbone, and over the mean of its last map a linear
/// head.
///
/// It knows nothing of what its outputs mean. Parameters are named as in published files of its kind, so that these load as
/// they are.
public protocol Backbone: NamedTensors {
    /// Its name among the architectures.
    var name: String { get }
    /// Number of logits; 0 for a backbone without a head.
    var outputs: Int { get }
    /// Its tensors.
    var layers: LayerStore { get }
    /// What the names of the head's two tensors begin with, such as `fc`.
    var head: String { get }
    /// Names what is left out of the next training step, where the network leaves something out.
    var step: Int { get set }
    /// The last feature map at each stride, the finest first.
    ///
    /// - Parameters:
    ///   - images: [N, 3, H, W] in [-1, 1].
    ///   - training: Whether the running moments change.
    /// - Returns: Maps [N, c, h, w], each with its stride.
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    func features(_ images: Tensor, training: Bool) throws -> [FeatureMap]
    /// Logits [N, outputs] of pictures [N, 3, H, W] in [-1, 1]; in training the running moments change.
    func logits(_ images: Tensor, training: Bool) throws -> Tensor
    /// The network for inference, with weights of its own.
    func folded() throws -> any InferenceBackbone
}

/// A network whose maps at several sizes can be asked for, as encoders and perceptual losses need them.
public protocol FeatureExtractor: Sendable {
    /// The last feature map at each stride, the finest first.
    ///
    /// - Parameter images: [N, 3, H, W] in [-1, 1].
    /// - Returns: Maps [N, c, h, w], each with its stride.
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    func features(_ images: Tensor) throws -> [FeatureMap]
}

/// A backbone for inference, every batch normalisation folded into the convolution before it.
public protocol InferenceBackbone: FeatureExtractor {
    /// Logits [N, outputs] of pictures [N, 3, H, W] in [-1, 1].
    ///
    /// - Throws: ``Core/Failure`` for a backbone without a head.
    func logits(_ images: Tensor) throws -> Tensor
}

/// What a backbone makes of pictures at one of its sizes.
public struct FeatureMap: Sendable {
    /// Pixels of the picture along a side to one of the map.
    public let stride: Int
    /// [N, channels, H / stride, W / stride], sides rounded up.
    public let tensor: Tensor

    /// - Parameters:
    ///   - stride: Pixels of the picture along a side to one of the map.
    ///   - tensor: [N, channels, H / stride, W / stride].
    package init(stride: Int, tensor: Tensor) {
        self.stride = stride
        self.tensor = tensor
    }
}

/// Keeps the last map at each stride while a network is run.
struct FeatureCollector {
    private var maps: [FeatureMap] = []

    /// What a network shows while it runs, in float32.
    ///
    /// - Parameter run: Runs it; calls what it is given with each map and its stride.
    /// - Returns: The last map at each stride.
    /// - Throws: What `run` throws.
    static func maps(_ run: (_ note: (Tensor, Int) throws -> Void) throws -> Void) throws -> [FeatureMap] {
        var collector = FeatureCollector()
        try run { collector.note(try $0.to(type: .float32), stride: $1) }
        return collector.maps
    }

    private mutating func note(_ tensor: Tensor, stride: Int) {
        if maps.last?.stride == stride { maps.removeLast() }
        maps.append(FeatureMap(stride: stride, tensor: tensor))
    }
}

/// The linear layer over the mean of a backbone's last map.
struct LinearHead: Sendable {
    let weight: Tensor
    let bias: Tensor

    /// Fresh weights, uniform within 1 / √channels; nil for no outputs.
    init?(_ layers: LayerStore, name: String, outputs: Int, channels: Int) throws {
        if outputs == 0 { return nil }
        let bound = 1 / Float(channels).squareRoot()
        weight = try layers.parameter("\(name).weight", [outputs, channels], .uniform(bound))
        bias = try layers.parameter("\(name).bias", [outputs], .constant(0))
    }

    private init(weight: Tensor, bias: Tensor) {
        self.weight = weight
        self.bias = bias
    }

    func apply(_ features: Tensor) throws -> Tensor { try features.linear(weight, bias: bias) }

    /// A copy that is not learnt.
    func detached() throws -> LinearHead {
        LinearHead(weight: try weight.detached().clone(), bias: try bias.detached().clone())
    }

    /// The logits over a last map.
    ///
    /// - Throws: ``Core/Failure`` where there is no head.
    static func logits(_ head: LinearHead?, of map: Tensor) throws -> Tensor {
        try required(head).apply(map.globalAverage().to(type: .float32))
    }

    /// A head, or why there are no logits.
    static func required(_ head: LinearHead?) throws -> LinearHead {
        guard let head else {
            throw Failure("backbone", "has no head, and so no logits", "ask for its features")
        }
        return head
    }
}

extension Backbone {
    /// Learnt tensors by name, in the order of the network.
    public var parameters: [(name: String, tensor: Tensor)] { layers.parameters }
    /// Running moments of the batch normalisations by name.
    public var buffers: [(name: String, tensor: Tensor)] { layers.buffers }
    /// Number of learnt values.
    public var parameterCount: Int { parameters.reduce(0) { $0 + $1.tensor.count } }

    /// Sets the head's bias, such as to the logits of the outputs' frequencies.
    public func setBias(_ values: [Float]) throws {
        let bias = parameters.first { $0.name == "\(head).bias" }
        try bias?.tensor.assign(Tensor(values, shape: [outputs], device: layers.device))
    }

    /// Takes over tensors by name.
    ///
    /// - Parameters:
    ///   - state: Tensors by name.
    ///   - source: Where they come from, for messages.
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
                    "use a file for \(name) with \(outputs) outputs")
            }
            try tensor.assign(Tensor(try data.floats(), shape: data.shape, device: layers.device))
        }
    }
}
