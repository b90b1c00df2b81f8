import Images
import Testing

import Colourisation

struct ChromaConditionTests {
    private func cloud(_ mean: SIMD2<Float>, _ spread: SIMD2<Float>, shear: Float, side: Int = 32) -> Chroma {
        var state: UInt64 = 3
        func normal() -> Float {
            (0..<12).reduce(Float(-6)) { sum, _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return sum + Float(state >> 40) / Float(1 << 24)
            }
        }
        var result = Chroma(width: side, height: side)
        for i in result.cb.values.indices {
            let (a, b) = (normal(), normal())
            result.cb.values[i] = mean.x + spread.x * a
            result.cr.values[i] = mean.y + spread.y * b + shear * a
        }
        return result
    }

    @Test func transferMeetsMeanAndCovariance() {
        let own = cloud(SIMD2(-5, 8), SIMD2(4, 7), shear: 2)
        let wanted = ChromaStatistics(of: cloud(SIMD2(-18, 22), SIMD2(9, 3), shear: -4))
        let found = ChromaStatistics(of: ChromaStatistics(of: own).moved(own, to: wanted))
        #expect(abs(found.mean.x - wanted.mean.x) <= 1e-3)
        #expect(abs(found.mean.y - wanted.mean.y) <= 1e-3)
        #expect(abs(found.blue - wanted.blue) <= 0.02 * wanted.blue)
        #expect(abs(found.red - wanted.red) <= 0.02 * wanted.red)
        #expect(abs(found.both - wanted.both) <= 0.02 * abs(wanted.both))
        #expect(ChromaStatistics(of: own).moved(own, to: wanted, strength: 0) == own)
    }

    /// Among linear maps that meet the covariance it is the shortest: its matrix is symmetric and positive.
    @Test func greyCanBeMovedToo() {
        let grey = Chroma(width: 8, height: 8)
        let wanted = ChromaStatistics(mean: SIMD2(-10, 12), blue: 30, red: 40, both: -5)
        let found = ChromaStatistics(of: ChromaStatistics(of: grey).moved(grey, to: wanted))
        #expect(abs(found.mean.x - (-10)) <= 1e-3)
        #expect(abs(found.mean.y - 12) <= 1e-3)
    }

    @Test func histogramsAddUpAndTellColoursApart() {
        let skin = ChromaHistogram(of: cloud(SIMD2(-15, 20), SIMD2(4, 4), shear: 0))
        let sky = ChromaHistogram(of: cloud(SIMD2(30, -20), SIMD2(4, 4), shear: 0))
        #expect(abs(skin.shares.reduce(0, +) - 1) <= 1e-4)
        #expect(abs(skin.distance(to: skin) - 0) <= 1e-3)
        #expect(skin.distance(to: sky) > 0.95)
        let palette = ChromaHistogram(colours: [(SIMD2(-15, 20), 1)])
        #expect(skin.distance(to: palette) < 0.5)
    }

    /// The gradient against differences of the value itself, also on the rim and with weights.
    @Test func histogramsGradientIsTheSlope() {
        let side = 6
        let target = ChromaHistogram(of: cloud(SIMD2(-10, 15), SIMD2(8, 8), shear: 3))
        var chroma = cloud(SIMD2(-4, 9), SIMD2(12, 12), shear: 0, side: side)
        chroma.cb.values[0] = 120
        let weights = Plane((0..<side * side).map { 0.2 + Float($0 % 5) }, width: side, height: side)
        let found = target.squaredDistance(of: chroma, weights: weights)
        let step: Float = 0.25
        var checked = 0
        for i in 0..<side * side {
            for isRed in [false, true] {
                func moved(_ by: Float) -> Double {
                    var other = chroma
                    if isRed { other.cr.values[i] += by } else { other.cb.values[i] += by }
                    return Double(target.squaredDistance(of: other, weights: weights).value)
                }
                let slope = (moved(step) - moved(-step)) / Double(2 * step)
                let value = Double(isRed ? found.gradient.cr.values[i] : found.gradient.cb.values[i])
                #expect(abs(value - slope) <= 2e-5 + 0.06 * abs(slope), "\(i) \(isRed)")
                if abs(slope) > 1e-4 { checked += 1 }
            }
        }
        #expect(checked > 20)
        #expect(found.gradient.cb.values[0] == 0, "beyond the reach nothing changes")
    }

    @Test func tintsAreMeans() {
        var statistics = TintStatistics()
        let side = TintStatistics.side
        let dark = Image(width: side, height: side, fill: (60, 40, 20))
        let light = Image(width: side, height: side, fill: (220, 200, 210))
        statistics.add(dark)
        statistics.add(light)
        let (a, b) = (Chroma(of: dark), Chroma(of: light))
        #expect(abs(statistics.mean.colour.x - ((a.cb.values[0] + b.cb.values[0]) / 2)) <= 1e-3)
        #expect(abs(statistics.byPlace.colours.cr.values[5] - ((a.cr.values[0] + b.cr.values[0]) / 2)) <= 1e-3)
        let greys = statistics.byLuminance.chroma(for: Plane([10, 230], width: 2, height: 1))
        #expect(abs(greys.cb.values[0] - a.cb.values[0]) <= 1e-3)
        #expect(abs(greys.cb.values[1] - b.cb.values[0]) <= 1e-3)
    }
}
