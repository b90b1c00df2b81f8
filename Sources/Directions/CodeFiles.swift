import Core
import Foundation
import Generators
import Latents

extension Session {
    /// The W or W+ codes of a file, with a label each.
    ///
    /// - Parameters:
    ///   - path: A file of any form that ``Latents/CodeFile`` knows.
    ///   - key: Which code, where several are inside.
    ///   - space: What an array of two dimensions is.
    ///   - generator: Whose codes they must be.
    /// - Returns: The codes, and what each is called.
    /// - Throws: ``Core/Failure`` as ``Latents/CodeFile/read(_:key:space:for:)``.
    func codes(
        of path: String, key: String?, space: CodeFile.Space?, for generator: Generator
    ) throws -> (codes: LatentCodes, labels: [String]) {
        let identity = generator.identity
        let file = try CodeFile.read(
            path, key: key, space: space,
            for: .init(size: identity.latentSize, rows: [identity.layers, identity.styleGAN2Layers]))
        let name = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
        let labels = file.names.enumerated().map { index, inside in
            !inside.isEmpty ? inside : file.count == 1 ? name : "\(name) \(index)"
        }
        return (try file.codes(), labels)
    }
}
