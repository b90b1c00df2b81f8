import Colourisation
import Core
import Editing
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
    private let generator: Generator
    private let colours: GeneratorColours
    /// The colours that were asked for.
    private let wanted: ChromaStatistics?
    private let mixtures: [EditMixture]

    init(_ session: Session, _ request: ColorizeRequest) throws {
        self.session = session
        self.request = request
        let generator = try session.generator(request.generator)
        self.generator = generator
        let encoder = try session.greyEncoder(for: generator, film: request.film, budget: request.budget)
        colours = try GeneratorColours("colorize", title: "colorize", encoder: encoder, generator: generator)
        wanted = try PhotographWork.wanted(request)
        let library = session.library
        mixtures =
            try request.directions.map { text in
                try EditMixture.list(text) { reference in
                    let file = try library.load(reference)
                    try file.requireGenerator(sha256: generator.identity.sha256, name: generator.identity.name)
                    return file
                }
            } ?? []
    }

    /// The mean and covariance of the colours of a picture or a palette.
    private static func wanted(_ request: ColorizeRequest) throws -> ChromaStatistics? {
        if let file = request.coloursOf { return ChromaStatistics(of: Chroma(of: try Image.read(file))) }
        if request.palette.isEmpty { return nil }
        let colours = try request.palette.map { Chroma(of: try ColorizeRequest.colour($0)) }
        let row = Chroma(
            cb: Plane(colours.flatMap(\.cb.values), width: colours.count, height: 1),
            cr: Plane(colours.flatMap(\.cr.values), width: colours.count, height: 1))
        var result = ChromaStatistics(of: row)
        // Things of one colour still differ by light: as much as skin does.
        result.blue += 16
        result.red += 16
        return result
    }

    /// The colourings of a photograph, the likeliest first.
    ///
    /// - Throws: ``Core/Failure`` when the code can't be found, or a stop.
    func coloured(_ picture: Image, file: String) throws -> [Image] {
        let grey = FilmStock.panchromatic.grey(of: picture)
        if !TintRemoval.isGrey(picture) {
            session.context.notice("colorize: \(file) is in colour; its colours are replaced")
        }
        let places = try places(in: picture, file: file)
        let faces = ImageBatch(
            places.map { $0.cut(grey, side: PhotographWork.side).greyImage }, side: PhotographWork.side)
        let found = try colours.encoder.codes(of: faces)
        return try (0..<request.variants).map { index in
            let codes = try (0..<found.count).map { try variant(index, of: found.slice($0..<$0 + 1)) }
            return try coloured(codes, grey: grey, places: places)
        }
    }

    /// Where the photograph's faces lie, the largest first; the picture itself where it is one.
    private func places(in picture: Image, file: String) throws -> [PictureSquare] {
        if request.isAligned { return [PictureSquare(allOf: picture)] }
        let faces = try Session.faces(of: picture, file: file, which: nil, detector: session.faceDetector())
        return faces.prefix(PhotographWork.mostFaces).map(\.square)
    }

    /// A photograph with the chroma of its faces' codes.
    private func coloured(_ codes: [LatentCodes], grey: Plane, places: [PictureSquare]) throws -> Image {
        let side = PhotographWork.side
        let edits = try codes.map { try edited($0) }
        if request.isAsGenerated { return try colours.faces(edits[0] ?? codes[0], side: side).images[0] }
        var plains: [ImageBatch] = []
        let parts = try zip(codes, places).map { code, place in
            try session.context.check()
            let plain = try colours.faces(code, side: side)
            plains.append(plain)
            var chroma = Chroma(of: plain)
            if let wanted {
                chroma = ChromaStatistics(of: chroma).moved(chroma, to: wanted, strength: request.colourStrength)
            }
            return (chroma: chroma, place: place)
        }
        let colouring = PhotographColouring(surround: request.surround)
        var image = grey.coloured(by: colouring.chroma(of: parts, grey: grey), film: request.film)
        for (index, edit) in edits.enumerated() {
            guard let edit else { continue }
            image = try transferred(edit, plain: plains[index], to: image, place: places[index])
        }
        return image
    }

    /// Faces of one photograph at most.
    private static let mostFaces = 32

    /// An edit of the code brought to the coloured photograph.
    private func transferred(
        _ edited: LatentCodes, plain: ImageBatch, to image: Image, place: PictureSquare
    ) throws -> Image {
        let side = PhotographWork.side
        let planes = (0..<3).map { c in
            Plane(
                (0..<image.width * image.height).map { Float(image.pixels[3 * $0 + c]) / 127.5 - 1 },
                width: image.width, height: image.height)
        }
        let face = ImageBatch(planes.flatMap { place.cut($0, side: side).values }, side: side)
        let change = EditTransfer(photograph: face, reconstruction: plain)
            .change(to: try colours.faces(edited, side: side))
        let area = side * side
        let laid = place.laid(
            (0..<3).map { Plane(Array(change.planes[$0 * area..<($0 + 1) * area]), width: side, height: side) },
            width: image.width, height: image.height, rim: 0)
        var result = image
        for i in 0..<image.width * image.height where laid.share.values[i] > 0 {
            for c in 0..<3 {
                let value = Float(image.pixels[3 * i + c]) + 127.5 * laid.planes[c].values[i]
                result.pixels[3 * i + c] = UInt8(min(max(value, 0), 255) + 0.5)
            }
        }
        return result
    }

    /// The code with the directions applied; nil where there are none, or none does anything.
    private func edited(_ codes: LatentCodes) throws -> LatentCodes? {
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
    private func variant(_ index: Int, of codes: LatentCodes) throws -> LatentCodes {
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
