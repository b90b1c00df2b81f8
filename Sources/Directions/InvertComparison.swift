import Core
import Foundation
import Generators
import Images
import Latents

extension Session {
    /// Photographs beside their reconstructions and what those miss, a row each with its figures.
    ///
    /// - Parameters:
    ///   - result: What ``invert(_:)`` found.
    ///   - size: Pixels along a side of each picture, one of the generator's sizes.
    ///   - limit: At most so many photographs.
    /// - Returns: The grid.
    /// - Throws: ``Core/Failure``: a picture that is no longer there, a size that is not on offer (usage), or a stop.
    public func comparison(of result: InvertResult, size: Int = 256, limit: Int = 64) throws -> Grid {
        guard let codes = result.ownCodes else {
            throw Failure("comparison", "has no photograph to show", "see why they were left out")
        }
        let generator = try generator(result.generator)
        let synthesizer = try generator.synthesizer()
        let isEncoded = result.photographs.contains { $0.method == InvertRequest.Method.encoder.rawValue }
        let consultation = result.isConsulted && isEncoded ? try consultation(for: generator, isGrey: false) : nil
        var (rows, captions): ([[Image?]], [[String]]) = ([], [])
        for (index, photograph) in result.photographs.prefix(limit).enumerated() {
            try context.check()
            let photo = try PhotographFace(
                photograph.file, isAligned: photograph.isAligned, number: photograph.key.face,
                alignment: photograph.alignment, detector: faceDetector)
            let picture = photo.square.centredSquare(size: size)
            let code = try codes.slice(index..<index + 1)
            let isPlain = photograph.method != InvertRequest.Method.encoder.rawValue
            let consulted = try (isPlain ? nil : consultation)?.faces(
                of: code, photographs: ImageBatch([picture], side: size), isGrey: false)
            let face = try consulted?.faces(size: size) ?? synthesizer.synthesize(code, size: size, noise: .none)
            rows.append([picture, face.images[0], picture.difference(from: face.images[0])])
            let name = ((photograph.file as NSString).lastPathComponent as NSString).deletingPathExtension
            let figures = String(format: "L2 %.3f LPIPS %.3f", photograph.l2, photograph.lpips)
            captions.append([name, figures, "difference"])
        }
        return Grid(rows, captions: captions)
    }
}
