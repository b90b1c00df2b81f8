import Images
import Testing

import ImageMetrics

struct ColourDifferenceTests {
    /// The 34 pairs of Sharma, Wu and Dalal, "The CIEDE2000 Color-Difference Formula", 2005, table 1: L, a, b twice, difference.
    private static let pairs: [[Double]] = """
        50.0000 2.6772 -79.7751 50.0000 0.0000 -82.7485 2.0425
        50.0000 3.1571 -77.2803 50.0000 0.0000 -82.7485 2.8615
        50.0000 2.8361 -74.0200 50.0000 0.0000 -82.7485 3.4412
        50.0000 -1.3802 -84.2814 50.0000 0.0000 -82.7485 1.0000
        50.0000 -1.1848 -84.8006 50.0000 0.0000 -82.7485 1.0000
        50.0000 -0.9009 -85.5211 50.0000 0.0000 -82.7485 1.0000
        50.0000 0.0000 0.0000 50.0000 -1.0000 2.0000 2.3669
        50.0000 -1.0000 2.0000 50.0000 0.0000 0.0000 2.3669
        50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0009 7.1792
        50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0010 7.1792
        50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0011 7.2195
        50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0012 7.2195
        50.0000 -0.0010 2.4900 50.0000 0.0009 -2.4900 4.8045
        50.0000 -0.0010 2.4900 50.0000 0.0010 -2.4900 4.8045
        50.0000 -0.0010 2.4900 50.0000 0.0011 -2.4900 4.7461
        50.0000 2.5000 0.0000 50.0000 0.0000 -2.5000 4.3065
        50.0000 2.5000 0.0000 73.0000 25.0000 -18.0000 27.1492
        50.0000 2.5000 0.0000 61.0000 -5.0000 29.0000 22.8977
        50.0000 2.5000 0.0000 56.0000 -27.0000 -3.0000 31.9030
        50.0000 2.5000 0.0000 58.0000 24.0000 15.0000 19.4535
        50.0000 2.5000 0.0000 50.0000 3.1736 0.5854 1.0000
        50.0000 2.5000 0.0000 50.0000 3.2972 0.0000 1.0000
        50.0000 2.5000 0.0000 50.0000 1.8634 0.5757 1.0000
        50.0000 2.5000 0.0000 50.0000 3.2592 0.3350 1.0000
        60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
        63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
        61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
        35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
        22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
        36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
        90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
        90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
        6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
        2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
        """.split(separator: "\n").map { $0.split(separator: " ").compactMap { Double($0) } }

    @Test func theAuthorsPairsDifferAsTheySay() {
        #expect(Self.pairs.count == 34)
        for pair in Self.pairs {
            let (a, b) = (SIMD3(pair[0], pair[1], pair[2]), SIMD3(pair[3], pair[4], pair[5]))
            #expect(abs(ColourDifference.ciede2000(a, b) - pair[6]) < 1e-4, "\(pair)")
            #expect(abs(ColourDifference.ciede2000(b, a) - pair[6]) < 1e-4, "\(pair)")
        }
    }

    @Test func picturesDifferPixelByPixel() {
        let red = Image(width: 4, height: 4, fill: (255, 0, 0))
        var half = red
        for i in 0..<8 { half.pixels[3 * i + 1] = 255 }
        let found = ColourDifference.ciede2000(ImageBatch([red, red], side: 4), ImageBatch([red, half], side: 4))
        #expect(found.prefix(16).allSatisfy { $0 == 0 })
        #expect(found[16..<24].allSatisfy { $0 > 50 } && found[24...].allSatisfy { $0 == 0 })
    }

    /// By hand: red has rg = 255 and yb = 127.5 everywhere, half red and half grey deviates by half of that too.
    @Test func colourfulnessIsHaslersAndSüsstrunks() {
        let red = Image(width: 4, height: 4, fill: (255, 0, 0))
        let mean = (255.0 * 255 + 127.5 * 127.5).squareRoot()
        #expect(abs(Colourfulness.value(of: red) - 0.3 * mean) < 1e-6)
        var half = red
        for i in 0..<24 { half.pixels[i] = 90 }
        #expect(abs(Colourfulness.value(of: half) - (0.5 * mean + 0.15 * mean)) < 1e-6)
        #expect(Colourfulness.value(of: Image(width: 4, height: 4, fill: (90, 90, 90))) == 0)
    }
}
