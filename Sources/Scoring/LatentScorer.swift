import Classifiers
import Core
import Foundation
import Generators
import Images
import Latents
import LatentStore
import Synchronization

/// Scores the database's latents: noise-free faces at the classifier's size, its logits and probabilities, stored in
/// batches, the three overlapping.
public struct LatentScorer {
    private let synthesizer: any Synthesizer
    private let classifier: AttributeClassifier
    private let store: LatentStore
    private let context: RunContext
    /// Latents a batch: synthesized, scored and stored together.
    public var batch = 16
    /// Pixels along a side of a kept thumbnail; nil keeps none.
    public var thumbnails: Int?

    public init(
        synthesizer: any Synthesizer, classifier: AttributeClassifier, store: LatentStore,
        context: RunContext = .silent
    ) {
        self.context = context
        self.synthesizer = synthesizer
        self.classifier = classifier
        self.store = store
    }

    /// The size at which faces are synthesized for a classifier: the smallest on offer that is not below its input.
    public static func synthesisSize(_ sizes: [Int], input: Int) -> Int {
        sizes.smallest(covering: input)
    }

    /// Scores the latents of the generator that this classifier has not scored.
    ///
    /// - Parameter limit: At most so many.
    /// - Returns: How many were scored.
    /// - Throws: ``Failure`` of any stage; batches stored before stay, and the same call goes on from there.
    public func score(limit: Int?) throws -> Int {
        let id = try store.registerClassifier(
            sha256: classifier.sha256, name: classifier.name, attributes: classifier.attributes)
        let sha256 = synthesizer.identity.sha256
        let total = min(limit ?? .max, try store.unscoredCount(classifier: id, generator: sha256))
        if total == 0 { return 0 }
        if total > 2000 { try store.dropScoreIndexes() }
        let progress = context.progress("score", unit: "images", total: total)
        let position = Mutex((after: Int64(-1), left: total))
        let size = LatentScorer.synthesisSize(
            synthesizer.sizes, input: max(classifier.inputSize, thumbnails ?? 0))
        let (store, synthesizer, classifier, batch, side) = (store, synthesizer, classifier, batch, thumbnails)
        // Another number of faces gives other last bits: a full batch each time, so that a face's scores don't depend on
        // how the work was divided or where it was cut.
        let full = batch
        let latentSize = synthesizer.identity.latentSize
        let pipeline = ScorePipeline<Batch, ImageBatch, Result>(
            context: context,
            fetch: {
                try position.withLock { position in
                    let wanted = min(batch, position.left)
                    if wanted == 0 { return nil }
                    let (ids, w) = try store.unscored(
                        classifier: id, generator: sha256, after: position.after, limit: wanted)
                    guard let last = ids.last else { return nil }
                    position = (last, position.left - ids.count)
                    return Batch(ids: ids, codes: try LatentCodes(w, size: latentSize))
                }
            },
            synthesize: { try synthesizer.synthesize($0.codes, size: size, noise: .none) },
            score: { batch, faces in
                let logits = try classifier.logits(
                    LatentScorer.filled(faces.resized(to: classifier.inputSize), to: full))
                return Result(
                    logits: Array(logits.prefix(batch.ids.count * classifier.attributes.count)),
                    thumbnails: try side.map { try LatentScorer.jpegs(faces, side: $0) } ?? [])
            },
            store: { batch, result in
                try store.insertScores(
                    classifier: id, attributes: classifier.attributes, ids: batch.ids, logits: result.logits,
                    probabilities: classifier.probabilities(result.logits), thumbnails: result.thumbnails)
                progress.advance(batch.ids.count)
            })
        defer { progress.finish() }
        do {
            try pipeline.run()
        } catch {
            try? store.indexScores(classifier.attributes)
            throw error
        }
        try store.indexScores(classifier.attributes)
        return total
    }

    private struct Batch: Sendable {
        let ids: [Int64]
        let codes: LatentCodes
    }

    private struct Result: Sendable {
        let logits: [Float]
        /// A JPEG a latent, or none.
        let thumbnails: [Data]
    }

    /// Logits of the noise-free faces of some codes, synthesis and classifier overlapping.
    ///
    /// - Returns: [count, attributes].
    /// - Throws: ``Failure`` of either, or when a stop is asked for.
    public static func logits(
        of codes: LatentCodes, synthesizer: any Synthesizer, classifier: AttributeClassifier, batch: Int = 16,
        context: RunContext = .silent
    ) throws -> [Float] {
        let size = synthesisSize(synthesizer.sizes, input: classifier.inputSize)
        let progress = context.progress(
            "score", unit: "images", total: codes.count, isShown: codes.count > batch)
        defer { progress.finish() }
        let next = Mutex(0)
        var logits: [Float] = []
        try ScorePipeline<Range<Int>, ImageBatch, [Float]>(
            context: context,
            fetch: {
                next.withLock { next in
                    defer { next = min(next + batch, codes.count) }
                    return next < codes.count ? next..<min(next + batch, codes.count) : nil
                }
            },
            synthesize: { try synthesizer.synthesize(try codes.slice($0), size: size, noise: .none) },
            score: { try classifier.logits($1.resized(to: classifier.inputSize)) },
            store: { range, scores in
                logits += scores
                progress.advance(range.count)
            }
        ).run()
        return logits
    }

    /// The faces, and the last of them again until there are `target`.
    private static func filled(_ faces: ImageBatch, to target: Int) -> ImageBatch {
        guard faces.count > 0, faces.count < target else { return faces }
        let last = faces.planes.suffix(faces.stride)
        return ImageBatch(
            faces.planes + (faces.count..<target).flatMap { _ in last }, side: faces.side, channels: faces.channels,
            range: faces.range)
    }

    /// JPEGs of faces, with so many pixels a side.
    private static func jpegs(_ faces: ImageBatch, side: Int) throws -> [Data] {
        try faces.resized(to: side).images.map { try $0.encodedJPEG(quality: 85) }
    }
}
