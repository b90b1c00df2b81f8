import Core
import Tensors
import Weights

/// A synthesis on libtorch whose convolutions can be exchanged, gradients and all: what a generator's tuning needs.
public protocol TunableSynthesizer: DifferentiableSynthesizer {
    /// The weights of convolutions, under the names and in the shapes of the model's file.
    ///
    /// Those that make scales of styles are not among them, so that codes go on meaning what they meant.
    var convolutionWeights: [String: Tensor] { get throws }
    /// The same network with other weights in some places.
    ///
    /// - Parameter weights: By their names, in the shapes of ``convolutionWeights``.
    /// - Returns: The network, which keeps the weights' gradient history.
    /// - Throws: ``Failure`` naming a weight that there is not.
    func replacing(_ weights: [String: Tensor]) throws -> Self
}

extension Generator {
    /// The generator with differences added to some of its weights.
    ///
    /// - Parameters:
    ///   - differences: By the names of the model's file, in the weights' shapes.
    ///   - name: Where they come from, for messages.
    /// - Returns: The generator; its identity is that of the one without differences.
    /// - Throws: ``Failure`` naming a difference that fits none of the weights.
    public func adding(_ differences: [String: TensorData], name: String) throws -> Generator {
        var tensors = network.tensors
        for (key, difference) in differences {
            guard let weight = tensors[key], weight.shape == difference.shape else {
                throw Failure(
                    name, "has \(key) of shape \(difference.shape), which generator \(identity.name) has not",
                    "tune this generator anew", kind: .conflict)
            }
            let sum = Vectors.added(try weight.floats(), try difference.floats())
            tensors[key] = TensorData(sum, shape: weight.shape)
        }
        let changed = try type(of: network).init(SafetensorsFile(tensors: tensors, metadata: [:]), name: name)
        return Generator(self, network: changed)
    }
}
