import Core
import Foundation
import Images
import Objectives
import Testing

/// How fast a quadratic objective changes along a wave, between two points around a picture and by its gradients there.
func slopes(
    of loss: any Objective, at seen: ImageBatch, along wave: [Float]
) throws -> (measured: Float, expected: Float) {
    func value(_ step: Float) throws -> Float {
        var moved = seen
        for i in wave.indices { moved.planes[i] += step * wave[i] }
        return try loss.evaluate(moved).values[0]
    }
    let found = try loss.evaluate(seen)
    return (
        (try value(0.1) - value(-0.1)) / 0.2, zip(found.gradients.planes, wave).reduce(0) { $0 + $1.0 * $1.1 }
    )
}

@Suite struct PixelLossTests {
    private static func pictures(_ count: Int, side: Int) -> ImageBatch {
        var random = CounterRandom(seed: 3, domain: 0x905)
        return ImageBatch((0..<count * 3 * side * side).map { _ in random.uniform(-1, 1) }, side: side)
    }

    @Test func itIsTheFieldsL2() throws {
        let pictures = Self.pictures(4, side: 8)
        let loss = PixelLoss(targets: pictures[0..<2], side: 8)
        let found = try loss.evaluate(pictures[2..<4])
        for i in 0..<2 {
            let (a, b) = (pictures[i..<i + 1].planes, pictures[i + 2..<i + 3].planes)
            let expected = zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / 192
            #expect(abs(found.values[i] - expected) < 1e-6)
        }
        #expect(throws: Failure.self) { try loss.evaluate(pictures) }
    }

    /// The loss is quadratic, so that the slope between two points is exact.
    @Test func gradientsAreSlopesAtEverySize() throws {
        let pictures = Self.pictures(3, side: 16)
        let loss = PixelLoss(targets: pictures[0..<1], sizes: [(16, 1), (8, 0.5), (5, 2)])
        let (seen, wave) = (pictures[1..<2], pictures[2..<3].planes)
        let (measured, expected) = try slopes(of: loss, at: seen, along: wave)
        #expect(abs(measured - expected) < 1e-4 && abs(expected) > 1e-3)
    }
}

@Suite struct GreyObjectiveTests {
    @Test func greysAreComparedAndGradientsAreSlopes() throws {
        var random = CounterRandom(seed: 5, domain: 0x905)
        func picture() -> ImageBatch { ImageBatch((0..<768).map { _ in random.uniform(-1, 1) }, side: 16) }
        let (target, seen, wave) = (picture(), picture(), picture().planes)
        let weights: [Float] = [0.299, 0.587, 0.114]
        let loss = GreyObjective(PixelLoss(targets: target, side: 16), weights: weights)
        let found = try loss.evaluate(seen)
        let (measured, expected) = try slopes(of: loss, at: seen, along: wave)
        #expect(abs(measured - expected) < 1e-4 && abs(expected) > 1e-3)
        // Colours that leave the grey as it is change nothing.
        var coloured = seen
        for i in 0..<256 {
            coloured.planes[i] += 0.3 / weights[0]
            coloured.planes[i + 256] -= 0.3 / weights[1]
        }
        #expect(abs(try loss.evaluate(coloured).values[0] - found.values[0]) < 1e-5)
    }
}

@Suite struct ComplexionTests {
    private static let side = 96

    /// A grey face whose skin has Cr by Gaussians where cheeks are, or anywhere else.
    private static func face(red: Float = 0, light: Float = 0, x: Float = 0.345, y: Float = 0.595) -> ImageBatch {
        var planes = [Float](repeating: light, count: 3 * side * side)
        for i in 0..<side * side {
            let (dx, dy) = (Float(i % side) / Float(side) - x, Float(i / side) / Float(side) - y)
            planes[i] += red * exp(-(dx * dx + dy * dy) / 0.01)
        }
        return ImageBatch(planes, side: side)
    }

    @Test func aRedCheekCostsAndLightOrARedCollarDoesNot() throws {
        let loss = ComplexionObjective(faces: Self.face())
        func value(_ face: ImageBatch) throws -> Float { try loss.evaluate(face).values[0] }
        #expect(try value(Self.face()) == 0)
        #expect(try value(Self.face(light: 0.3)) < 1e-9)
        #expect(try value(Self.face(red: 0.4, x: 0.5, y: 0.97)) < 1e-5)
        let (cheek, other) = (try value(Self.face(red: 0.4)), try value(Self.face(red: 0.4, x: 0.655)))
        #expect(cheek > 0.005 && abs(cheek - other) < 0.1 * cheek)
        #expect(throws: Failure.self) { try loss.evaluate(Self.face().gathered([0, 0])) }
    }

    /// The objective is quadratic, so that the slope between two points is exact.
    @Test func gradientsAreSlopes() throws {
        let loss = ComplexionObjective(faces: Self.face())
        let (seen, wave) = (Self.face(red: 0.3, x: 0.4), Self.face(red: 1, light: 0.5).planes)
        let (measured, expected) = try slopes(of: loss, at: seen, along: wave)
        #expect(expected > 1e-3 && abs(measured - expected) < 1e-3 * expected)
    }
}
