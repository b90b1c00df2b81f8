import Images
import Testing

import Colourisation

struct RGBHistogramTests {
    private func picture(_ seed: UInt64, side: Int = 8) -> ImageBatch {
        var state = seed
        let values = (0..<3 * side * side).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(state >> 40) / Float(1 << 23) - 1
        }
        return ImageBatch(values, side: side)
    }

    @Test(arguments: [false, true])
    func sharesAddUpAndTellPicturesApart(_ isJoint: Bool) {
        let picture = picture(3)
        let histogram = RGBHistogram(of: picture, bins: 16, isJoint: isJoint)
        let one = isJoint ? 256 : 16
        for k in 0..<3 {
            let sum: Float = histogram.shares[k * one..<(k + 1) * one].reduce(0, +)
            #expect(abs(sum - 1) < 1e-4)
        }
        let (same, slopes) = histogram.absoluteDifference(of: picture)
        #expect(same < 1e-5 && slopes.allSatisfy { $0 == 0 })
        let red = ImageBatch([Float](repeating: 0.9, count: 64) + [Float](repeating: -0.9, count: 128), side: 8)
        let blue = ImageBatch([Float](repeating: -0.9, count: 128) + [Float](repeating: 0.9, count: 64), side: 8)
        let far = RGBHistogram(of: red, bins: 16, isJoint: isJoint).absoluteDifference(of: blue).value
        // Of red, green and blue green is the same; of the three pairs none.
        #expect(abs(far - (isJoint ? 2 : 4.0 / 3)) < 1e-4)
    }

    /// The gradient against differences of the value itself, where no value crosses from bin to bin.
    @Test(arguments: [false, true])
    func theGradientIsTheSlope(_ isJoint: Bool) {
        let target = RGBHistogram(of: picture(9), bins: 16, isJoint: isJoint)
        let picture = picture(4)
        let (_, gradient) = target.absoluteDifference(of: picture)
        let step: Float = 1e-3
        var checked = 0
        for i in stride(from: 0, to: picture.planes.count, by: 3) {
            let place = (picture.planes[i] + 1) * 8 - 0.5
            guard 0.05...0.95 ~= place - place.rounded(.down) else { continue }
            func moved(_ by: Float) -> Double {
                var other = picture
                other.planes[i] += by
                return Double(target.absoluteDifference(of: other).value)
            }
            let slope = (moved(step) - moved(-step)) / Double(2 * step)
            #expect(abs(slope - Double(gradient[i])) < 2e-3 + 0.05 * abs(slope), "at \(i)")
            checked += 1
        }
        #expect(checked > 30)
    }
}
