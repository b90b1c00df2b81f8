import Core
import Images
import Objectives
import Testing

@Suite struct FaceViewTests {
    private static func pictures(_ count: Int, side: Int = 24) -> ImageBatch {
        var random = CounterRandom(seed: 5, domain: 0x906)
        return ImageBatch((0..<count * 3 * side * side).map { _ in random.uniform(-1, 1) }, side: side)
    }

    private static func product(_ a: ImageBatch, _ b: ImageBatch) -> Double {
        zip(a.planes, b.planes).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }

    /// A view is affine, so that the difference of two pictures' views is the view's linear part of their difference.
    @Test func theWayBackIsTheAdjoint() throws {
        let pictures = Self.pictures(3)
        let (a, b, wave) = (pictures[0..<1], pictures[1..<2], pictures[2..<3])
        var difference = a
        for i in difference.planes.indices { difference.planes[i] -= b.planes[i] }
        let views = (0..<24).map { FaceView(seed: 9, number: $0) }.filter { !$0.isStraightThrough }
        #expect(views.count > 8)
        for view in views {
            var moved = FaceView.apply([view], to: a)
            let other = FaceView.apply([view], to: b)
            for i in moved.planes.indices { moved.planes[i] -= other.planes[i] }
            let (ahead, back) = (
                Self.product(moved, wave), Self.product(difference, FaceView.backward([view], wave))
            )
            #expect(abs(ahead - back) < 1e-3 * max(1, abs(ahead)), "\(ahead), \(back)")
        }
    }

    @Test func numbersNameViews() throws {
        let picture = Self.pictures(1)
        let plain = FaceView.apply([.plain], to: picture)
        #expect(plain == picture && FaceView.backward([.plain], picture) == picture)
        let seen = (0..<6).map { FaceView.apply([FaceView(seed: 1, number: $0)], to: picture) }
        for (number, view) in seen.enumerated() {
            #expect(view != picture && view.planes.allSatisfy(\.isFinite))
            #expect(view == FaceView.apply([FaceView(seed: 1, number: number)], to: picture))
            for other in seen[(number + 1)...] { #expect(view != other) }
        }
        #expect(seen[0] != FaceView.apply([FaceView(seed: 2, number: 0)], to: picture))
        // Each picture in its own.
        let two = Self.pictures(2)
        let views = [FaceView(seed: 1, number: 0), FaceView(seed: 1, number: 1)]
        let both = FaceView.apply(views, to: two)
        #expect(both[1..<2] == FaceView.apply([views[1]], to: two[1..<2]))
    }
}

@Suite struct SurroundingsTests {
    @Test func whatIsInsideCostsNothing() throws {
        var random = CounterRandom(seed: 6, domain: 0x907)
        let side = 8
        func picture() -> ImageBatch {
            ImageBatch((0..<3 * side * side).map { _ in random.uniform(-1, 1) }, side: side)
        }
        let (before, edited, wave) = (picture(), picture(), picture())
        // The left half is inside, a column at the rim half.
        let inside = (0..<side * side).map { i in Float(i % side < 3 ? 1 : i % side == 3 ? 0.5 : 0) }
        let loss = SurroundingsObjective(PixelLoss(targets: before, side: side), before: before, inside: inside)
        #expect(try loss.evaluate(before).values == [0])
        let found = try loss.evaluate(edited)
        var moved = edited
        for i in moved.planes.indices where i % side < 3 { moved.planes[i] += 1 }
        #expect(try loss.evaluate(moved).values == found.values)
        func value(_ step: Float) throws -> Float {
            var seen = edited
            for i in seen.planes.indices { seen.planes[i] += step * wave.planes[i] }
            return try loss.evaluate(seen).values[0]
        }
        let expected = zip(found.gradients.planes, wave.planes).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(abs((try value(0.1) - value(-0.1)) / 0.2 - expected) < 1e-4 && abs(expected) > 1e-3)
        #expect(throws: Failure.self) { try loss.evaluate(ImageBatch(edited.planes + edited.planes, side: side)) }
    }
}
