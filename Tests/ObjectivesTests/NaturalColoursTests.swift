import Core
import Images
import Objectives
import Testing

@Suite struct NaturalColoursTests {
    private static let side = 96

    /// A face of one colour within a disc, grey around it.
    private static func face(
        _ colour: (Float, Float, Float)?, x: Float = 0.5, y: Float = 0.3, radius: Float = 0.15
    ) -> ImageBatch {
        var planes = [Float](repeating: 0, count: 3 * side * side)
        for i in 0..<side * side {
            let (dx, dy) = (Float(i % side) / Float(side) - x, Float(i / side) / Float(side) - y)
            guard let colour, dx * dx + dy * dy < radius * radius else { continue }
            for (c, value) in [colour.0, colour.1, colour.2].enumerated() {
                planes[c * side * side + i] = value / 127.5 - 1
            }
        }
        return ImageBatch(planes, side: side)
    }

    @Test func lemonAndNavyCostWhatHairAndSkinDoNot() throws {
        let loss = NaturalColoursObjective(faces: Self.face(nil))
        func value(_ face: ImageBatch) throws -> Float { try loss.evaluate(face).values[0] }
        let natural: [(Float, Float, Float)] = [
            (230, 200, 145), (90, 60, 40), (25, 24, 26), (225, 170, 145), (120, 120, 120),
        ]
        for natural in natural {
            #expect(try value(Self.face(natural)) == 0, "\(natural)")
        }
        let wrong: [(Float, Float, Float)] = [(245, 235, 80), (15, 20, 60), (60, 200, 60), (255, 60, 60)]
        for wrong in wrong {
            #expect(try value(Self.face(wrong)) > 1e-4, "\(wrong)")
            // Beside the head it is no hair.
            #expect(try value(Self.face(wrong, x: 0.02, y: 0.98, radius: 0.1)) == 0, "\(wrong)")
        }
        #expect(throws: Failure.self) { try loss.evaluate(Self.face(nil).gathered([0, 0])) }
    }

    @Test func whatWasBlueMayStayBlue() throws {
        let sky = Self.face((60, 90, 200))
        let loss = NaturalColoursObjective(faces: sky)
        #expect(try loss.evaluate(sky).values[0] == 0)
        #expect(try loss.evaluate(Self.face((90, 110, 190))).values[0] == 0)
        #expect(try loss.evaluate(Self.face((30, 60, 230))).values[0] > 1e-4)
    }

    /// The objective is quadratic where colours stay outside, so that the slope between two points is exact.
    @Test func gradientsAreSlopes() throws {
        let loss = NaturalColoursObjective(faces: Self.face(nil))
        let seen = Self.face((245, 235, 80))
        let wave = Self.face((180, 140, 200)).planes
        let (measured, expected) = try slopes(of: loss, at: seen, along: wave)
        #expect(abs(expected) > 1e-3 && abs(measured - expected) < 2e-3 * abs(expected))
    }
}
