import Core
import Faces
import Images
import Objectives
import Testing

@Suite struct IdentityObjectiveTests {
    @Test func aFaceIsNothingAwayFromItself() throws {
        let (embedder, faces) = (try DrawnNetwork.embedder(), DrawnNetwork.faces(side: 128))
        let same = try IdentityObjective(embedder, faces: faces).evaluate(faces)
        #expect(same.values.count == 2 && same.values.allSatisfy { abs($0) < 1e-5 })
        // At the minimum nothing changes.
        let other = try IdentityObjective(embedder, faces: faces[1..<2])
        let found = try other.evaluate(faces)
        #expect(found.values[0] > 1e-4 && abs(found.values[1]) < 1e-5)
        let sizes = (0..<2).map { face in
            found.gradients[face..<face + 1].planes.reduce(0) { $0 + $1 * $1 }.squareRoot()
        }
        #expect(sizes[0] > 20 * sizes[1], "\(sizes)")
    }

    @Test func itsGradientIsItsSlope() throws {
        let (embedder, faces) = (try DrawnNetwork.embedder(), DrawnNetwork.faces(side: 128))
        let objective = try IdentityObjective(embedder, faces: faces[1..<2])
        let (face, wave) = (faces[0..<1], DrawnNetwork.faces(side: 128)[1..<2].planes)
        let found = try objective.evaluate(face)
        func value(_ step: Float) throws -> Float {
            var moved = face
            for i in wave.indices { moved.planes[i] += step * wave[i] }
            return try objective.evaluate(moved).values[0]
        }
        let slope = (try value(5e-3) - value(-5e-3)) / 1e-2
        let expected = zip(found.gradients.planes, wave).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(abs(expected) > 1e-4 && abs(slope - expected) < 0.05 * abs(expected) + 1e-4, "\(slope), \(expected)")
        #expect(throws: Failure.self) {
            try IdentityObjective(embedder, faces: faces).evaluate(
                ImageBatch(face.planes + face.planes + face.planes, side: 128))
        }
    }
}
