import Core
import Generators
import Inversion
import Latents

extension Session {
    /// Codes that come from elsewhere, pulled towards the mean; a notice tells where they still lie far from W.
    ///
    /// - Parameters:
    ///   - codes: W or W+ of the generator.
    ///   - name: What they are called in the notice.
    ///   - generator: Makes faces of them.
    ///   - share: What is left of their distance from the mean of W: w = mean + share · (w − mean).
    /// - Returns: The codes to use.
    /// - Throws: ``Core/Failure`` when W can't be measured.
    func checked(
        _ codes: LatentCodes, name: String, for generator: Generator, towardMean share: Float
    ) throws -> LatentCodes {
        var result = codes
        generator.truncate(&result.values, psi: share)
        if let warning = try CodeDistance.warning(of: result, name: name, for: generator) {
            context.notice(warning)
        }
        return result
    }

    /// Checks a share of the distance from the mean of W.
    ///
    /// - Throws: ``Core/Failure`` (usage) unless it is 0 to 1.
    static func checkTowardMean(_ share: Float) throws {
        guard 0...1 ~= share else {
            throw Failure("toward mean \(share)", "must be 0 to 1", "for example 0.5; 1 changes nothing", kind: .usage)
        }
    }
}
