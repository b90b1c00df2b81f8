import Core
import DirectionFiles
import Generators
import LatentStore
import Sampling

/// What to draw: latents of one seed into the database.
public struct SampleRequest: Sendable {
    /// How many latents the set is to have, 0 to 2³² − 1.
    public var count: Int
    /// Names the set.
    public var seed: UInt64
    /// Truncation: w = mean + psi · (w − mean).
    public var psi: Float
    /// The generator's name in the workspace.
    public var generator: String
    /// The part of the set to draw.
    public var shard: Shard
    /// The database's journal; nil leaves it as it is.
    public var journal: Journal?
    /// A direction of W to draw more latents along: its name, `name@v1` or file; nil for latents as they come.
    ///
    /// The set then has those latents of the seed that were kept by chance, each with how many it stands for.
    public var steering: String?

    public init(
        count: Int = 500_000, seed: UInt64 = 0, psi: Float = 1, generator: String = "default", shard: Shard = .whole,
        journal: Journal? = nil, steering: String? = nil
    ) {
        self.count = count
        self.seed = seed
        self.psi = psi
        self.generator = generator
        self.shard = shard
        self.journal = journal
        self.steering = steering
    }

    /// Checks what can be checked before anything is loaded.
    ///
    /// - Throws: ``Core/Failure`` (usage) for a count or a psi out of range.
    public func validate() throws { _ = try plan() }

    func plan() throws -> LatentSampler.Request {
        try LatentSampler.Request(count: count, seed: seed, psi: psi, shard: shard)
    }
}

/// What ``Session/sample(_:)`` did.
public struct SampleResult: Sendable, Encodable {
    /// The sample set's id.
    public let set: Int
    /// Latents that are new.
    public let added: Int
    /// Latents that the set, or the part that was asked for, has now.
    public let total: Int
    /// Of how many latents of the seed they were kept; nil for a set that was not steered.
    public let examined: Int?
}

extension Session {
    /// Draws latents, noise-free and reproducibly, into the database; what is there is kept, so a stopped run goes on.
    ///
    /// - Throws: ``Core/Failure``: a request out of range (usage), no such generator (not found), a database that can't be
    ///   written, or a stop.
    @discardableResult
    public func sample(_ request: SampleRequest) throws -> SampleResult {
        let plan = try request.plan()
        let generator = try generator(request.generator)
        let store = try store(journal: request.journal)
        let parameters = [
            "count": "\(request.count)", "seed": "\(request.seed)", "psi": "\(request.psi)",
            "shard": request.shard == .whole ? "whole" : "\(request.shard)", "steer": request.steering ?? "",
        ]
        return try store.logged("sample", parameters: parameters, inputs: ["generator": generator.identity.sha256]) {
            let sampler = LatentSampler(generator: generator, store: store, context: context)
            let (set, added, examined): (SampleSet, Int, Int?)
            if let reference = request.steering {
                let steering = try steering(reference, generator: generator, psi: request.psi)
                (set, added, examined) = try sampler.sample(plan, steering: steering)
            } else {
                (set, added) = try sampler.sample(plan)
                examined = nil
            }
            try store.checkpoint()
            let result = SampleResult(
                set: Int(set.id), added: added, total: request.shard.range(of: request.count).count,
                examined: examined)
            return (result, ["set": "\(set.id)", "added": "\(added)"])
        }
    }

    private func steering(_ reference: String, generator: Generator, psi: Float) throws -> LatentSteering {
        let file = try direction(reference, of: generator.identity, hasShipped: false)
        guard file.rows == 1 else {
            throw Failure(file.label, "is a direction of W+", "steer by a direction of W", kind: .usage)
        }
        return try LatentSteering(
            direction: file.values, label: file.label, sha256: Hashing.sha256(try file.encoded()),
            generator: generator, psi: psi)
    }
}
