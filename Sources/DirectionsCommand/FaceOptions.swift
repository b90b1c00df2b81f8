import ArgumentParser
import Core
import Directions
import Foundation

/// Which faces: seeds, latents of the database, or codes from a file.
///
/// Shared by `synth` and `edit`.
struct FaceOptions: ParsableArguments {
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

    /// The faces that were asked for.
    ///
    /// - Throws: `Failure` (usage) unless exactly one source is named, or for a list that is none.
    var source: FaceSource {
        get throws {
            guard [seed, latent, code].compactMap({ $0 }).count == 1 else {
                throw Failure(
                    "--seed, --latent, --code", "name the faces; give one of them", "for example --seed 1-16",
                    kind: .usage)
            }
            if let seed { return .seeds(try Numbers.list(seed, flag: "--seed"), psi: psi) }
            if let latent {
                return .latents(try Numbers.list(latent, flag: "--latent").map { Int64(clamping: $0) })
            }
            return .codes(code ?? "")
        }
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
