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
    /// From both, the surroundings a little stronger.
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
        cleaning = ChromaCleaning(radius: source == .generator ? 0.02 : 0.012, shadow: 60)
    }

    /// The colours of some faces, of low resolution.
    ///
    /// - Parameters:
    ///   - faces: Aligned, grey.
    ///   - codes: Their codes, where they are known; else the generator's encoder is asked.
    ///   - told: The colours that each is told; empty where they are told none.
    /// - Returns: For each face.
    /// - Throws: ``Core/Failure`` when they can't be computed.
    func chroma(of faces: ImageBatch, codes: LatentCodes? = nil, told: [WantedColours] = []) throws -> [Chroma] {
        let shares = try source == .generator ? nil : network?.shares(of: faces)
        let plain = try chroma(of: faces, shares, codes: codes)
        if told.isEmpty { return plain }
        let pictures = faces.images
        return try plain.indices.map { index in
            try told[index].moved(plain[index], of: pictures[index], by: shares?[index])
        }
    }

    private func chroma(of faces: ImageBatch, _ shares: [ColourShares]?, codes: LatentCodes?) throws -> [Chroma] {
        var result = shares?.map(\.chroma) ?? []
        if source != .network, let generator {
            let codes = try codes ?? generator.encoder.codes(of: faces)
            let made = try generator.faces(codes, of: faces, side: faces.side)
            let shown = (0..<faces.count).map { Chroma(of: made, index: $0) }
            let share = Plane(filledWith: FaceColouring.share, width: faces.side, height: faces.side)
            result =
                result.isEmpty
                ? shown
                : zip(result, shown).map {
                    $0.resized(width: faces.side, height: faces.side).mixed(with: $1, share: share)
                }
        }
        if source != .both { return result }
        let tone = FaceColouring.vividness
        return result.map { $0.toned(face: tone.face, around: tone.around) }
    }

    /// The share of the generator's colours where both count.
    private static let share: Float = 0.4
    /// What the mean of both is made stronger by: a mean of guesses is paler than any of them, and what lies around a face is
    /// guessed more than the face.
    private static let vividness: (face: Float, around: Float) = (1.02, 1.6)

    func coloured(_ grey: ImageBatch, truth: ImageBatch) throws -> ImageBatch { try coloured(grey, told: []) }

    /// Faces in colours, under their own luminance.
    ///
    /// - Parameters:
    ///   - grey: Aligned, grey.
    ///   - told: The colours that each is told; empty where they are told none.
    /// - Returns: As many pictures.
    /// - Throws: ``Core/Failure`` when they can't be computed.
    func coloured(_ grey: ImageBatch, told: [WantedColours]) throws -> ImageBatch {
        let pictures = zip(grey.images, try chroma(of: grey, told: told)).map { image, chroma in
            let plane = FilmStock.panchromatic.grey(of: image)
            return plane.coloured(by: cleaning.cleaned(chroma, guide: plane))
        }
        return ImageBatch(pictures, side: grey.side)
    }
}
