import Colourisation
import Core
import Editing
import Encoders
import Faces
import Foundation
import Generators
import Images
import Inversion
import Latents

/// What photographs are coloured with; loaded when the first one can be used.
struct PhotographWork {
    /// Pixels along a side at which the generator's face is taken: chroma needs no more.
    private static let side = 256
    /// The first of StyleGAN2's rows that variants change: those before it make the face's shape.
    private static let colourRow = 8
    /// How far the rows of a variant go towards those of a drawn face.
    private static let change: Float = 0.6

    private let session: Session
    private let request: ColorizeRequest
    /// Where colours come from.
    private let colouring: FaceColouring
    /// The generator with what gives its codes; nil where nothing needs them.
    private let colours: GeneratorColours?
    /// The colours that were asked for.
    private let wanted: WantedColours?
    private let mixtures: [EditMixture]
    /// What edits the coloured photographs; nil where nothing is edited, or the generator's own picture is wanted.
    private let edits: ColouredEdits?

    init(_ session: Session, _ request: ColorizeRequest) throws {
        self.session = session
        self.request = request
        let network = request.source == .generator ? nil : try session.faceColours()
        guard network != nil || request.source == .generator || request.source == nil else {
            throw Failure(
                "colouriser", "is not there",
                "train one with `directions train-colorizer`, or take the generator's colours",
                kind: .notFound)
        }
        let source = request.source ?? session.colourSource(network, generator: request.generator)
        let needsCodes =
            source != .network || request.variants > 1 || request.isAsGenerated || request.directions != nil
        let colours = needsCodes ? try PhotographWork.colours(session, request) : nil
        self.colours = colours
        colouring = FaceColouring(network: network, generator: colours, source: source)
        // An encoder that was told the colours has given them already.
        let isTold = source == .generator && colours?.encoder is ToldEncoder
        wanted = isTold ? nil : try WantedColours(request, detector: session.faceDetector())
        let mixtures =
            try request.directions.map { text in
                try EditMixture.list(text) { reference in
                    guard let identity = colours?.generator.identity else { return try session.library.load(reference) }
                    return try session.direction(reference, of: identity)
                }
            } ?? []
        self.mixtures = mixtures
        let isEdited = !mixtures.isEmpty && request.strength != 0 && !request.isAsGenerated
        edits = try isEdited ? colours.map { try ColouredEdits(session, $0.generator, mixtures, request) } : nil
    }

    private static func colours(_ session: Session, _ request: ColorizeRequest) throws -> GeneratorColours {
        let generator = try session.generator(request.generator)
        var encoder = try session.greyEncoder(for: generator, film: request.film, budget: request.budget)
        if let face = encoder as? FaceEncoder, let condition = face.card.configuration.condition,
            let colours = try WantedColours.picture(request, detector: session.faceDetector())
        {
            encoder = ToldEncoder(face, condition: condition, colours: colours, strength: request.colourStrength)
        }
        return try GeneratorColours(
            "colorize", title: "colorize", encoder: encoder, generator: generator,
            consultation: request.isConsulted ? session.consultation(for: generator, isGrey: true) : nil)
    }

    /// The colourings of a photograph, the likeliest first.
    ///
    /// - Throws: ``Core/Failure`` when the code can't be found, or a stop.
    func coloured(_ picture: Image, file: String) throws -> [Image] {
        let grey = FilmStock.panchromatic.grey(of: picture)
        let places = try places(in: picture, file: file)
        if !places.allSatisfy({ TintRemoval.isGrey(picture.sampled($0, size: TintRemoval.side)) }) {
            session.context.notice("colorize: \(file) is in colour; its colours are replaced")
        }
        let side = PhotographWork.side
        let faces = ImageBatch(places.map { $0.cut(grey, side: side).greyImage }, side: side)
        guard let colours else {
            let chroma = try colouring.chroma(of: faces, told: told(faces.count))
            return [try coloured(chroma, grey: grey, places: places)]
        }
        let found = try colours.encoder.codes(of: faces)
        let plain = try (0..<found.count).map { try found.slice($0..<$0 + 1) }
        let likeliest = try chroma(of: faces, plain)
        return try (0..<request.variants).map { index in
            try session.context.check()
            let codes = try plain.map { try variant(index, of: $0, colours.generator) }
            if request.isAsGenerated {
                let edit = try edited(codes[0], colours.generator)
                return try colours.faces(codes[0], of: faces[0..<1], edited: edit, side: side).images[0]
            }
            let chroma = index == 0 ? likeliest : try varied(likeliest, faces, from: plain, to: codes, colours)
            let image = try coloured(chroma, grey: grey, places: places)
            return try edits?.edited(image, places: places) ?? image
        }
    }

    /// The colours of faces, one by one, as codes may be of one row or of all.
    private func chroma(of faces: ImageBatch, _ codes: [LatentCodes]) throws -> [Chroma] {
        if request.isAsGenerated { return [] }
        return try codes.indices.flatMap {
            try colouring.chroma(of: faces[$0..<$0 + 1], codes: codes[$0], told: told(1))
        }
    }

    /// The colours that so many faces are told; empty where none were asked for.
    private func told(_ count: Int) -> [WantedColours] { wanted.map { Array(repeating: $0, count: count) } ?? [] }

    /// Other colours: the likeliest ones moved as the generator's move from the codes to a variant of them.
    private func varied(
        _ likeliest: [Chroma], _ faces: ImageBatch, from plain: [LatentCodes], to codes: [LatentCodes],
        _ colours: GeneratorColours
    ) throws -> [Chroma] {
        let side = PhotographWork.side
        return try likeliest.indices.map { place in
            let face = faces[place..<place + 1]
            let before = Chroma(of: try colours.faces(plain[place], of: face, side: side))
            let after = Chroma(of: try colours.faces(codes[place], of: face, side: side))
            var result = likeliest[place].resized(width: side, height: side)
            func add(_ to: inout Plane, _ a: Plane, _ b: Plane) {
                // Broad changes alone: the generator's edges lie elsewhere.
                to = to.map(with: a.map(with: b, -).blurred(sigma: 4), +)
            }
            add(&result.cb, after.cb, before.cb)
            add(&result.cr, after.cr, before.cr)
            return result
        }
    }

    /// Where the photograph's faces lie, the largest first; the picture itself where it is one.
    private func places(in picture: Image, file: String) throws -> [PictureSquare] {
        if request.isAligned { return [PictureSquare(allOf: picture)] }
        let faces = try Session.faces(of: picture, file: file, which: nil, detector: session.faceDetector())
        return faces.prefix(PhotographWork.mostFaces).map(\.square)
    }

    /// A photograph with the chroma of its faces.
    private func coloured(_ chroma: [Chroma], grey: Plane, places: [PictureSquare]) throws -> Image {
        let parts = zip(chroma, places).map { (chroma: $0, place: $1) }
        let laid = PhotographColouring(cleaning: colouring.cleaning, surround: request.surround)
        return grey.coloured(
            by: try laid.chroma(of: parts, grey: grey) { Plane(try Session.person($0.picture)) }, film: request.film)
    }

    /// Faces of one photograph at most.
    private static let mostFaces = 32

    /// The code with the directions applied; nil where there are none, or none does anything.
    private func edited(_ codes: LatentCodes, _ generator: Generator) throws -> LatentCodes? {
        if mixtures.isEmpty || request.strength == 0 { return nil }
        let layout = generator.layout
        let canonical = codes.rows == layout.rows ? try layout.canonical(codes) : codes
        let layers = canonical.rows == 1 ? generator.identity.styleGAN2Layers : canonical.rows
        let plan = EditPlan(
            codes: canonical, labels: [""], mixtures: mixtures, strengths: [request.strength], unit: request.unit,
            layers: nil, layerCount: layers)
        return try plan.edited()
    }

    /// The code itself, and after it codes whose fine rows go towards those of drawn faces: other colours on the same shapes.
    private func variant(_ index: Int, of codes: LatentCodes, _ generator: Generator) throws -> LatentCodes {
        if index == 0 { return codes }
        let own = try generator.layout.own(codes, name: generator.identity.name)
        let drawn = try generator.latents(seed: request.seed, indices: UInt64(index)..<UInt64(index) + 1)
        var values = own.values
        for (row, canonical) in generator.layout.canonicalRow.enumerated() where canonical >= PhotographWork.colourRow {
            for i in 0..<own.size {
                values[row * own.size + i] += PhotographWork.change * (drawn[i] - values[row * own.size + i])
            }
        }
        return try LatentCodes(values, rows: own.rows, size: own.size)
    }
}
