import Images
import Testing

import Colourisation

/// Faces' colours laid into drawn photographs.
struct PhotographColouringTests {
    private static let side = 160

    /// A light oval with a dark cap of hair before a wall, in FFHQ's frame.
    private static func face(wall: Float = 150) -> Plane {
        Plane(
            (0..<side * side).map { i in
                let (x, y) = ((Float(i % side) + 0.5) / Float(side), (Float(i / side) + 0.5) / Float(side))
                func reach(_ scale: Float) -> Float {
                    let (dx, dy) = ((x - 0.5) / (0.27 * scale), (y - 0.57) / (0.36 * scale))
                    return (dx * dx + dy * dy).squareRoot()
                }
                if reach(0.85) < 1 && y > 0.35 { return 200 }
                return reach(1.15) < 1 && y < 0.7 ? 40 : wall
            }, width: side, height: side)
    }

    /// A photograph with the face in a part of it.
    private static func photograph(_ face: Plane, wall: Float = 150) -> (grey: Plane, place: PictureSquare) {
        let (width, height) = (2 * side, 2 * side)
        var grey = Plane(filledWith: wall, width: width, height: height)
        for y in 0..<side {
            for x in 0..<side { grey.values[(y + side / 2) * width + x + side / 2] = face.values[y * side + x] }
        }
        return (grey, PictureSquare(x: Double(side), y: Double(side), halfX: Double(side) / 2, halfY: 0))
    }

    /// What a network would say of the drawn face: the head, without its rim's last pixels.
    private static func person(_ square: Plane) -> Plane {
        Plane(
            (0..<64 * 64).map { i in
                let (x, y) = ((Float(i % 64) + 0.5) / 64, (Float(i / 64) + 0.5) / 64)
                let (dx, dy) = ((x - 0.5) / (0.27 * 1.1), (y - 0.57) / (0.36 * 1.1))
                return dx * dx + dy * dy < 1 || (y > 0.9 && abs(x - 0.5) < 0.4) ? 1 : 0
            }, width: 64, height: 64)
    }

    @Test func theMatteEndsWhereTheHairDoesAndHoldsNoClothes() {
        let face = Self.face()
        let matte = FaceMatte.head(Self.person(face), by: face)
        func value(_ x: Float, _ y: Float) -> Float {
            matte.values[Int(y * Float(Self.side)) * Self.side + Int(x * Float(Self.side))]
        }
        #expect(value(0.5, 0.6) > 0.95)
        #expect(value(0.5, 0.2) > 0.85, "hair: \(value(0.5, 0.2))")
        #expect(value(0.5, 0.05) < 0.1, "wall above: \(value(0.5, 0.05))")
        #expect(value(0.1, 0.4) < 0.1, "wall beside: \(value(0.1, 0.4))")
        #expect(
            value(0.15, 0.97) < 0.1 && value(0.5, 0.97) > 0.9,
            "clothes and neck: \(value(0.15, 0.97)), \(value(0.5, 0.97))")
        // The grey's own edge decides where the head ends.
        #expect(value(0.79, 0.5) - value(0.84, 0.5) > 0.4, "\(value(0.79, 0.5)), \(value(0.84, 0.5))")
    }

    @Test func guessesBehindAFaceAreNoBlots() {
        let face = Self.face()
        let (grey, place) = Self.photograph(face)
        // Blue at one side behind the head, green at the other, skin's colour elsewhere.
        var chroma = Chroma(width: Self.side, height: Self.side)
        for i in chroma.cb.values.indices {
            let (x, isWall) = (i % Self.side, face.values[i] == 150)
            chroma.cb.values[i] = isWall ? (x < 80 ? 30 : -20) : -15
            chroma.cr.values[i] = isWall ? (x < 80 ? -10 : -20) : 20
        }
        let found = PhotographColouring().chroma(of: [(chroma, place)], grey: grey, person: Self.person)
        func colour(_ x: Int, _ y: Int) -> SIMD2<Float> {
            let i = (y + 80) * 320 + x + 80
            return SIMD2(found.cb.values[i], found.cr.values[i])
        }
        let skin = colour(80, 96) - SIMD2(-15, 20)
        #expect((skin * skin).sum() < 9, "\(colour(80, 96))")
        for (x, y) in [(14, 20), (146, 20), (12, 70), (148, 70)] {
            let behind = colour(x, y)
            #expect((behind * behind).sum().squareRoot() < 18, "\(x) \(y): \(behind)")
        }
        // No seam along the square.
        for y in stride(from: 4, to: 60, by: 4) {
            let step = colour(-4, y) - colour(16, y)
            #expect((step * step).sum().squareRoot() < 6, "\(y): \(step)")
        }
    }

    @Test func hairIsNeitherGreenNorViolet() {
        let face = Self.face()
        let (grey, place) = Self.photograph(face)
        for wrong in [SIMD2<Float>(-15, -15), SIMD2(15, 15), SIMD2(20, -12)] {
            let chroma = Chroma(
                cb: Plane(filledWith: wrong.x, width: Self.side, height: Self.side),
                cr: Plane(filledWith: wrong.y, width: Self.side, height: Self.side))
            var colouring = PhotographColouring()
            colouring.surround = .grey
            let found = colouring.chroma(of: [(chroma, place)], grey: grey, person: Self.person)
            // On the forehead, where shadows' fading has no say.
            let i = (72 + 80) * 320 + 160
            let colour = SIMD2(found.cb.values[i], found.cr.values[i])
            #expect((colour * colour).sum().squareRoot() < 8, "\(wrong) became \(colour)")
        }
    }

    @Test func thePersonOfOneSquareCountsMoreThanTheWallOfAnother() {
        let (grey, place) = Self.photograph(Self.face())
        let skin = Chroma(
            cb: Plane(filledWith: -15, width: Self.side, height: Self.side),
            cr: Plane(filledWith: 20, width: Self.side, height: Self.side))
        let other = PictureSquare(x: 260, y: 160, halfX: 80, halfY: 0)
        let blue = Chroma(
            cb: Plane(filledWith: 30, width: Self.side, height: Self.side),
            cr: Plane(filledWith: -10, width: Self.side, height: Self.side))
        let found = PhotographColouring().chroma(of: [(skin, place), (blue, other)], grey: grey, person: Self.person)
        // The right cheek of the first, in the left of the second.
        let i = 175 * 320 + 188
        #expect(found.cr.values[i] > 15 && found.cb.values[i] < -10, "\(found.cb.values[i]) \(found.cr.values[i])")
    }
}
