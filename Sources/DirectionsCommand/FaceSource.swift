import ArgumentParser
import Core
import Foundation
import Generators
import LatentStore
import Latents
import Weights

/// Which faces: seeds, latents of the database, or codes from a file.
///
/// Shared by `synth` and `edit`.
struct FaceSource: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Seeds, such as 7, 1-16 or 1,5,9: latent 0 of each, as `sample --seed` draws it.", valueName: "seeds"))
    var seed: String?

    @Option(help: ArgumentHelp("Latents of the database by id, such as 17,40 or 100-120.", valueName: "ids"))
    var latent: String?

    @Option(
        help: ArgumentHelp(
            "W or W+ codes from a .npy or .pt file: [n,512], [n,18,512] or one of them.", valueName: "file"))
    var code: String?

    @Option(help: "The generator's name in the workspace.")
    var generator = "default"

    @Option(help: "Truncation psi, for seeds: w = mean + psi (w - mean).")
    var psi: Float = 1

    /// The codes with a label each.
    ///
    /// - Throws: `Failure` (usage) unless exactly one source is named; naming what can't be read.
    func load(_ generator: Generator, workspace: Workspace) throws -> (codes: LatentCodes, labels: [String]) {
        let given = [seed, latent, code].compactMap { $0 }
        guard given.count == 1 else {
            throw Failure(
                "--seed, --latent, --code", "name the faces; give one of them", "for example --seed 1-16", kind: .usage
            )
        }
        guard psi.isFinite else { throw Failure("--psi", "must be a finite number", "for example 0.7", kind: .usage) }
        let size = generator.identity.latentSize
        if let seed {
            let seeds = try Numbers.list(seed, flag: "--seed")
            let values = try seeds.flatMap { try generator.latents(seed: $0, indices: 0..<1, psi: psi) }
            return (try LatentCodes(values, size: size), seeds.map { "seed \($0)" })
        }
        if let latent {
            let ids = try Numbers.list(latent, flag: "--latent").map { Int64(clamping: $0) }
            let store = try LatentStore.openReadOnly(workspace.database)
            return (try LatentCodes(store.latents(ids: ids), size: size), ids.map { "latent \($0)" })
        }
        return try FaceSource.codes(of: code ?? "", for: generator)
    }

    /// The W or W+ codes of a file, with a label each.
    ///
    /// - Throws: `Failure` naming the file when it holds none of that generator's size.
    static func codes(of path: String, for generator: Generator) throws -> (codes: LatentCodes, labels: [String]) {
        let codes = try readCodes(
            path, size: generator.identity.latentSize, layers: generator.identity.styleGAN2Layers)
        let name = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
        return (codes, (0..<codes.count).map { codes.count == 1 ? name : "\(name) \($0)" })
    }

    /// The one tensor of a `.pt` file.
    private static func torchTensor(_ path: String) throws -> TensorData {
        guard let tensor = try TorchFile.read(path).tensor else {
            throw Failure(path, "does not hold one tensor", "save the codes alone with torch.save")
        }
        return tensor
    }

    private static func readCodes(_ path: String, size: Int, layers: Int) throws -> LatentCodes {
        let tensor = try path.hasSuffix(".pt") || path.hasSuffix(".pth") ? torchTensor(path) : NumpyFile.read(path)
        let shape = tensor.shape
        guard shape.last == size, shape.count <= 3 else {
            throw Failure(path, "has the shape \(shape)", "codes are [\(size)], [n, \(size)] or [n, rows, \(size)]")
        }
        // [18, 512] is one W+ code of an encoder, not 18 W codes, when its rows are the generator's.
        let isSingleWPlus = shape.count == 2 && shape[0] == layers
        let rows = shape.count == 3 ? shape[1] : isSingleWPlus ? shape[0] : 1
        return try LatentCodes(tensor.floats(), rows: rows, size: size)
    }
}

/// Lists of whole numbers on the command line.
enum Numbers {
    /// The most numbers one list may stand for.
    static let maximum = 100_000

    /// Numbers of `3`, `1-16` or `1,5,9-12`.
    ///
    /// - Throws: `Failure` (usage) naming the flag.
    static func list(_ text: String, flag: String) throws -> [UInt64] {
        let failure = Failure(
            "\(flag) \(text)", "is not a list of whole numbers", "write it as 7, 1-16 or 1,5,9", kind: .usage)
        var result: [UInt64] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map {
                UInt64($0.trimmingCharacters(in: .whitespaces))
            }
            guard let first = ends[0], ends.count <= 2, let last = ends[ends.count - 1], first <= last,
                last - first < UInt64(maximum - result.count)
            else { throw failure }
            result += Array(first...last)
        }
        return result
    }

    /// Real numbers of `0,1,2.5`.
    ///
    /// - Throws: `Failure` (usage) naming the flag.
    static func reals(_ text: String, flag: String) throws -> [Float] {
        try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
            guard let value = Float(part.trimmingCharacters(in: .whitespaces)), value.isFinite else {
                throw Failure("\(flag) \(text)", "is not a list of numbers", "write it as 0,1,2.5", kind: .usage)
            }
            return value
        }
    }
}
