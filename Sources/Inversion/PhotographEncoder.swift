import Core
import Images
import Latents

/// A network that gives codes of photographs at once, as pSp and its kin do.
public protocol PhotographEncoder: Sendable {
    /// The codes of some photographs.
    ///
    /// - Parameter photographs: Aligned faces in FFHQ's frame, RGB in [-1, 1], of any size.
    /// - Returns: A code for each, of W or W+, in StyleGAN2's rows or the generator's own.
    /// - Throws: ``Core/Failure`` when they can't be computed with.
    func codes(of photographs: ImageBatch) throws -> LatentCodes
}

extension Inverter {
    /// What an encoder makes of some photographs, without a search.
    ///
    /// - Parameters:
    ///   - photographs: Aligned faces in FFHQ's frame, RGB in [-1, 1].
    ///   - encoder: Gives their codes.
    ///   - faces: What the codes' faces are, where they are more than the generator alone makes; nil for these.
    /// - Returns: A result of no steps for each, in their order.
    /// - Throws: ``Core/Failure`` of the encoder, or for codes that do not fit the generator.
    public func encode(
        _ photographs: ImageBatch, by encoder: any PhotographEncoder, faces: ((LatentCodes) throws -> ImageBatch)? = nil
    ) throws -> [Inversion] {
        let clock = ContinuousClock()
        let began = clock.now
        let codes = try encoder.codes(of: photographs)
        let shown = try faces?(codes)
        let took = (clock.now - began) / max(1, photographs.count)
        let seconds = Double(took.components.seconds) + Double(took.components.attoseconds) * 1e-18
        return try measured(codes, photographs, steps: 0, seconds: seconds, faces: shown)
    }
}
