import Core
import Images

/// Another objective as a function of what surrounds a region: inside of it every picture counts as the one before its edit.
public struct SurroundingsObjective: Objective {
    private let inner: any Objective
    private let before: ImageBatch
    private let outside: [Float]

    /// - Parameters:
    ///   - inner: An objective that has the pictures before as its targets.
    ///   - before: The pictures before, of the size that edited ones will have.
    ///   - inside: [side, side]: 1 where changes don't count, 0 where they do.
    public init(_ inner: any Objective, before: ImageBatch, inside: [Float]) {
        precondition(inside.count == before.side * before.side, "a weight a pixel")
        self.inner = inner
        self.before = before
        outside = inside.map { 1 - $0 }
    }

    public var side: Int { inner.side }

    public func evaluate(_ images: ImageBatch) throws -> ObjectiveValue {
        guard images.count == before.count, images.side == before.side, images.channels == before.channels else {
            throw Failure(
                "surroundings", "are of \(before.count) pictures of \(before.side) pixels a side",
                "give as many of that size")
        }
        var seen = before
        for i in seen.planes.indices {
            seen.planes[i] += outside[i % outside.count] * (images.planes[i] - before.planes[i])
        }
        var found = try inner.evaluate(seen)
        for i in found.gradients.planes.indices { found.gradients.planes[i] *= outside[i % outside.count] }
        return found
    }
}
