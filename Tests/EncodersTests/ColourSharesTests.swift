import ColourNetworks
import Colourisation
import Images
import Testing

struct ColourSharesTests {
    /// Colours whose node lies where Cb and Cr are: skin, lips, sky, and none.
    private static let (skin, lips, sky, none) = (
        SIMD2<Float>(-16, 24), SIMD2<Float>(-8, 40), SIMD2<Float>(32, -16), SIMD2<Float>(0, 0)
    )
    private static let side = 8

    private static func node(_ colour: SIMD2<Float>) -> Int { Int((colour.x + 96) / 8) * 25 + Int((colour.y + 96) / 8) }

    /// The left half is likely skin, with lips as the second guess in one place of eight; the right half is likely sky.
    private func shares() throws -> ColourShares {
        let colours = [Self.skin, Self.lips, Self.sky, Self.none]
        let bins = try ColourBins(nodes: colours.map(Self.node).sorted())
        let area = Self.side * Self.side
        var values = [Float](repeating: 0, count: bins.count * area)
        for place in 0..<area {
            let (column, row) = (place % Self.side, place / Self.side)
            for (bin, node) in bins.nodes.enumerated() {
                let isLeft = column < 4
                switch node {
                case Self.node(Self.skin): values[bin * area + place] = isLeft ? 0.6 : 0.1
                case Self.node(Self.lips): values[bin * area + place] = isLeft ? (row == 5 ? 0.3 : 0.1) : 0.05
                case Self.node(Self.sky): values[bin * area + place] = isLeft ? 0.1 : 0.5
                default: values[bin * area + place] = 0.2
                }
            }
        }
        return ColourShares(values, bins: bins, side: Self.side)
    }

    /// A picture of some colours, each in so many places.
    private func picture(_ colours: [(SIMD2<Float>, Int)]) -> Chroma {
        let all = colours.flatMap { Array(repeating: $0.0, count: $0.1) }
        return Chroma(
            cb: Plane(all.map(\.x), width: all.count, height: 1), cr: Plane(all.map(\.y), width: all.count, height: 1))
    }

    private func colour(_ chroma: Chroma, column: Int, row: Int) -> SIMD2<Float> {
        let place = row * chroma.width + column
        return SIMD2(chroma.cb.values[place], chroma.cr.values[place])
    }

    private func isNear(_ a: SIMD2<Float>, _ b: SIMD2<Float>, _ most: Float) -> Bool {
        let d = a - b
        return (d * d).sum().squareRoot() <= most
    }

    @Test func toldColoursGoWhereTheyAreLikeliest() throws {
        // Darker skin, redder lips, and a sky beyond all colours that are known.
        let (skin, lips, sky) = (SIMD2<Float>(-20, 17), SIMD2<Float>(-5, 44), SIMD2<Float>(60, -40))
        let found = try shares().chroma(told: picture([(skin, 28), (lips, 4), (sky, 32)]))
        #expect(isNear(colour(found, column: 1, row: 1), skin, 2))
        #expect(isNear(colour(found, column: 1, row: 5), lips, 4))
        #expect(isNear(colour(found, column: 6, row: 1), sky, 2))
        // As often as there: the means agree.
        let mean = ChromaStatistics(of: found).mean
        let wanted = ChromaStatistics(of: picture([(skin, 28), (lips, 4), (sky, 32)])).mean
        #expect(abs(mean.x - wanted.x) < 0.3 && abs(mean.y - wanted.y) < 0.3, "\(mean) for \(wanted)")
    }

    @Test func coloursThatCountNothingAreNowhere() throws {
        let told = picture([(Self.skin, 32), (Self.sky, 32)])
        let weights = Plane((0..<64).map { $0 < 32 ? 1 : 0 }, width: 64, height: 1)
        let left = Plane((0..<64).map { $0 % Self.side < 4 ? 1 : 0 }, width: Self.side, height: Self.side)
        let found = try shares().chroma(told: told, weights: weights, places: left)
        #expect(isNear(colour(found, column: 6, row: 1), Self.skin, 0.5), "the only one there is")
        // Nothing that is told and no place that counts give no colours, but numbers.
        let nothing = left.map { _ in 0 }
        let empty = try shares().chroma(told: told, places: nothing)
        #expect(empty.cb.values.allSatisfy(\.isFinite) && empty.cr.values.allSatisfy(\.isFinite))
    }

    @Test func aPaletteSaysWhichColoursNotHowOften() throws {
        let told = picture([(Self.skin, 1), (Self.lips, 1)])
        func share(_ insistence: Double) throws -> Int {
            let found = try shares().chroma(told: told, insistence: insistence)
            return (0..<64).count {
                isNear(colour(found, column: $0 % Self.side, row: $0 / Self.side), Self.lips, 8)
            }
        }
        let (insisted, known) = (try share(1), try share(0))
        #expect(insisted >= 24, "half of the places, all but the doubtful ones: \(insisted)")
        #expect(known == 0, "skin is likelier everywhere: \(known)")
    }
}
