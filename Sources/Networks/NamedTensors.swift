import Core
import Tensors
import Weights

/// A network whose tensors have names: what files keep, and what running averages follow.
public protocol NamedTensors: AnyObject {
    /// Learnt tensors by name, in the order of the network.
    var parameters: [(name: String, tensor: Tensor)] { get }
    /// Running moments by name.
    var buffers: [(name: String, tensor: Tensor)] { get }
}

extension NamedTensors {
    /// None, where a network has no moments.
    public var buffers: [(name: String, tensor: Tensor)] { [] }

    /// All tensors by name, as a file keeps them.
    ///
    /// - Returns: float32.
    /// - Throws: ``Core/Failure`` when memory runs out.
    public func state() throws -> [String: TensorData] {
        var result: [String: TensorData] = [:]
        for (name, tensor) in parameters + buffers {
            result[name] = TensorData(try tensor.detached().contiguous().floats(), shape: tensor.shape)
        }
        return result
    }

    /// Moves the weights towards those of another network of the same shape.
    ///
    /// - Parameters:
    ///   - other: Where to.
    ///   - keep: The share that stays.
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    public func follow(_ other: some NamedTensors, keep: Double) throws {
        for (target, source) in zip(parameters + buffers, other.parameters + other.buffers) {
            try target.tensor.blend(source.tensor, keep: keep, take: 1 - keep)
        }
    }
}

/// A network that this program trains and keeps in files of its own.
public protocol TrainedNetwork: NamedTensors {
    /// The verb that makes its files, such as `train-encoder`.
    static var trainer: String { get }
    /// Where it computes.
    var device: Device { get }
}

extension TrainedNetwork {
    /// Takes over all tensors by name.
    ///
    /// - Parameters:
    ///   - state: Tensors as ``NamedTensors/state()`` gives them.
    ///   - source: Where they come from, for messages.
    /// - Throws: ``Core/Failure`` naming `source` and the first tensor that is missing or of another shape.
    public func load(_ state: [String: TensorData], from source: String) throws {
        for (name, tensor) in parameters + buffers {
            guard let data = state[name], data.shape == tensor.shape else {
                throw Failure(
                    source, "has no tensor \(name) of shape \(tensor.shape)",
                    "use a file that `directions \(Self.trainer)` made")
            }
            try tensor.assign(Tensor(try data.floats(), shape: data.shape, device: device))
        }
    }
}
