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
    ///   - generator: Whose codes they must be; a notice tells where they lie far from its W.
    ///   - towardMean: What is left of their distance from the mean of W.
    /// - Returns: The codes, and what each is called.
    /// - Throws: ``Core/Failure`` as ``Latents/CodeFile/read(_:key:space:for:)``.
    func codes(
        of path: String, key: String?, space: CodeFile.Space?, for generator: Generator, towardMean: Float = 1
    ) throws -> (codes: LatentCodes, labels: [String]) {
        let identity = generator.identity
        let file = try CodeFile.read(
            path, key: key, space: space,
            for: .init(size: identity.latentSize, rows: [identity.layers, identity.styleGAN2Layers]))
        let name = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
        // A number alone is the code's place in the file.
        let labels = file.names.map { $0.isEmpty ? name : Int($0) != nil ? "\(name) \($0)" : $0 }
        return (try checked(file.codes(), name: path, for: generator, towardMean: towardMean), labels)
    }
}
