import Classifiers
import Core
import Editing
import Faces
import Foundation
import Generators
import Images
import Latents
import LatentStore
import Scoring

/// Edits fresh faces along directions, synthesizes them without noise and scores them again.
///
/// Fresh means: latents of a seed that no sample set of the database has, so that no direction was fitted on them. What is
/// scored stays in the database; a stopped evaluation goes on where it was.
public struct DirectionEvaluator {
    /// A direction to judge.
    public struct Subject: Sendable {
        public let direction: EditDirection
        /// SHA-256 of its file.
        public let sha256: String
        public let layers: LayerRange?

        public init(_ direction: EditDirection, sha256: String, layers: LayerRange? = nil) {
            self.direction = direction
            self.sha256 = sha256
            self.layers = layers
        }
    }

    /// Logits of a direction's edited faces.
    public struct Measured: Sendable {
        public let label: String
        /// In sigma, ascending.
        public let strengths: [Double]
        /// For each strength [count, attributes].
        public let logits: [[Float]]
        /// Of the same faces unedited: [count, attributes].
        public let base: [Float]
        /// For each strength [count, 128], and of the unedited faces; nil without a face-recognition network.
        public var embeddings: (edited: [[Float]], base: [Float])?

        public init(label: String, strengths: [Double], logits: [[Float]], base: [Float]) {
            self.label = label
            self.strengths = strengths
            self.logits = logits
            self.base = base
        }
    }

    private let generator: Generator
    private let synthesizer: any Synthesizer
    private let classifier: AttributeClassifier
    private let store: LatentStore
    private let context: RunContext
    /// The seed of the fresh faces.
    public var seed: UInt64 = DirectionEvaluator.seed
    /// Faces a batch.
    public var batch = 16
    /// Also measures how much of the person is left; nil leaves that out.
    public var embedder: FaceEmbedder?

    /// The seed that evaluations use unless told otherwise.
    public static let seed = UInt64.max - 1

    public init(
        generator: Generator, synthesizer: any Synthesizer, classifier: AttributeClassifier, store: LatentStore,
        context: RunContext = .silent
    ) {
        self.context = context
        self.generator = generator
        self.synthesizer = synthesizer
        self.classifier = classifier
        self.store = store
    }

    private struct Batch: Sendable {
        let evaluation: Int64
        let faces: [Int]
        let codes: LatentCodes
    }

    /// Scores `count` faces as they are and along each direction at each strength.
    ///
    /// - Parameters:
    ///   - subjects: The directions.
    ///   - strengths: In sigma.
    ///   - count: How many faces.
    /// - Returns: The logits of each direction.
    /// - Throws: ``Failure`` of any stage; what was scored before stays.
    public func measure(_ subjects: [Subject], strengths: [Double], count: Int) throws
        -> [Measured]
    {
        try measure(subjects, strengths: subjects.map { _ in strengths }, count: count)
    }

    /// The same with strengths of its own for each direction.
    ///
    /// - Throws: ``Failure`` of any stage; what was scored before stays.
    public func measure(_ subjects: [Subject], strengths: [[Double]], count: Int) throws
        -> [Measured]
    {
        precondition(subjects.count == strengths.count, "strengths for each direction")
        let judge = try store.registerClassifier(
            sha256: classifier.sha256, name: classifier.name, attributes: classifier.attributes)
        let size = generator.identity.latentSize
        let base = try LatentCodes(generator.latents(seed: seed, indices: 0..<UInt64(count)), size: size)
        let unedited = try store.evaluation(
            EvaluationKey(generatorSHA256: generator.identity.sha256, classifier: judge, seed: seed))
        var batches = try self.batches(unedited, count: count) { base }
        var ids: [[Int64]] = []
        for (subject, strengths) in zip(subjects, strengths) {
            ids.append([])
            for strength in strengths {
                let key = EvaluationKey(
                    generatorSHA256: generator.identity.sha256, classifier: judge, directionSHA256: subject.sha256,
                    label: subject.direction.label, strength: strength,
                    step: strength * Double(subject.direction.sigma),
                    layers: subject.layers.map { "\($0.first)-\($0.last)" } ?? "", seed: seed)
                let id = try store.evaluation(key)
                ids[ids.count - 1].append(id)
                batches += try self.batches(id, count: count) {
                    try edited(base, along: subject, strength: strength)
                }
            }
        }
        try score(batches)
        let logits = try store.faces(of: unedited, count: count)
        return try subjects.indices.map { index in
            let ids = ids[index]
            var measured = Measured(
                label: subjects[index].direction.label, strengths: strengths[index],
                logits: try ids.map { try store.faces(of: $0, count: count) }, base: logits)
            let edited = try ids.compactMap { try store.embeddings(of: $0, count: count) }
            if let unedited = try store.embeddings(of: unedited, count: count), edited.count == ids.count {
                measured.embeddings = (edited, unedited)
            }
            return measured
        }
    }

    /// Scores `count` faces as they are.
    ///
    /// - Returns: [count, attributes], logits.
    /// - Throws: ``Failure`` of any stage; what was scored before stays.
    public func unedited(count: Int) throws -> [Float] {
        let judge = try store.registerClassifier(
            sha256: classifier.sha256, name: classifier.name, attributes: classifier.attributes)
        let base = try LatentCodes(
            generator.latents(seed: seed, indices: 0..<UInt64(count)), size: generator.identity.latentSize)
        let key = try store.evaluation(
            EvaluationKey(generatorSHA256: generator.identity.sha256, classifier: judge, seed: seed))
        try score(batches(key, count: count) { base })
        return try store.faces(of: key, count: count)
    }

    private func edited(_ base: LatentCodes, along subject: Subject, strength: Double) throws -> LatentCodes {
        let edit = LatentEdit(
            [LatentEdit.Step(subject.direction, strength: Float(strength))], unit: .sigma, layers: subject.layers)
        let result = try edit.apply(
            to: base.values, rows: base.rows, size: base.size, layerCount: generator.identity.styleGAN2Layers)
        return try LatentCodes(result.codes, rows: result.rows, size: base.size)
    }

    /// What an evaluation lacks, in batches; the codes are made only where something is missing.
    private func batches(_ evaluation: Int64, count: Int, codes: () throws -> LatentCodes) throws -> [Batch] {
        let missing = try store.missingFaces(of: evaluation, count: count, embedded: embedder != nil)
        if missing.isEmpty { return [] }
        let all = try codes()
        let one = all.rows * all.size
        return try stride(from: 0, to: missing.count, by: batch).map { start in
            let faces = Array(missing[start..<min(start + batch, missing.count)])
            let values = faces.flatMap { all.values[$0 * one..<($0 + 1) * one] }
            return Batch(
                evaluation: evaluation, faces: faces, codes: try LatentCodes(values, rows: all.rows, size: all.size))
        }
    }

    private func score(_ batches: [Batch]) throws {
        if batches.isEmpty { return }
        let total = batches.reduce(0) { $0 + $1.faces.count }
        let progress = context.progress("evaluate", unit: "images", total: total)
        defer { progress.finish() }
        // A face-recognition network wants more pixels than the classifier.
        let judged = LatentScorer.synthesisSize(synthesizer.sizes, input: classifier.inputSize)
        let size = LatentScorer.synthesisSize(
            synthesizer.sizes, input: max(classifier.inputSize, embedder == nil ? 0 : FaceEmbedder.faceSize))
        let (store, synthesizer, classifier, embedder) = (store, synthesizer, classifier, embedder)
        let queue = BoundedQueue<Batch>(capacity: batches.count)
        for batch in batches { try queue.push(batch) }
        queue.finish()
        try ScorePipeline<Batch, ImageBatch, (logits: [Float], embeddings: [Float]?)>(
            context: context,
            fetch: { try queue.pop() },
            synthesize: { try synthesizer.synthesize($0.codes, size: size, noise: .none) },
            score: { _, faces in
                // By way of the size that is synthesized for it alone, so that its logits are the same with and without.
                let logits = try classifier.logits(faces.resized(to: judged).resized(to: classifier.inputSize))
                return (logits, try embedder?.embeddings(pictures: faces.images))
            },
            store: { batch, result in
                try store.insertFaces(
                    batch.faces, of: batch.evaluation, logits: result.logits, embeddings: result.embeddings)
                progress.advance(batch.faces.count)
            }
        ).run()
    }
}
