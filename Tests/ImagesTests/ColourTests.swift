import Foundation
import Images
import Testing

@Suite struct ColourTests {
    /// Two pictures of 3×3 with every colour different, some beyond black and full.
    private let pictures = ImageBatch((0..<54).map { Float($0 * 37 % 53) / 24 - 1.05 }, side: 3)
    private let cotangent = ImageBatch((0..<54).map { Float($0 * 29 % 47) / 20 - 1.1 }, side: 3)

    private func product(_ a: ImageBatch, _ b: ImageBatch) -> Double {
        zip(a.planes, b.planes).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }

    /// Σ cotangent · f(x), whose gradient must be `backward`, against central differences at every value.
    private func expectGradient(
        at x: ImageBatch, step: Float, tolerance: Float, _ f: (ImageBatch) -> ImageBatch, backward: ImageBatch
    ) {
        #expect(backward.planes.count == x.planes.count && backward.planes.contains { abs($0) > 1e-3 })
        for i in x.planes.indices {
            var (up, down) = (x, x)
            up.planes[i] += step
            down.planes[i] -= step
            let slope = Float((product(f(up), cotangent) - product(f(down), cotangent)) / Double(2 * step))
            #expect(
                abs(slope - backward.planes[i]) < tolerance * max(1, abs(slope)),
                "\(i): \(slope), \(backward.planes[i])")
        }
    }

    private func one(_ rgb: [Float], range: ClosedRange<Float> = 0...1) -> ImageBatch {
        ImageBatch(rgb, side: 1, range: range)
    }

    @Test func lumaAndChromaAreRec601s() {
        #expect(zip(one([1, 0, 0]).yCbCr().planes, [0.299, -0.168736, 0.5]).allSatisfy { abs($0 - $1) < 1e-6 })
        #expect(zip(one([0, 0, 1]).yCbCr().planes, [0.114, 0.5, -0.081312]).allSatisfy { abs($0 - $1) < 1e-6 })
        // In [-1, 1] white is 1, and chroma of grey nothing.
        #expect(zip(one([1, 1, 1], range: -1...1).yCbCr().planes, [1, 0, 0]).allSatisfy { abs($0 - $1) < 1e-6 })
        #expect(zip(pictures.yCbCr().rgbFromYCbCr().planes, pictures.planes).allSatisfy { abs($0 - $1) < 1e-5 })
        let luma = pictures.luma()
        #expect(luma.channels == 1 && Array(luma.planes[0..<9]) == Array(pictures.yCbCr().planes[0..<9]))
    }

    @Test func lumaAndChromaHaveTheirAdjoints() {
        expectGradient(at: pictures, step: 0.01, tolerance: 1e-3, { $0.yCbCr() }, backward: cotangent.yCbCrBackward())
        expectGradient(
            at: pictures, step: 0.01, tolerance: 1e-3, { $0.rgbFromYCbCr() }, backward: cotangent.rgbFromYCbCrBackward()
        )
        let y = ImageBatch(Array(cotangent.planes[0..<18]), side: 3, channels: 1)
        #expect(abs(product(pictures.luma(), y) - product(pictures, y.lumaBackward())) < 1e-5)
    }

    /// Bruce Lindbloom's calculator gives these for sRGB's primaries under D65.
    @Test(
        arguments: [
            ([1, 1, 1], [100, 0, 0]), ([0, 0, 0], [0, 0, 0]), ([1, 0, 0], [53.2408, 80.0925, 67.2032]),
            ([0, 1, 0], [87.7347, -86.1827, 83.1793]), ([0, 0, 1], [32.2970, 79.1875, -107.8602]),
            ([0.5, 0.5, 0.5], [53.3890, 0, 0]),
        ] as [([Float], [Float])])
    func labIsTheCIEs(rgb: [Float], expected: [Float]) {
        let lab = one(rgb).lab()
        #expect(lab.range == 0...100)
        #expect(zip(lab.planes, expected).allSatisfy { abs($0 - $1) < 5e-3 }, "\(lab.planes)")
        #expect(
            zip(one(rgb.map { 2 * $0 - 1 }, range: -1...1).lab().planes, lab.planes).allSatisfy { abs($0 - $1) < 1e-3 })
    }

    @Test func labGoesThereAndBackWithItsAdjoints() {
        let lab = pictures.lab()
        #expect(zip(lab.rgbFromLab().planes, pictures.planes).allSatisfy { abs($0 - $1) < 1e-4 })
        expectGradient(
            at: pictures, step: 1e-3, tolerance: 2e-2, { $0.lab() }, backward: pictures.labBackward(cotangent))
        expectGradient(
            at: lab, step: 0.02, tolerance: 2e-2, { $0.rgbFromLab() }, backward: lab.rgbFromLabBackward(cotangent))
    }

    @Test(arguments: [(0, 0, 3), (1, 1, 2), (-1, 0, 3), (1, -2, 6), (2, 2, 1)])
    func cropsHaveTheirAdjoints(x: Int, y: Int, side: Int) {
        let crop = pictures.cropped(x: x, y: y, side: side)
        let g = ImageBatch((0..<6 * side * side).map { Float($0 * 23 % 17) - 8 }, side: side)
        let back = g.croppedBackward(x: x, y: y, from: 3)
        #expect(back.side == 3 && abs(product(crop, g)) > 0.5)
        #expect(abs(product(crop, g) - product(pictures, back)) < 1e-3)
    }

    @Test func cropsAreThoseOf8BitPictures() {
        let image = ImageBatch((0..<27).map { Float($0) / 13 - 1 }, side: 3).images[0]
        let crop = ImageBatch([image], side: 3).cropped(x: -1, y: 1, side: 3).images[0]
        #expect(crop == image.cropped(x: -1, y: 1, width: 3, height: 3))
    }

    @Test(arguments: [1, 2, 3, 5, 7]) func sizesHaveTheirAdjoints(target: Int) {
        let resized = pictures.resized(to: target)
        let g = ImageBatch((0..<6 * target * target).map { Float($0 * 23 % 17) - 8 }, side: target)
        #expect(abs(product(resized, g) - product(pictures, g.resizedBackward(from: 3))) < 1e-3)
    }
}
