import ColourEvaluation
import ColourNetworks
import Colourisation
import Core
import Generators
import Images
import Inversion
import Latents

/// Where faces' colours come from.
public enum ColourSource: String, Sendable, Codable, CaseIterable {
    /// From the network that tells colours of grey faces.
    case network
    /// From the generator's face of each face.
    case generator
    /// The mean of both.
    case both
}

/// What gives grey faces their colours.
struct FaceColouring: ColourMethod {
    let name = "colorize"
    let title: String
    /// Where colours come from.
    let source: ColourSource
    private let network: FaceColours?
    private let generator: GeneratorColours?
    /// How colours are made to follow the photograph's edges.
    let cleaning: ChromaCleaning

    /// - Parameters:
    ///   - network: Tells colours of grey faces; needed for ``ColourSource/network`` and ``ColourSource/both``.
    ///   - generator: Needed for ``ColourSource/generator`` and ``ColourSource/both``.
    ///   - source: Where colours come from.
    ///   - title: What it is called for people.
    init(network: FaceColours?, generator: GeneratorColours?, source: ColourSource, title: String = "colorize") {
        precondition((source == .generator || network != nil) && (source == .network || generator != nil))
        self.network = network
        self.generator = generator
        self.source = source
        self.title = title
        // The network's colours lie where the photograph's faces do; the generator's may lie a few pixels beside.
        cleaning = ChromaCleaning(radius: source == .generator ? 0.02 : 0.012)
    }

    /// The colours of some faces, of low resolution.
    ///
    /// - Parameters:
    ///   - faces: Aligned, grey.
    ///   - codes: Their codes, where they are known; else the generator's encoder is asked.
    /// - Returns: For each face.
    /// - Throws: ``Core/Failure`` when they can't be computed.
    func chroma(of faces: ImageBatch, codes: LatentCodes? = nil) throws -> [Chroma] {
        let own = source == .generator ? nil : try network?.chroma(of: faces)
        guard source != .network, let generator else { return own ?? [] }
        let codes = try codes ?? generator.encoder.codes(of: faces)
        let made = try generator.faces(codes, of: faces, side: faces.side)
        let shown = (0..<faces.count).map { Chroma(of: made, index: $0) }
        guard let own else { return shown }
        let half = Plane(filledWith: 0.5, width: faces.side, height: faces.side)
        return zip(own, shown).map { $0.resized(width: faces.side, height: faces.side).mixed(with: $1, share: half) }
    }

    func coloured(_ grey: ImageBatch, truth: ImageBatch) throws -> ImageBatch {
        let pictures = zip(grey.images, try chroma(of: grey)).map { image, chroma in
            let plane = FilmStock.panchromatic.grey(of: image)
            return plane.coloured(by: cleaning.cleaned(chroma, guide: plane))
        }
        return ImageBatch(pictures, side: grey.side)
    }
}
