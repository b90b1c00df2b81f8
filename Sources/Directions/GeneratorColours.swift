import ColourEvaluation
import Colourisation
import Core
import Encoders
import Generators
import Images
import Inversion
import Latents

/// The colours that a generator gives to grey photographs: those of the faces of their codes.
///
/// Whatever finds codes can be asked: an encoder, or a search by the generator's gradients that compares greys alone.
struct GeneratorColours: ColourMethod {
    let name: String
    let title: String
    /// Gives the codes of grey photographs.
    let encoder: any PhotographEncoder
    /// Whose faces they are.
    let generator: Generator
    /// Gives the faces the photographs' details; nil leaves them as the generator makes them.
    let consultation: FaceConsultation?
    private let synthesizer: any Synthesizer

    init(
        _ name: String, title: String, encoder: any PhotographEncoder, generator: Generator,
        consultation: FaceConsultation? = nil
    ) throws {
        self.name = name
        self.title = title
        self.encoder = encoder
        self.generator = generator
        self.consultation = consultation
        synthesizer = try generator.synthesizer()
    }

    func coloured(_ grey: ImageBatch, truth: ImageBatch) throws -> ImageBatch {
        try faces(encoder.codes(of: grey), of: grey, side: grey.side)
    }

    /// The faces of some grey photographs' codes.
    ///
    /// - Parameters:
    ///   - codes: The codes.
    ///   - photographs: Whose they are, grey.
    ///   - edited: Edits of them, whose faces are wanted; nil for the codes' own.
    ///   - side: Pixels along a side.
    /// - Returns: RGB, about [-1, 1].
    /// - Throws: ``Core/Failure`` when they can't be computed.
    func faces(
        _ codes: LatentCodes, of photographs: ImageBatch, edited: LatentCodes? = nil, side: Int
    ) throws -> ImageBatch {
        let size = synthesizer.sizes.smallest(covering: side)
        guard let consultation else {
            return try synthesizer.synthesize(edited ?? codes, size: size, noise: .none).resized(to: side)
        }
        let consulted = try consultation.faces(of: codes, photographs: photographs, isGrey: true)
        return try consulted.faces(edited ?? codes, size: size).resized(to: side)
    }
}

/// Codes of grey photographs by a search that sees greys alone, so that colours are the generator's own: the likeliest ones of
/// such a face.
struct GreySearch: PhotographEncoder {
    let inverter: Inverter
    let budget: InversionBudget
    let context: RunContext

    func codes(of photographs: ImageBatch) throws -> LatentCodes {
        let found = try inverter.invert(photographs, budget: budget, context: context)
        return try LatentCodes(
            found.flatMap(\.own.values), rows: found.first?.own.rows ?? 1, size: found.first?.own.size ?? 1)
    }
}

extension Session {
    /// What gives a generator's colours to grey photographs: its encoder where the workspace has one, else a search.
    ///
    /// - Parameters:
    ///   - generator: Whose codes are found.
    ///   - film: What the photographs' grey is of.
    ///   - budget: When a search ends, for each photograph; nil asks the encoder alone.
    /// - Returns: An encoder of grey photographs.
    /// - Throws: ``Core/Failure`` (not found) when there is no encoder and no search was asked for, or networks are missing.
    func greyEncoder(
        for generator: Generator, film: FilmStock = .panchromatic, budget: InversionBudget?
    ) throws -> any PhotographEncoder {
        do {
            return try photographEncoder(for: generator)
        } catch let failure as Failure where failure.kind == .notFound && budget != nil {
            return try greySearch(for: generator, film: film, budget: budget ?? InversionBudget(seconds: 40))
        }
    }

    /// The search that ``greyEncoder(for:film:budget:)`` falls back to.
    func greySearch(for generator: Generator, film: FilmStock, budget: InversionBudget) throws -> GreySearch {
        var settings = InversionSettings()
        settings.greyWeights = [film.weights.x, film.weights.y, film.weights.z]
        return GreySearch(inverter: try inverter(generator, settings: settings), budget: budget, context: context.quiet)
    }
}
