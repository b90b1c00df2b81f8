import Core
import Foundation
import Generators
import LatentStore

/// A part of a sample set: one of n contiguous stretches of indices, which together are the whole.
public struct Shard: Sendable, Equatable, CustomStringConvertible {
    /// Which part, from 0.
    public let number: Int
    /// How many parts there are.
    public let count: Int

    /// The whole set.
    public static let whole = Shard(number: 0, count: 1)

    /// As it is parsed, such as `3/64`.
    public var description: String { "\(number)/\(count)" }

    private init(number: Int, count: Int) {
        self.number = number
        self.count = count
    }

    /// Parses `3/64`: part 3 of 64, counted from 0.
    ///
    /// - Throws: ``Failure`` (usage) for anything else, or a part that does not exist.
    public init(_ text: String) throws {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 2, let number = parts[0], let count = parts[1], count > 0, (0..<count).contains(number)
        else {
            throw Failure("shard \(text)", "is not a part such as 0/64 to 63/64", "count parts from 0", kind: .usage)
        }
        self.init(number: number, count: count)
    }

    /// The shard's own indices of a set of `total`: one contiguous stretch.
    public func range(of total: Int) -> Range<UInt32> {
        let low = total * number / count
        let high = total * (number + 1) / count
        return UInt32(low)..<UInt32(high)
    }
}

/// Draws latents into the database: z from the seed, w by the mapping network, truncated; noise has no part in it.
public struct LatentSampler {
    /// How many latents the whole set is to have, the seed, truncation and the part to draw.
    public struct Request: Sendable {
        public var count: Int
        public var seed: UInt64
        public var psi: Float
        public var shard: Shard

        /// - Throws: ``Failure`` (usage) for a count outside 0…2³²−1 or a psi that is not finite.
        public init(count: Int, seed: UInt64, psi: Float, shard: Shard = .whole) throws {
            guard count >= 0, count <= Int(UInt32.max) else {
                throw Failure("count \(count)", "is out of range", "give 0 to \(UInt32.max)", kind: .usage)
            }
            guard psi.isFinite else {
                throw Failure("psi", "must be a finite number", "for example 0.7", kind: .usage)
            }
            self.count = count
            self.seed = seed
            self.psi = psi
            self.shard = shard
        }
    }

    let generator: Generator
    let store: LatentStore
    let context: RunContext
    /// Latents a transaction; also those mapped in one matrix product.
    public var batch = 4096

    public init(generator: Generator, store: LatentStore, context: RunContext = .silent) {
        self.generator = generator
        self.store = store
        self.context = context
    }

    /// Draws what the set lacks; what is there stays as it is, so a stopped or killed run goes on where it was.
    ///
    /// Mapping and writing overlap: a thread maps batch after batch, the calling thread writes them.
    ///
    /// - Returns: The set and how many latents were added.
    /// - Throws: ``Failure`` when the set was steered (conflict) or the database can't be written; batches before stay.
    public func sample(_ request: Request) throws -> (set: SampleSet, added: Int) {
        let set = try store.sampleSet(
            generator: generator.identity.record, seed: request.seed, psi: Double(request.psi),
            meanLatent: generator.meanLatent)
        if let steering = try store.steering(of: set) {
            throw Failure(
                "seed \(request.seed)", "holds the latents that \(steering.direction) kept of it",
                "draw more of them by steering, or draw another seed", kind: .conflict)
        }
        let gaps = try store.missing(in: set, request.shard.range(of: request.count))
        let queue = BoundedQueue<(first: UInt32, w: [Float])>(capacity: 2)
        let (generator, batch, context) = (generator, UInt32(batch), context)
        let thread = Thread {
            do {
                for gap in gaps {
                    var first = gap.lowerBound
                    while first < gap.upperBound && !context.isCancelled {
                        let last = min(gap.upperBound, first + batch)
                        let w = try generator.latents(
                            seed: request.seed, indices: UInt64(first)..<UInt64(last), psi: request.psi)
                        try queue.push((first, w))
                        first = last
                    }
                }
                queue.finish()
            } catch {
                queue.fail(error)
            }
        }
        thread.stackSize = 8 << 20
        thread.start()
        let total = request.shard.range(of: request.count).count
        let progress = context.progress("sample", unit: "latents", total: total, isShown: !gaps.isEmpty)
        defer { progress.finish() }
        var added = 0
        do {
            while let (first, w) = try queue.pop() {
                try store.insert(w, into: set, first: first)
                let count = w.count / set.meanLatent.count
                added += count
                progress.advance(count)
            }
        } catch {
            queue.fail(error)
            throw error
        }
        try context.check()
        return (set, added)
    }
}

extension GeneratorIdentity {
    /// The generator as the database knows it.
    public var record: GeneratorRecord {
        GeneratorRecord(
            sha256: sha256, name: name, architecture: architecture, resolution: resolution, latentSize: latentSize,
            layers: layers)
    }
}
