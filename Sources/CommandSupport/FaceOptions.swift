import ArgumentParser
import Core
import Directions
import Foundation

/// Which faces: seeds, latents of the database, or codes from a file.
///
/// Shared by `synth` and `edit`.
package struct FaceOptions: ParsableArguments {
    package init() {}

    @Option(
        help: ArgumentHelp(
            "Seeds, such as 7, 1-16 or 1,5,9: latent 0 of each, as `sample --seed` draws it.", valueName: "seeds"))
    package var seed: String?

    @Option(help: ArgumentHelp("Latents of the database by id, such as 17,40 or 100-120.", valueName: "ids"))
    package var latent: String?

    @Option(
        help: ArgumentHelp(
            "W or W+ codes from a file of an encoder or projector (.npy, .npz, .pt, .safetensors): [n,512], [n,18,512] or one of them.",
            valueName: "file"))
    package var code: String?

    @OptionGroup package var inside: CodeOptions
    @OptionGroup package var photographs: PhotographOptions

    @Option(help: "The generator's name in the workspace.") package var generator = "default"
    @Option(help: "Truncation psi, for seeds: w = mean + psi (w - mean).") package var psi: Float = 1

    /// The faces that were asked for.
    ///
    /// - Throws: `Failure` (usage) unless exactly one source is named, or for a list that is none.
    package var source: FaceSource {
        get throws {
            let photograph = photographs.photo.isEmpty ? nil : photographs.photo[0]
            guard [seed, latent, code, photograph].compactMap({ $0 }).count == 1 else {
                throw Failure(
                    "--seed, --latent, --code, --photo", "name the faces; give one of them", "for example --seed 1-16",
                    kind: .usage)
            }
            if photograph != nil { return .photographs(photographs.source) }
            if let seed { return .seeds(try Numbers.list(seed, subject: "--seed"), psi: psi) }
            if let latent {
                return .latents(try Numbers.list(latent, subject: "--latent").map { Int64(clamping: $0) })
            }
            return .codes(code ?? "", key: inside.key, space: inside.codeSpace)
        }
    }
}

/// Which codes of a file; the verbs that take --code take these too.
package struct CodeOptions: ParsableArguments {
    package init() {}

    @Option(help: "Which code, where the file of --code holds several: its name there.") package var key: String?

    @Option(
        help: "What [n,512] in the file of --code is: w (n faces) or w+ (one face). Asked for where both are possible.")
    package var codeSpace: CodeFile.Space?

    @Option(help: "Pull codes in: w = mean + t (w - mean); 0.5 makes faces of most codes that lie far from W.")
    package var towardMean: Float = 1
}
