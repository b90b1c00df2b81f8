import Core
import Faces
import Images
import Testing

/// The embedder's way back, on a network of dlib's shape with drawn weights.
@Suite struct GradientTests {
    private let embedder: FaceEmbedder

    init() throws { embedder = try DrawnNetwork.embedder() }

    @Test(arguments: [256, 96]) func gradientsAreTheEmbeddingsSlopes(side: Int) throws {
        let faces = DrawnNetwork.faces(side: side)
        var random = CounterRandom(seed: 10, domain: 0x903)
        let cotangent = (0..<256).map { _ in random.normal() }
        let gradient = try embedder.backward(faces, gradients: cotangent)
        #expect(gradient.count == 2 && gradient.side == side)
        // Along a smooth step the function is nearly linear; the two pictures differ in sign.
        let wave = DrawnNetwork.faces(side: side).planes.enumerated().map { $1 * ($0 < faces.stride ? 1 : -0.5) }
        func value(_ step: Float) throws -> Double {
            var moved = faces
            for i in wave.indices { moved.planes[i] += step * wave[i] }
            return zip(try embedder.embeddings(moved), cotangent).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        let slope = (try value(2e-3) - value(-2e-3)) / 4e-3
        let expected = zip(gradient.planes, wave).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        #expect(abs(expected) > 1e-3 && abs(slope - expected) < 0.02 * abs(expected) + 1e-3, "\(slope), \(expected)")
        // What lies outside of the inner face has no say.
        #expect(gradient.planes[0] == 0 && gradient.planes.contains { $0 != 0 })
    }

    @Test func floatFacesAreSeenAsThe8BitOnesAre() throws {
        let faces = ImageBatch(DrawnNetwork.faces(side: 256).images, side: 256)
        let (a, b) = (try embedder.embeddings(faces), try embedder.embeddings(pictures: faces.images))
        let scale = b.map(abs).max() ?? 0
        #expect(a.count == 256 && zip(a, b).allSatisfy { abs($0 - $1) < 0.02 * scale })
    }

    @Test func otherNumbersOfGradientsAreRefused() {
        #expect(throws: Failure.self) { try embedder.backward(DrawnNetwork.faces(side: 64), gradients: [1, 2, 3]) }
    }
}
