import ColourEvaluation
import Colourisation
import Core
import EncoderTraining
import Encoders
import Generators
import Images
import Inversion
import Latents

/// An encoder that is told the colours of a picture or of a palette, the same for all photographs.
struct ToldEncoder: PhotographEncoder {
    private let encoder: FaceEncoder
    private let told: [Float]
    private let strength: Float

    /// - Parameters:
    ///   - encoder: An encoder with a condition.
    ///   - condition: That condition.
    ///   - colours: A picture that has the colours.
    ///   - strength: 0 tells nothing, 1 all.
    init(_ encoder: FaceEncoder, condition: EncoderCondition, colours: Image, strength: Float) {
        self.encoder = encoder
        self.strength = strength
        let side = 96
        told = condition.values(of: ImageBatch([colours.centredSquare(size: side)], side: side))[0]
    }

    func codes(of photographs: ImageBatch) throws -> LatentCodes {
        let all = try encoder.codes(of: photographs, told: Array(repeating: told, count: photographs.count))
        if strength == 1 { return all }
        var result = try encoder.codes(of: photographs)
        for i in result.values.indices { result.values[i] += strength * (all.values[i] - result.values[i]) }
        return result
    }
}

/// Faces of an encoder that is told colours, under the photograph's own luminance: a row of the table.
struct ToldColours: ColourMethod {
    let name: String
    let title: String
    private let encoder: FaceEncoder
    private let condition: EncoderCondition
    private let colours: GeneratorColours
    private let reference: ColourTransferMethod.Reference
    /// Whether the generator's picture is given as it is, as the paper does.
    private let isAsGenerated: Bool

    init(
        _ name: String, encoder: FaceEncoder, condition: EncoderCondition, generator: Generator,
        reference: ColourTransferMethod.Reference, isAsGenerated: Bool
    ) throws {
        self.name = "\(name)-\(reference.rawValue)\(isAsGenerated ? "" : "-luminance")"
        let what = isAsGenerated ? "the generator's picture" : "chroma under own luminance"
        title = "\(name), told \(reference.rawValue) colours, \(what)"
        self.encoder = encoder
        self.condition = condition
        self.reference = reference
        self.isAsGenerated = isAsGenerated
        colours = try GeneratorColours(name, title: title, encoder: encoder, generator: generator)
    }

    func wanted(_ truth: ImageBatch) -> ImageBatch { reference.pictures(of: truth) }

    func coloured(_ grey: ImageBatch, truth: ImageBatch) throws -> ImageBatch {
        let told = condition.values(of: wanted(truth).resized(to: 96))
        let faces = try colours.faces(encoder.codes(of: grey, told: told), of: grey, side: grey.side)
        if isAsGenerated { return faces }
        let pictures = grey.images.enumerated().map { index, image in
            let plane = FilmStock.panchromatic.grey(of: image)
            return plane.coloured(by: ChromaCleaning().cleaned(Chroma(of: faces, index: index), guide: plane))
        }
        return ImageBatch(pictures, side: grey.side)
    }
}

/// `colorize` that is told colours: a row of the table.
struct ToldColouring: ColourMethod {
    let name: String
    let title: String
    private let colouring: FaceColouring
    private let reference: ColourTransferMethod.Reference
    /// Whether the colours are told; else they are only what the result is compared with.
    private let isTold: Bool

    init(_ colouring: FaceColouring, reference: ColourTransferMethod.Reference, isTold: Bool = true) {
        self.colouring = colouring
        self.reference = reference
        self.isTold = isTold
        name = "\(colouring.name)-\(isTold ? "told" : "beside")-\(reference.rawValue)"
        title = "\(colouring.title), \(isTold ? "told" : "beside") \(reference.rawValue) colours"
    }

    func wanted(_ truth: ImageBatch) -> ImageBatch { reference.pictures(of: truth) }

    func coloured(_ grey: ImageBatch, truth: ImageBatch) throws -> ImageBatch {
        try colouring.coloured(grey, told: isTold ? wanted(truth).images.map { try WantedColours(of: $0) } : [])
    }
}

extension Session {
    /// The rows of an encoder by name: its pictures, and their colours under the own luminance.
    ///
    /// One that can be told colours has both with the photographs' own and with others' besides; one that learnt to show greys
    /// alone, with random latents'.
    func rows(ofEncoder name: String, _ generator: Generator) throws -> [any ColourMethod] {
        guard let encoder = try photographEncoder(for: generator, named: name) as? FaceEncoder else { return [] }
        // A file's row is called by the encoder's own name.
        let file = name
        let name = file.contains("/") ? encoder.card.name : file
        let plain = try GeneratorColours(
            name, title: "\(name), the generator's picture", encoder: encoder, generator: generator)
        var result: [any ColourMethod] = [
            plain, OwnLuminance("\(name)-luminance", title: "own luminance, \(name)'s chroma", colours: plain),
        ]
        if EncoderTrainer.isOfGreys(try encoderPath(named: file, for: generator.identity)) {
            let rows = RandomRowsEncoder.colourRows(generator.layout)
            let random = RandomRowsEncoder(encoder: encoder, generator: generator, rows: rows)
            let title = "\(name), rows from \(rows.first) on random"
            let coloured = try GeneratorColours(
                "\(name)-random", title: "\(title), the generator's picture", encoder: random, generator: generator)
            result += [
                coloured,
                OwnLuminance(
                    "\(name)-random-luminance", title: "own luminance, chroma of \(name)'s random rows",
                    colours: coloured),
            ]
        }
        guard let condition = encoder.card.configuration.condition else { return result }
        return try result
            + ColourTransferMethod.Reference.allCases.flatMap { reference in
                try [true, false].map {
                    try ToldColours(
                        name, encoder: encoder, condition: condition, generator: generator, reference: reference,
                        isAsGenerated: $0)
                }
            }
    }
}
