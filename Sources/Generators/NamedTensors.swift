import Core
import Weights

/// Arrays of a file by name, with shapes checked on the way out.
struct NamedTensors {
    let tensors: [String: StoredTensor]
    let name: String
    /// Called when something large was read, to give its place in memory back.
    var release: @Sendable () -> Void = {}

    func has(_ key: String) -> Bool { tensors[key] != nil }

    func tensor(_ key: String, rank: Int? = nil) throws -> StoredTensor {
        guard let tensor = tensors[key] else {
            throw Failure(name, "has no \(key)", "it is not a StyleGAN2 generator, or the file is incomplete")
        }
        if let rank, tensor.shape.count != rank {
            throw Failure(name, "has \(key) of shape \(tensor.shape)", "it is not a StyleGAN2 generator")
        }
        return tensor
    }

    /// The values of an array.
    func read(_ tensor: StoredTensor) throws -> [Float] {
        let values = try tensor.floats()
        if values.count >= 1 << 16 { release() }
        return values
    }

    /// The numbers that stand in a place of some names, such as 0, 1, 2 for `convs.` and `.conv.weight`.
    func numbers(_ prefix: String) -> [Int] {
        let found = tensors.keys.compactMap { key -> Int? in
            guard key.hasPrefix(prefix) else { return nil }
            return Int(key.dropFirst(prefix.count).prefix { $0.isNumber })
        }
        return Set(found).sorted()
    }

    /// Says that something is missing when not all of `names` are there though some of their kind are.
    func require(_ names: [String]) throws {
        for name in names where !has(name) { _ = try tensor(name) }
    }

    /// The same values for red, green and blue where there is one channel of grey.
    ///
    /// - Parameters:
    ///   - values: [channels, …] of an image's convolution, or its bias.
    ///   - channels: How many channels the values have.
    /// - Returns: Values of three channels.
    /// - Throws: ``Failure`` for a number of channels that is neither one nor three.
    func colours(_ values: [Float], channels: Int) throws -> [Float] {
        switch channels {
        case 3: return values
        case 1: return values + values + values
        default:
            throw Failure(
                name, "makes images of \(channels) channels", "this program needs red, green and blue, or grey alone")
        }
    }

    /// Values times a scale.
    func floats(_ key: String, scale: Float = 1, plus offset: Float = 0) throws -> [Float] {
        let values = try read(tensor(key))
        return scale == 1 && offset == 0 ? values : Vectors.scaled(values, by: scale, plus: offset)
    }

    /// A matrix with each value times `gain` over the root of its inputs: the equalised learning rate.
    func matrix(_ key: String, gain: Float = 1, isTransposed: Bool = false) throws -> (values: [Float], inputs: Int) {
        let tensor = try tensor(key, rank: 2)
        let inputs = tensor.shape[isTransposed ? 0 : 1]
        guard inputs > 0 else { throw Failure(name, "has an empty \(key)", "get the file again") }
        let scale = gain / Float(inputs).squareRoot()
        let values = Vectors.scaled(try read(tensor), by: scale)
        guard isTransposed else { return (values, inputs) }
        let outputs = tensor.shape[1]
        return (Elements.gathered(values, shape: [outputs, inputs], strides: [1, outputs]), inputs)
    }
}
