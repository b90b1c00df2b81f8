import Core
import Editing
import Foundation
import Generators
import Images
import Inversion
import Latents

/// Variants of photographs' codes, with some rows taken from random latents: the colours of a generator that were not read off the
/// photograph (Güzelant and others: the last six rows of 18).
public struct RandomRows: Sendable, Equatable {
    /// Rows of StyleGAN2, from 0; 18 at 1024².
    public var rows: LayerSelection
    /// A variant for each: all photographs' rows are those of the first latent of the seed.
    public var seeds: [UInt64]

    /// - Parameters:
    ///   - rows: Rows of StyleGAN2, from 0.
    ///   - seeds: A variant for each.
    public init(_ rows: LayerSelection, seeds: [UInt64]) {
        self.rows = rows
        self.seeds = seeds
    }

    /// Checks what can be checked before anything is read.
    ///
    /// - Throws: ``Core/Failure`` (usage) for no seeds, or too many.
    public func validate() throws {
        guard 1...64 ~= seeds.count else {
            throw Failure("seed", "must name 1 to 64 variants", "for example 1-4", kind: .usage)
        }
    }

    /// Codes with these rows taken from a latent.
    ///
    /// - Parameters:
    ///   - codes: W+ codes in StyleGAN2's rows or the network's own.
    ///   - w: [size]: what the rows become.
    ///   - layout: The network's rows.
    /// - Returns: As many, of as many rows.
    /// - Throws: ``Core/Failure`` (usage) for rows that do not exist.
    func replaced(in codes: LatentCodes, by w: [Float], layout: CodeLayout) throws -> LatentCodes {
        let range = try rows.range(rows: layout.canonicalRows)
        let places = codes.rows == layout.canonicalRows ? Array(0..<codes.rows) : layout.canonicalRow
        precondition(places.count == codes.rows && w.count == codes.size, "codes are of the layout")
        var values = codes.values
        for code in 0..<codes.count {
            for (row, place) in places.enumerated() where range.first...range.last ~= place {
                let start = (code * codes.rows + row) * codes.size
                values.replaceSubrange(start..<start + codes.size, with: w)
            }
        }
        return try LatentCodes(values, rows: codes.rows, size: codes.size)
    }
}

/// An encoder whose codes take some rows from random latents, one for each photograph: the paper's pSp GS, whose colours are
/// those of another face.
struct RandomRowsEncoder: PhotographEncoder {
    /// The rows that hold colours, of StyleGAN2 at 1024²: the paper's last six of 18, the last third of others.
    static func colourRows(_ layout: CodeLayout) -> LayerSelection {
        LayerSelection(first: layout.canonicalRows - layout.canonicalRows / 3)
    }

    /// Finds the codes.
    let encoder: any PhotographEncoder
    /// Whose latents the rows become.
    let generator: Generator
    /// Rows of StyleGAN2, from 0.
    let rows: LayerSelection

    /// Codes of photographs; a photograph's pixels name its latent, so that it always gets the same one.
    func codes(of photographs: ImageBatch) throws -> LatentCodes {
        let found = try encoder.codes(of: photographs)
        let random = RandomRows(rows, seeds: [])
        let codes = try (0..<found.count).map { index in
            let pixels = photographs[index..<index + 1].planes.withUnsafeBytes { Data($0) }
            let place = UInt64(Hashing.sha256(pixels).prefix(8), radix: 16) ?? 0
            let w = try generator.latents(seed: 0, indices: place..<place + 1)
            return try random.replaced(in: found.slice(index..<index + 1), by: w, layout: generator.layout)
        }
        return try LatentCodes(codes.flatMap(\.values), rows: found.rows, size: found.size)
    }
}

extension Session {
    /// Every photograph as often as there are seeds, its code changed; the figures are those of the changed face.
    ///
    /// Variants are not kept in the database: a seed names them.
    func variants(of result: InvertResult, _ random: RandomRows, request: InvertRequest) throws -> InvertResult {
        guard let codes = result.codes, let own = result.ownCodes else { return result }
        let generator = try generator(request.generator)
        let inverter = try inverter(generator)
        var photographs: [InvertedPhotograph] = []
        for (index, photograph) in result.photographs.enumerated() {
            try context.check()
            let face = try PhotographFace(
                photograph.file, isAligned: photograph.isAligned, number: photograph.key.face,
                alignment: photograph.alignment, detector: faceDetector)
            let picture = ImageBatch([face.square.centredSquare(size: Inverter.side)], side: Inverter.side)
            for seed in random.seeds {
                let w = try generator.latents(seed: seed, indices: 0..<1)
                let code = try random.replaced(in: codes.slice(index..<index + 1), by: w, layout: generator.layout)
                let ownCode = try random.replaced(in: own.slice(index..<index + 1), by: w, layout: generator.layout)
                let found = try inverter.measured(
                    ownCode, picture, steps: photograph.steps, seconds: photograph.seconds)[0]
                photographs.append(photograph.variant(found, code: code, own: ownCode, seed: seed))
            }
        }
        return InvertResult(
            photographs: photographs, leftOut: result.leftOut,
            codes: try LatentCodes(photographs.flatMap(\.code), rows: codes.rows, size: codes.size),
            ownCodes: try LatentCodes(photographs.flatMap(\.ownCode), rows: own.rows, size: own.size),
            generator: result.generator, isConsulted: result.isConsulted)
    }
}
