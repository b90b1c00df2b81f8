import Core
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

    public init(
        count: Int = 500_000, seed: UInt64 = 0, psi: Float = 1, generator: String = "default", shard: Shard = .whole,
        journal: Journal? = nil
    ) {
        self.count = count
        self.seed = seed
        self.psi = psi
        self.generator = generator
        self.shard = shard
        self.journal = journal
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
            "shard": request.shard == .whole ? "whole" : "\(request.shard)",
        ]
        return try store.logged("sample", parameters: parameters, inputs: ["generator": generator.identity.sha256]) {
            let (set, added) = try LatentSampler(generator: generator, store: store, context: context).sample(plan)
            try store.checkpoint()
            let result = SampleResult(
                set: Int(set.id), added: added, total: request.shard.range(of: request.count).count)
            return (result, ["set": "\(set.id)", "added": "\(added)"])
        }
    }
}
