import Core
import Encoders
import Foundation
import Generators
import Weights

/// Encoders that come with generators in one checkpoint: pSp's, e4e's and HFGI's.
extension Session {
    /// What a generator's file holds beside the generator; a notice says what can't be used of it.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - name: The generator's name.
    /// - Returns: The encoder; nil where there is none of use.
    /// - Throws: ``Core/Failure`` naming the file, when its encoder is damaged.
    func encoder(in path: String, name: String) throws -> PublishedCheckpoint? {
        switch try PublishedCheckpoint.read(path) {
        case .none: return nil
        case .encoder(let found): return found
        case .unusable(let reason):
            context.notice("import: the encoder in \(path) \(reason): generator \(name) is imported without it")
            return nil
        }
    }

    /// Writes the encoder of a checkpoint beside its generator: `models/NAME.encoder.safetensors`.
    ///
    /// - Parameters:
    ///   - found: The encoder.
    ///   - identity: The generator, which is imported already.
    ///   - isReplacing: Whether another encoder of that name is replaced.
    /// - Throws: ``Core/Failure``: it does not fit the generator (conflict), or can't be written.
    func importEncoder(_ found: PublishedCheckpoint, of identity: GeneratorIdentity, isReplacing: Bool) throws {
        let path = workspace.encoder(identity.name)
        if FileManager.default.fileExists(atPath: path) {
            let known = try? PublishedEncoder.card(path)
            if known?.generator == identity.sha256, known?.sourceSHA256 == identity.sourceSHA256 { return }
            guard isReplacing || known != nil else {
                context.notice(
                    "import: \(path) is an encoder that was trained here, and stays; replace it, [replace], to have the "
                        + "checkpoint's")
                return
            }
        }
        try found.write(to: path, name: identity.name, generator: identity)
        context.notice("encoder \(identity.name): \(found.kind) of the same file, in \(path)")
    }
}
