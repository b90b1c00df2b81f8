import Core
import Foundation
import Generators
import Images
import Inversion
import Latents

/// The mean latent as the code of every photograph.
struct MeanCode: PhotographEncoder {
    let generator: Generator

    func codes(of photographs: ImageBatch) throws -> LatentCodes {
        let mean = Array(repeating: generator.meanLatent, count: photographs.count).flatMap { $0 }
        return try LatentCodes(mean, rows: 1, size: generator.identity.latentSize)
    }
}

/// The random latent whose face is nearest to a photograph, by the squared error of small pictures.
struct NearestCode: PhotographEncoder {
    /// Faces that are looked at.
    static let count = 20_000
    /// Pixels along a side at which pictures are compared.
    static let side = 32

    private let generator: Generator
    private let count: Int
    /// [count, 3, side, side], a byte each.
    private let faces: Data

    /// - Parameters:
    ///   - generator: Whose faces they are.
    ///   - count: How many of them: latents 0 and on of seed 0.
    ///   - path: A file that keeps the small pictures; made, or gone on with, where they are not all there.
    ///   - context: Whether to stop, and whom to tell of progress.
    /// - Throws: ``Core/Failure``: memory that runs out, a file that can't be written, or a stop.
    init(_ generator: Generator, count: Int = NearestCode.count, path: String, context: RunContext) throws {
        self.generator = generator
        self.count = count
        let bytes = 3 * NearestCode.side * NearestCode.side
        let kept = (try? Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)) ?? Data()
        if kept.count == count * bytes {
            faces = kept
            return
        }
        var data = kept.count < count * bytes && kept.count % bytes == 0 ? Data(kept) : Data()
        let synthesizer = try generator.synthesizer()
        let size = synthesizer.sizes.smallest(covering: NearestCode.side)
        let progress = context.progress("nearest face", unit: "faces", total: count, done: data.count / bytes)
        defer { progress.finish() }
        do {
            while data.count < count * bytes {
                try context.check()
                let start = data.count / bytes
                let range = UInt64(start)..<UInt64(min(count, start + 64))
                let codes = try LatentCodes(
                    generator.latents(seed: 0, indices: range), rows: 1, size: generator.identity.latentSize)
                let made = try synthesizer.synthesize(codes, size: size, noise: .none).resized(to: NearestCode.side)
                data.append(contentsOf: NearestPicture.bytes(made.planes))
                progress.advance(range.count)
            }
        } catch {
            // What was made is not made again.
            try? AtomicFile.write(data, to: path)
            throw error
        }
        try AtomicFile.write(data, to: path)
        faces = data
    }

    func codes(of photographs: ImageBatch) throws -> LatentCodes {
        let small = photographs.resized(to: NearestCode.side)
        var values: [Float] = []
        for index in 0..<small.count {
            let picture = NearestPicture.bytes(small[index..<index + 1].planes)
            let nearest = UInt64(NearestPicture.index(of: picture, among: faces))
            values += try generator.latents(seed: 0, indices: nearest..<nearest + 1)
        }
        return try LatentCodes(values, rows: 1, size: generator.identity.latentSize)
    }
}

extension Session {
    /// What a method that is there to be beaten gives as codes.
    func baseline(_ method: InvertRequest.Method, for generator: Generator) throws -> any PhotographEncoder {
        if method == .mean { return MeanCode(generator: generator) }
        let path = "\(workspace.models)/.nearest-\(generator.identity.sha256.prefix(12))"
        return try NearestCode(generator, path: path, context: context)
    }
}
