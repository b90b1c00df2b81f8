import Classifiers
import Core
import Generators
import LatentStore
import Scoring
import Tensors

/// Which latents to score, and how.
public struct ScoreRequest: Sendable {
    /// The classifier, a file or a name in the workspace; nil for the one that comes with the program.
    public var classifier: String?
    /// At most so many latents; nil for all.
    public var limit: Int?
    /// The generator's name in the workspace.
    public var generator: String
    /// Threads that synthesize; 0 for one a processor.
    public var threads = 0
    /// Latents a batch.
    public var batch = 16
    /// Pixels along a side of a JPEG to keep of each face; nil keeps none.
    public var thumbnails: Int?
    /// Where to compute.
    public var device = Device.cpu
    /// Whether the generator's four largest levels compute in half precision.
    public var isHalf = false

    /// Asks for scores of the latents that the classifier has not scored.
    public init(classifier: String? = nil, limit: Int? = nil, generator: String = "default") {
        self.classifier = classifier
        self.limit = limit
        self.generator = generator
    }

    /// Checks what can be checked before anything is loaded.
    ///
    /// - Throws: ``Core/Failure`` (usage) naming the first value out of range.
    public func validate() throws {
        func require(_ fine: Bool, _ name: String, _ rule: String) throws {
            if !fine { throw Failure(name, rule, kind: .usage) }
        }
        try require(limit ?? 1 > 0, "limit", "must be at least 1")
        try require(1...1024 ~= batch, "batch", "must be 1 to 1,024")
        try require(0...1024 ~= threads, "threads", "must be 0 to 1,024")
        try require(16...1024 ~= thumbnails ?? 64, "thumbnails", "must be 16 to 1,024")
    }
}

/// What ``Session/score(_:)`` did.
public struct ScoreResult: Sendable, Encodable {
    /// Latents that were scored.
    public let scored: Int
    /// The classifier's name.
    public let classifier: String
    /// SHA-256 of the classifier.
    public let classifierSHA256: String
}

extension Session {
    /// Synthesizes each latent's face without noise and stores its scores.
    ///
    /// Latents that this classifier has scored are left out, so a stopped run goes on where it was.
    ///
    /// - Throws: ``Core/Failure``: a value out of range (usage), no such generator or classifier, memory that runs out, a
    ///   database that can't be written, or a stop.
    @discardableResult
    public func score(_ request: ScoreRequest = .init()) throws -> ScoreResult {
        try request.validate()
        Torch.keepFreedMemory()
        let loaded = try generator(request.generator)
        let network = try classifier(request.classifier, device: request.device)
        let store = try store()
        let parameters = [
            "limit": request.limit.map { "\($0)" } ?? "all", "batch": "\(request.batch)", "half": "\(request.isHalf)",
        ]
        let inputs = ["generator": loaded.identity.sha256, "classifier": network.sha256]
        return try store.logged("score", parameters: parameters, inputs: inputs) {
            var scorer = LatentScorer(
                synthesizer: try loaded.synthesizer(
                    .engine, threads: request.threads, device: request.device, isHalf: request.isHalf),
                classifier: network, store: store, context: context)
            scorer.batch = request.batch
            scorer.thumbnails = request.thumbnails
            let count = try scorer.score(limit: request.limit)
            try store.checkpoint()
            let result = ScoreResult(scored: count, classifier: network.name, classifierSHA256: network.sha256)
            return (result, ["scored": "\(count)"])
        }
    }
}
