import Core
import Foundation
import Generators
import Latents
import Weights

extension Session {
    /// The W or W+ codes of a .npy or .pt file, with a label each.
    ///
    /// - Throws: ``Core/Failure`` naming the file when it holds none of that generator's size.
    func codes(of path: String, for generator: Generator) throws -> (codes: LatentCodes, labels: [String]) {
        let (size, layers) = (generator.identity.latentSize, generator.identity.styleGAN2Layers)
        let tensor = try path.hasSuffix(".pt") || path.hasSuffix(".pth") ? torchTensor(path) : NumpyFile.read(path)
        let shape = tensor.shape
        guard shape.last == size, shape.count <= 3 else {
            throw Failure(path, "has the shape \(shape)", "codes are [\(size)], [n, \(size)] or [n, rows, \(size)]")
        }
        // [18, 512] is one W+ code of an encoder, not 18 W codes, when its rows are the generator's.
        let isSingleWPlus = shape.count == 2 && shape[0] == layers
        let rows = shape.count == 3 ? shape[1] : isSingleWPlus ? shape[0] : 1
        let codes = try LatentCodes(tensor.floats(), rows: rows, size: size)
        let name = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
        return (codes, (0..<codes.count).map { codes.count == 1 ? name : "\(name) \($0)" })
    }

    /// The one tensor of a `.pt` file.
    private func torchTensor(_ path: String) throws -> TensorData {
        guard let tensor = try TorchFile.read(path).tensor else {
            throw Failure(path, "does not hold one tensor", "save the codes alone with torch.save")
        }
        return tensor
    }
}
