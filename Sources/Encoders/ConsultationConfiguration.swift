import Core
import Images

/// The shape of a consultation: what its file has to say to make it again.
public struct ConsultationConfiguration: Sendable, Codable, Equatable {
    /// What a photograph has and its reconstruction lacks.
    public enum Residual: String, Sendable, Codable, CaseIterable {
        /// Photograph less reconstruction, of colour photographs (Wang and others, "High-Fidelity GAN Inversion", 2022).
        case colour
        /// Grey photograph less the reconstruction in colour, as Güzelant and others have it; it asks for a picture without colours.
        case grey
        /// Luma of the grey photograph less luma of the reconstruction, in all three channels; chroma is left to the generator.
        case luminance

        /// Whether the encoder sees the photograph without its colours.
        public var isGrey: Bool { self != .colour }

        /// The residual of some photographs.
        ///
        /// - Parameters:
        ///   - photographs: RGB in [-1, 1]; for grey residuals their colours are not looked at.
        ///   - reconstructions: As many pictures of the same size.
        /// - Returns: Three planes each, about [-2, 2].
        public func distortion(_ photographs: ImageBatch, _ reconstructions: ImageBatch) -> ImageBatch {
            precondition(
                photographs.count == reconstructions.count && photographs.side == reconstructions.side,
                "a residual is of pictures of one size")
            let from = isGrey ? photographs.grey() : photographs
            let less = self == .luminance ? reconstructions.grey() : reconstructions
            return from - less
        }
    }

    /// What it was trained on, in turn.
    public var residuals: [Residual]
    /// Channels of the features that are changed.
    public var channels: Int
    /// Pixels along a side of these features.
    public var side = 64
    /// What features are on the whole, so that the network's answers are of the size of 1.
    public var deviation: Float
    /// Pixels along a side of the residual.
    public var size = 256
    /// Channels of the consultation encoder.
    public var width = 96
    /// Channels before scale and shift.
    public var hidden = 192
    /// Channels of the alignment's finest map.
    public var alignmentWidth = 24

    /// - Parameters:
    ///   - residuals: What it is trained on, in turn.
    ///   - channels: Channels of the features that are changed.
    ///   - deviation: What features are on the whole.
    public init(_ residuals: [Residual], channels: Int, deviation: Float) {
        self.residuals = residuals
        self.channels = channels
        self.deviation = deviation
    }

    /// The residual that fits a photograph; nil where it was trained on none such.
    ///
    /// - Parameter isGrey: Whether the photograph has no colours.
    /// - Returns: Of a grey photograph luminance before grey.
    public func residual(isGrey: Bool) -> Residual? {
        let wanted: [Residual] = isGrey ? [.luminance, .grey] : [.colour]
        return wanted.first { residuals.contains($0) }
    }

    /// Checks every number.
    ///
    /// - Throws: ``Core/Failure`` when one is out of range: a damaged or hostile file.
    public func validate() throws {
        let fine =
            1...3 ~= residuals.count && Set(residuals).count == residuals.count && 1...4096 ~= channels
            && 8...512 ~= side && size == 4 * side && 8...1024 ~= width && 8...4096 ~= hidden
            && 8...256 ~= alignmentWidth && deviation.isFinite && deviation > 0
        if !fine {
            throw Failure(
                "consultation",
                "has numbers out of range (features \(channels) x \(side), residuals \(residuals.count))",
                "use a file that `directions train-consultation` made")
        }
    }
}
