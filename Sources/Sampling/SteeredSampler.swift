import Core
import Foundation
import Generators
import LatentStore

/// Which latents of a seed are worth scoring: more of them where an attribute is (importance sampling).
///
/// With x the place of a latent along a direction, in standard deviations from the mean, it is kept by chance
///
///     a(x) = min(1, max(floor, exp(tilt · (x − full)))),
///
/// and stands for 1 / a(x) latents of its seed (Horvitz and Thompson, "A Generalization of Sampling Without Replacement", JASA
/// 1952), so that weighted statistics are those of the seed. Chance is the latent's own: the same seed and direction keep the same
/// latents, and each is the same as without steering.
public struct LatentSteering: Sendable {
    /// From which place on all latents are kept, how steeply fewer are before it, and the chance that every latent has.
    public static let (full, tilt, floor): (Float, Float, Float) = (2, 1.5, 0.05)
    /// Latents that the mean and the deviation are measured on.
    private static let measured = 4096
    private static let measuredSeed = UInt64.max - 5

    /// What the direction is called, such as `mustache@v1`.
    public let label: String
    /// SHA-256 of its file.
    public let sha256: String
    private let direction: [Float]
    private let mean: Float
    private let deviation: Float

    /// - Parameters:
    ///   - direction: [latentSize], of W.
    ///   - label: What the direction is called.
    ///   - sha256: Of its file.
    ///   - generator: Whose latents are meant.
    ///   - psi: Their truncation.
    /// - Throws: ``Failure`` (conflict) for a direction of another size, or along which latents do not differ.
    public init(direction: [Float], label: String, sha256: String, generator: Generator, psi: Float) throws {
        guard direction.count == generator.identity.latentSize else {
            throw Failure(
                label, "has \(direction.count) components", "steer by a direction of W of this generator",
                kind: .conflict)
        }
        let w = try generator.latents(
            seed: LatentSteering.measuredSeed, indices: 0..<UInt64(LatentSteering.measured), psi: psi)
        let places = LatentSteering.places(w, direction)
        let mean = places.reduce(0, +) / Float(places.count)
        let deviation = (places.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(places.count)).squareRoot()
        guard deviation > 0, deviation.isFinite else {
            throw Failure(label, "does not tell latents apart", "steer by another direction", kind: .conflict)
        }
        (self.direction, self.label, self.sha256) = (direction, label, sha256)
        (self.mean, self.deviation) = (mean, deviation)
    }

    private static func places(_ w: [Float], _ direction: [Float]) -> [Float] {
        stride(from: 0, to: w.count, by: direction.count).map { start in
            direction.indices.reduce(Float(0)) { $0 + w[start + $1] * direction[$1] }
        }
    }

    /// The chance of each latent of being kept.
    ///
    /// - Parameter w: [count, latentSize].
    /// - Returns: [count].
    public func chances(_ w: [Float]) -> [Float] {
        LatentSteering.places(w, direction).map { place in
            let x = (place - mean) / deviation
            return min(1, max(LatentSteering.floor, exp(LatentSteering.tilt * (x - LatentSteering.full))))
        }
    }
}

extension LatentSampler {
    /// Draws from a seed until a set has so many latents that were kept by a steering; a stopped run goes on where it was.
    ///
    /// - Parameters:
    ///   - request: How many, and of which seed; no shard.
    ///   - steering: What decides on each.
    /// - Returns: The set, how many latents were added, and of how many of the seed they were kept.
    /// - Throws: ``Failure``: a shard (usage), a set of that seed that was drawn as it comes or steered otherwise (conflict), or a
    ///   database that can't be written; batches before stay.
    public func sample(
        _ request: Request, steering: LatentSteering
    ) throws -> (set: SampleSet, added: Int, examined: Int) {
        guard request.shard == .whole else {
            throw Failure(
                "shard \(request.shard)", "is a part of a set that is drawn as it comes",
                "steer whole sets, each of a seed of its own", kind: .usage)
        }
        let set = try store.sampleSet(
            generator: generator.identity.record, seed: request.seed, psi: Double(request.psi),
            meanLatent: generator.meanLatent)
        let known = try store.steering(of: set)
        var total = try store.sampleSets().first { $0.set.id == set.id }?.count ?? 0
        guard known.map({ $0.directionSHA256 == steering.sha256 }) ?? (total == 0) else {
            throw Failure(
                "seed \(request.seed)", "has been drawn \(known.map { "by \($0.direction)" } ?? "as it comes") already",
                "steer another seed", kind: .conflict)
        }
        var state = known ?? Steering(direction: steering.label, directionSHA256: steering.sha256)
        let progress = context.progress(
            "sample", unit: "latents", total: request.count, isShown: total < request.count)
        defer { progress.finish() }
        var added = 0
        while total < request.count {
            try context.check()
            let first = state.examined
            guard first < UInt32.max - UInt32(batch) else {
                throw Failure("seed \(request.seed)", "has been looked through", "steer another seed", kind: .conflict)
            }
            let w = try generator.latents(
                seed: request.seed, indices: UInt64(first)..<UInt64(first) + UInt64(batch), psi: request.psi)
            let (size, chances) = (generator.identity.latentSize, steering.chances(w))
            var kept: (w: [Float], indices: [UInt32], weights: [Float]) = ([], [], [])
            for (row, chance) in chances.enumerated() where total + kept.indices.count < request.count {
                let index = first + UInt32(row)
                state.examined = index + 1
                var random = CounterRandom(seed: request.seed, domain: 0x7374_6572, position: UInt64(index))
                guard random.uniform(0, 1) < chance else { continue }
                kept.w += w[row * size..<(row + 1) * size]
                kept.indices.append(index)
                kept.weights.append(1 / chance)
            }
            try store.insert(kept.w, indices: kept.indices, weights: kept.weights, into: set, steering: state)
            total += kept.indices.count
            added += kept.indices.count
            progress.advance(kept.indices.count)
        }
        return (set, added, Int(state.examined))
    }
}
