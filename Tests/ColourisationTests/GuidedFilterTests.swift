import Images
import Testing

import Colourisation

struct GuidedFilterTests {
    private func random(_ count: Int, _ seed: UInt64) -> [Float] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(state >> 40) / Float(1 << 24)
        }
    }

    /// Against windows that are added up one by one, on a shape that is no square.
    @Test func boxMeansAreMeansOfWindows() {
        let (width, height) = (23, 17)
        let plane = Plane(random(width * height, 1), width: width, height: height)
        for radius in [1, 4, 30] {
            let found = plane.boxMean(radius: radius)
            for y in 0..<height {
                for x in 0..<width {
                    var (sum, count) = (0.0, 0)
                    for v in max(0, y - radius)...min(height - 1, y + radius) {
                        for u in max(0, x - radius)...min(width - 1, x + radius) {
                            sum += Double(plane.values[v * width + u])
                            count += 1
                        }
                    }
                    #expect(abs(Double(found.values[y * width + x]) - (sum / Double(count))) <= 1e-5)
                }
            }
        }
    }

    /// Noise goes, and the step stays where the guide has it, though the colours' own step was elsewhere.
    @Test func coloursFollowTheGuidesEdges() {
        let side = 64
        let guide = Plane((0..<side * side).map { $0 % side < 32 ? 60 : 180 }, width: side, height: side)
        let noise = random(side * side, 7)
        // Misplaced by two pixels.
        let colours = Plane(
            (0..<side * side).map { ($0 % side < 34 ? -20 : 20) + 10 * (noise[$0] - 0.5) }, width: side, height: side)
        let found = GuidedFilter(guide: guide, radius: 8, epsilon: 60).filtered(colours)
        for y in 16..<48 {
            #expect(abs(found.values[y * side + 31] - (-20)) <= 2)
            #expect(abs(found.values[y * side + 8] - (-20)) <= 2)
            // On the guide's side of the step, where the colours themselves are still -20.
            #expect(found.values[y * side + 32] > 3)
            #expect(abs(found.values[y * side + 56] - 20) <= 2)
        }
    }

    @Test func whatIsNotTrustedIsFilledFromWhatIs() {
        let side = 48
        let guide = Plane((0..<side * side).map { Float($0 % side * 5) }, width: side, height: side)
        var (colours, weights) = (guide.map { 0.2 * $0 - 10 }, guide.map { _ in Float(1) })
        for y in 20..<28 {
            for x in 20..<28 {
                colours.values[y * side + x] = 500
                weights.values[y * side + x] = 0
            }
        }
        let found = GuidedFilter(guide: guide, radius: 8, epsilon: 0.01, weights: weights).filtered(colours)
        for y in 20..<28 {
            for x in 20..<28 {
                #expect(abs(found.values[y * side + x] - (0.2 * guide.values[y * side + x] - 10)) <= 0.5)
            }
        }
    }
}
