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
        /// What to call it where it is not the direction's own edit; nil for the direction's label.
        public var label: String?
        /// The codes of edited faces, by the unedited ones and the strength in sigma; nil for the direction's own edit.
        public var edit: (@Sendable (_ faces: LatentCodes, _ strength: Double) throws -> LatentCodes)?

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
    /// Further classifiers that score the same faces: ``measureByEach(_:strengths:count:)``.
    public var judges: [AttributeClassifier] = []
    private let store: LatentStore
    private let context: RunContext
    /// The seed of the fresh faces.
    public var seed: UInt64 = DirectionEvaluator.seed
    /// Faces a batch.
    public var batch = 16
    /// The indices of the faces that are measured, of ``faces(count:among:)``; nil for the first of the seed.
    public var places: [Int]?
    /// Also measures how much of the person is left; nil leaves that out.
    public var embedder: FaceEmbedder?

    /// The seed that evaluations use unless told otherwise.
    public static let seed = UInt64.max - 1
    /// How many times as many faces are looked through for those of a population.
    public static let mostLookedThrough = 200

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
        /// The evaluations' rows by the classifiers that are to score these faces: 0 is the evaluator's own.
        let evaluations: [(judge: Int, id: Int64)]
        /// The faces' indices in the seed.
        let faces: [Int]
        let codes: LatentCodes
    }

    private var classifiers: [AttributeClassifier] { [classifier] + judges }

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
        try measureByEach(subjects, strengths: strengths, count: count)[0]
    }

    /// The same faces as the evaluator's own classifier sees them, and then as each of ``judges`` does.
    ///
    /// - Returns: By classifier, by direction.
    /// - Throws: ``Failure`` of any stage; what was scored before stays.
    public func measureByEach(_ subjects: [Subject], strengths: [[Double]], count: Int) throws -> [[Measured]] {
        precondition(subjects.count == strengths.count, "strengths for each direction")
        let rows = try classifierRows()
        let faces = places ?? Array(0..<count)
        let base = try codes(faces)
        let unedited = try evaluations(rows) { EvaluationKey(generatorSHA256: $0, classifier: $1, seed: seed) }
        var batches = try self.batches(unedited, faces: faces) { base }
        var ids: [[[Int64]]] = []
        for (subject, strengths) in zip(subjects, strengths) {
            ids.append([])
            for strength in strengths {
                let found = try evaluations(rows) { generator, classifier in
                    EvaluationKey(
                        generatorSHA256: generator, classifier: classifier, directionSHA256: subject.sha256,
                        label: subject.label ?? subject.direction.label, strength: strength,
                        step: strength * Double(subject.direction.sigma),
                        layers: subject.layers.map { "\($0.first)-\($0.last)" } ?? "", seed: seed)
                }
                ids[ids.count - 1].append(found)
                batches += try self.batches(found, faces: faces) {
                    try subject.edit?(base, strength) ?? edited(base, along: subject, strength: strength)
                }
            }
        }
        try score(batches)
        return try rows.indices.map { judge in
            let logits = try store.logits(of: unedited[judge], faces: faces)
            return try subjects.indices.map { index in
                let ids = ids[index]
                var measured = Measured(
                    label: subjects[index].label ?? subjects[index].direction.label, strengths: strengths[index],
                    logits: try ids.map { try store.logits(of: $0[judge], faces: faces) }, base: logits)
                let edited = try ids.compactMap { try store.embeddings(of: $0[0], faces: faces) }
                if let unedited = try store.embeddings(of: unedited[0], faces: faces), edited.count == ids.count {
                    measured.embeddings = (edited, unedited)
                }
                return measured
            }
        }
    }

    /// Scores `count` faces as they are.
    ///
    /// - Returns: By classifier [count, its attributes], logits.
    /// - Throws: ``Failure`` of any stage; what was scored before stays.
    public func unedited(count: Int) throws -> [[Float]] {
        let faces = Array(0..<count)
        let base = try codes(faces)
        let ids = try evaluations(classifierRows()) { EvaluationKey(generatorSHA256: $0, classifier: $1, seed: seed) }
        try score(batches(ids, faces: faces) { base })
        return try ids.map { try store.logits(of: $0, faces: faces) }
    }

    /// Fresh faces of a population: the first that pass a filter of attributes, as the evaluator's own classifier sees them unedited.
    ///
    /// - Parameters:
    ///   - count: How many.
    ///   - filter: What they pass.
    /// - Returns: Indices of faces, ascending, and how many were looked through.
    /// - Throws: ``Failure`` (not found) where of ``mostLookedThrough`` times as many faces too few pass, or of any stage.
    public func faces(count: Int, among filter: Filter) throws -> (places: [Int], of: Int) {
        var scout = self
        scout.judges = []
        scout.embedder = nil
        var looked = count
        while true {
            let found = try store.faces(
                passing: filter, probabilities: classifier.probabilities(scout.unedited(count: looked)[0]),
                of: classifier.attributes)
            if found.count >= count { return (Array(found.prefix(count)), found[count - 1] + 1) }
            if looked >= DirectionEvaluator.mostLookedThrough * count {
                throw Failure(
                    "filter", "lets \(found.count) of \(looked) fresh faces pass, fewer than \(count)",
                    "ask for fewer faces, or loosen the filter", kind: .notFound)
            }
            // As many as it takes at the share so far, at most four times as many at once.
            let wanted = Double(looked) * Double(count) / Double(max(1, found.count))
            looked = min(
                max(looked + batch, Int(min(wanted, 4 * Double(looked)))), DirectionEvaluator.mostLookedThrough * count)
        }
    }

    /// w of some of the seed's faces.
    private func codes(_ faces: [Int]) throws -> LatentCodes {
        let size = generator.identity.latentSize
        let all = try generator.latents(seed: seed, indices: 0..<UInt64((faces.last ?? -1) + 1))
        return try LatentCodes(faces.flatMap { all[$0 * size..<($0 + 1) * size] }, size: size)
    }

    /// The classifiers' rows in the database.
    private func classifierRows() throws -> [Int64] {
        try classifiers.map {
            try store.registerClassifier(sha256: $0.sha256, name: $0.name, attributes: $0.attributes)
        }
    }

    /// The rows of one edit's evaluations, by classifier.
    private func evaluations(
        _ classifiers: [Int64], key: (_ generator: String, _ classifier: Int64) -> EvaluationKey
    ) throws -> [Int64] {
        try classifiers.map { try store.evaluation(key(generator.identity.sha256, $0)) }
    }

    private func edited(_ base: LatentCodes, along subject: Subject, strength: Double) throws -> LatentCodes {
        let edit = LatentEdit(
            [LatentEdit.Step(subject.direction, strength: Float(strength))], unit: .sigma, layers: subject.layers)
        let result = try edit.apply(
            to: base.values, rows: base.rows, size: base.size, layerCount: generator.identity.styleGAN2Layers)
        return try LatentCodes(result.codes, rows: result.rows, size: base.size)
    }

    /// What the evaluations of one edit lack, in batches; the codes are made only where something is missing.
    private func batches(_ evaluations: [Int64], faces: [Int], codes: () throws -> LatentCodes) throws -> [Batch] {
        // By face: the classifiers that have not scored it. How much of the person is left is the first one's to know.
        var lacking = [[Int]](repeating: [], count: faces.count)
        let rows = Dictionary(uniqueKeysWithValues: faces.enumerated().map { ($1, $0) })
        for (judge, id) in evaluations.enumerated() {
            let missing = try store.missingFaces(of: id, among: faces, embedded: judge == 0 && embedder != nil)
            for face in missing { lacking[rows[face] ?? 0].append(judge) }
        }
        let groups = Dictionary(grouping: faces.indices.filter { !lacking[$0].isEmpty }) { lacking[$0] }
        if groups.isEmpty { return [] }
        let all = try codes()
        let one = all.rows * all.size
        return try groups.sorted { $0.value[0] < $1.value[0] }.flatMap { judges, missing in
            try stride(from: 0, to: missing.count, by: batch).map { start in
                let rows = Array(missing[start..<min(start + batch, missing.count)])
                let values = rows.flatMap { all.values[$0 * one..<($0 + 1) * one] }
                return Batch(
                    evaluations: judges.map { ($0, evaluations[$0]) }, faces: rows.map { faces[$0] },
                    codes: try LatentCodes(values, rows: all.rows, size: all.size))
            }
        }
    }

    private func score(_ batches: [Batch]) throws {
        if batches.isEmpty { return }
        let total = batches.reduce(0) { $0 + $1.faces.count }
        let progress = context.progress("evaluate", unit: "images", total: total)
        defer { progress.finish() }
        let size = largestSize
        let judges = sizedClassifiers
        let (store, synthesizer, embedder) = (store, synthesizer, embedder)
        let queue = BoundedQueue<Batch>(capacity: batches.count)
        for batch in batches { try queue.push(batch) }
        queue.finish()
        try ScorePipeline<Batch, ImageBatch, (logits: [[Float]], embeddings: [Float]?)>(
            context: context,
            fetch: { try queue.pop() },
            synthesize: { try synthesizer.synthesize($0.codes, size: size, noise: .none) },
            score: { batch, faces in
                try DirectionEvaluator.judged(faces, of: batch, by: judges, embedder: embedder)
            },
            store: { batch, result in
                try DirectionEvaluator.insert(result, of: batch, into: store)
                progress.advance(batch.faces.count)
            }
        ).run()
    }

    /// A classifier, and the size at which faces would be synthesized for it alone.
    private typealias SizedClassifier = (classifier: AttributeClassifier, size: Int)

    private var sizedClassifiers: [SizedClassifier] {
        var result: [SizedClassifier] = []
        for one in classifiers {
            result.append((one, LatentScorer.synthesisSize(synthesizer.sizes, input: one.inputSize)))
        }
        return result
    }

    /// The size for all of them, and for a face-recognition network, which wants more pixels.
    private var largestSize: Int {
        var largest = embedder == nil ? 1 : FaceEmbedder.faceSize
        for one in classifiers { largest = max(largest, one.inputSize) }
        return LatentScorer.synthesisSize(synthesizer.sizes, input: largest)
    }

    /// By way of the size that is synthesized for a classifier alone, so that its logits are the same with others and without.
    private static func judged(
        _ faces: ImageBatch, of batch: Batch, by judges: [SizedClassifier], embedder: FaceEmbedder?
    ) throws -> (logits: [[Float]], embeddings: [Float]?) {
        var logits: [[Float]] = []
        for (judge, _) in batch.evaluations {
            let (classifier, size) = judges[judge]
            logits.append(try classifier.logits(faces.resized(to: size).resized(to: classifier.inputSize)))
        }
        guard batch.evaluations[0].judge == 0, let embedder else { return (logits, nil) }
        return (logits, try embedder.embeddings(pictures: faces.images))
    }

    private static func insert(
        _ result: (logits: [[Float]], embeddings: [Float]?), of batch: Batch, into store: LatentStore
    ) throws {
        for ((judge, id), logits) in zip(batch.evaluations, result.logits) {
            try store.insertFaces(
                batch.faces, of: id, logits: logits, embeddings: judge == 0 ? result.embeddings : nil)
        }
    }
}
