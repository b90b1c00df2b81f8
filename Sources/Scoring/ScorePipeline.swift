import Core
import Foundation

/// Three stages on threads of their own, joined by short queues: make the pictures of a batch of latents, score them,
/// store the scores.
///
/// While one batch is scored the next is synthesized and the one before is written.
public struct ScorePipeline<Batch: Sendable, Pictures: Sendable, Scores: Sendable> {
    /// The next batch to work on, or nil at the end; called in order from one thread.
    public var fetch: @Sendable () throws -> Batch?
    /// Pictures of a batch.
    public var synthesize: @Sendable (Batch) throws -> Pictures
    /// Scores of a batch's pictures.
    public var score: @Sendable (Batch, Pictures) throws -> Scores
    /// Asked whether to stop.
    public var context: RunContext
    /// Stores a batch's scores; called in order from the calling thread.
    public var store: (Batch, Scores) throws -> Void

    public init(
        context: RunContext = .silent,
        fetch: @escaping @Sendable () throws -> Batch?, synthesize: @escaping @Sendable (Batch) throws -> Pictures,
        score: @escaping @Sendable (Batch, Pictures) throws -> Scores, store: @escaping (Batch, Scores) throws -> Void
    ) {
        self.context = context
        self.fetch = fetch
        self.synthesize = synthesize
        self.score = score
        self.store = store
    }

    /// Works until `fetch` has no more.
    ///
    /// When a stop is asked for, batches under way are finished and stored first.
    ///
    /// - Throws: The first error of any stage; what was stored stays stored.
    public func run() throws {
        let pictures = BoundedQueue<(Batch, Pictures)>(capacity: 1)
        let scores = BoundedQueue<(Batch, Scores)>(capacity: 2)
        let ended = DispatchGroup()
        let (fetch, synthesize, score, context) = (fetch, synthesize, score, context)
        ScorePipeline.start("synthesize", ended) {
            do {
                while !context.isCancelled, let batch = try fetch() {
                    try pictures.push((batch, try synthesize(batch)))
                }
                pictures.finish()
            } catch {
                pictures.fail(error)
            }
        }
        ScorePipeline.start("score", ended) {
            do {
                while let (batch, made) = try pictures.pop() { try scores.push((batch, try score(batch, made))) }
                scores.finish()
            } catch {
                pictures.fail(error)
                scores.fail(error)
            }
        }
        defer { ended.wait() }
        do {
            while let (batch, result) = try scores.pop() { try store(batch, result) }
        } catch {
            pictures.fail(error)
            scores.fail(error)
            throw error
        }
        try context.check()
    }

    private static func start(_ name: String, _ group: DispatchGroup, _ body: @escaping @Sendable () -> Void) {
        group.enter()
        let thread = Thread {
            body()
            group.leave()
        }
        thread.name = name
        thread.stackSize = 8 << 20
        thread.start()
    }
}
