import Core
import Foundation
import Tensors
import Weights

/// What checkpoints of every training have in common: texts of settings and positions, and the optimiser's state.
package enum TrainingState {
    /// A value as the text of a checkpoint's metadata; equal values give equal texts.
    ///
    /// - Throws: When it can't be written as JSON.
    package static func encode(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// Reads what ``encode(_:)`` writes.
    package static var decoder: JSONDecoder {
        let result = JSONDecoder()
        result.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return result
    }

    /// The value of a text of a checkpoint's metadata.
    ///
    /// - Throws: ``Core/Failure`` naming the file when there is no text, or one of something else.
    package static func decode<Value: Decodable>(
        _ type: Value.Type, _ text: String?, _ path: String
    ) throws -> Value {
        do {
            return try decoder.decode(type, from: Data((text ?? "").utf8))
        } catch {
            throw Failure(path, "has damaged metadata", "make it anew")
        }
    }

    /// The tensors of a checkpoint: `model.…`, `average.…` and the optimiser's.
    ///
    /// - Parameters:
    ///   - model: The network's, by their names.
    ///   - average: Those of its running average.
    ///   - optimiser: What moves the network.
    /// - Returns: All of them under the checkpoint's names.
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    package static func tensors(
        model: [String: TensorData], average: [String: TensorData], optimiser: Optimiser
    ) throws -> [String: TensorData] {
        var result = try optimiser.saved()
        for (name, data) in model { result["model.\(name)"] = data }
        for (name, data) in average { result["average.\(name)"] = data }
        return result
    }

    /// The tensors of a file whose names begin with a prefix, by the rest of their names.
    package static func part(_ prefix: String, of file: SafetensorsFile) -> [String: TensorData] {
        var result: [String: TensorData] = [:]
        for (name, data) in file.tensors where name.hasPrefix(prefix) {
            result[String(name.dropFirst(prefix.count))] = data
        }
        return result
    }
}

extension Optimiser {
    /// The state as tensors of a checkpoint, `optimiser.0` and on.
    ///
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    package func saved() throws -> [String: TensorData] {
        var tensors: [String: TensorData] = [:]
        for (index, moment) in state.enumerated() {
            tensors["optimiser.\(index)"] = TensorData(try moment.contiguous().floats(), shape: moment.shape)
        }
        return tensors
    }

    /// Takes over the state of a checkpoint.
    ///
    /// - Parameters:
    ///   - file: The checkpoint.
    ///   - path: Its name in messages.
    ///   - device: Where the optimiser's parameters are.
    /// - Throws: ``Core/Failure`` naming the file when a tensor is missing or of another shape.
    package func restore(_ file: SafetensorsFile, path: String, device: Device) throws {
        for (index, moment) in state.enumerated() {
            guard let data = file.tensors["optimiser.\(index)"], data.shape == moment.shape else {
                throw Failure(path, "lacks the optimiser's state", "begin the run anew")
            }
            try moment.assign(Tensor(try data.floats(), shape: data.shape, device: device))
        }
    }
}
