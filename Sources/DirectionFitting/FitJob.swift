import Core
import DirectionFiles
import Fitting
import Foundation
import Generators
import LatentStore

/// Which solver finds the boundary between an attribute's two ends.
public enum FitSolver: String, Sendable, CaseIterable, Codable {
    /// The linear support vector machine of the paper and of InterFaceGAN.
    case svm
    /// L2-regularised logistic regression.
    case logistic
    /// Fisher's linear discriminant with Ledoit and Wolf's shrinkage.
    case lda
    /// Ridge regression on the attribute's logits of all scored latents.
    case ridge
    /// Ridge regression on all attributes at once: move the own logit, hold the others.
    case joint
}

/// A direction as a fit left it: in the library, and in the database's list.
public struct StoredDirection: Sendable {
    /// The direction with its version.
    public let direction: DirectionFile
    /// Where its file lies.
    public let path: String
    /// Whether the file is new; false when a version with the same inputs was there.
    public let isNew: Bool
}

/// Fits directions of W to the newest selections of attributes, one after another with the same settings.
///
/// For example:
///
/// ```swift
/// let job = FitJob(store: store, identity: generator.identity, library: library)
/// let made = try job.run(Attribute.named("smiling"))
/// ```
public struct FitJob {
    private let store: LatentStore
    private let identity: GeneratorIdentity
    private let library: DirectionLibrary
    private let context: RunContext
    /// The solver.
    public var solver: FitSolver
    /// C of the SVM and of the logistic regression, what multiplies the penalty of the joint fit; nil for C chooses by
    /// cross-validation.
    public var regularisation: Double?
    /// Directions of W that are projected out.
    public var conditions: [DirectionFile]
    /// Names the 70/30 split into training and validation.
    public var splitSeed: UInt64

    /// - Parameters:
    ///   - store: Holds the latents, their scores and the selections.
    ///   - identity: The generator whose latents they are.
    ///   - library: Where directions are stored.
    ///   - solver: The solver.
    ///   - regularisation: C; nil chooses by cross-validation.
    ///   - conditions: Directions of W that are projected out.
    ///   - splitSeed: Names the 70/30 split into training and validation.
    ///   - context: Whether to stop.
    public init(
        store: LatentStore, identity: GeneratorIdentity, library: DirectionLibrary, solver: FitSolver = .svm,
        regularisation: Double? = 1, conditions: [DirectionFile] = [], splitSeed: UInt64 = 0,
        context: RunContext = .silent
    ) {
        self.store = store
        self.identity = identity
        self.library = library
        self.solver = solver
        self.regularisation = regularisation
        self.conditions = conditions
        self.splitSeed = splitSeed
        self.context = context
    }

    /// The direction of an attribute's newest selection, stored and recorded; the same inputs make no new version.
    ///
    /// - Throws: ``Core/Failure`` when there is no selection, a condition does not fit, or the data allow no boundary.
    public func run(_ attribute: Attribute) throws -> StoredDirection {
        let selection = try store.latestSelection(attribute, generator: identity.sha256)
        let top = try store.members(of: selection.id, label: 1)
        let bottom = try store.members(of: selection.id, label: -1)
        let features = try store.latents(ids: top + bottom)
        let labels = [Int8](repeating: 1, count: top.count) + [Int8](repeating: -1, count: bottom.count)
        let samples = try LabelledSamples(features: features, dimension: identity.latentSize, labels: labels)
        let (train, validation) = try samples.split(fraction: 0.7, seed: splitSeed)
        let (boundary, usedC) = try boundary(train, attribute: attribute, selection: selection)
        let others = conditions.filter { $0.attribute != attribute.slug }
        let final = try condition(boundary, on: others, samples: train)
        let rest = try restAccuracy(final, attribute: attribute, selection: selection, excluding: Set(top + bottom))
        var metadata = try provenance(selection, member: top.first, classifier: rest.classifier)
        metadata.solver = .init(
            name: final.record.solver, regularisation: usedC, objective: final.record.objective,
            relativeGap: final.record.relativeGap, iterations: final.record.iterations)
        metadata.trainAccuracy = final.accuracy(on: train)
        metadata.validationAccuracy = final.accuracy(on: validation)
        metadata.restAccuracy = rest.accuracy
        metadata.orthogonalTo = others.map(\.label)
        metadata.inputs = try inputs(selection, others)
        return try store(attribute, final, metadata, selection)
    }

    private func provenance(
        _ selection: SelectionRecord, member: Int64?, classifier: ClassifierRecord
    ) throws -> DirectionMetadata {
        var metadata = DirectionMetadata(space: .w)
        metadata.generator = .init(name: identity.name, sha256: identity.sha256)
        metadata.classifier = .init(name: classifier.name, sha256: classifier.sha256)
        if let set = try store.sampleSets().first(where: { $0.set.ids.contains(member ?? -1) }) {
            metadata.samples = .init(set: "\(set.set.id)", seed: set.set.seed, count: set.count, psi: set.set.psi)
        }
        metadata.selection = .init(
            id: "\(selection.id)", top: selection.top, bottom: selection.bottom, thresholdTop: selection.topThreshold,
            thresholdBottom: selection.bottomThreshold, isMatched: selection.isMatched, among: selection.among)
        metadata.licence = identity.licence
        metadata.created = Timestamp.ofCreation()
        metadata.program = "directions \(Version.current)"
        return metadata
    }

    /// What names the fit: the same inputs make no new version.
    private func inputs(_ selection: SelectionRecord, _ others: [DirectionFile]) throws -> String {
        DirectionMetadata.fingerprint([
            "selection": selection.fingerprint, "solver": solver.rawValue,
            "c": regularisation.map { "\($0)" } ?? "auto", "split": "\(splitSeed)",
            "conditions": try others.map { Hashing.sha256(try $0.encoded()) }.joined(separator: ","),
        ])
    }

    private func store(
        _ attribute: Attribute, _ boundary: Boundary, _ metadata: DirectionMetadata, _ selection: SelectionRecord
    ) throws -> StoredDirection {
        let direction = try DirectionFile(
            attribute: attribute.slug, values: boundary.direction, intercept: Float(boundary.intercept),
            sigma: Float(boundary.sigma), metadata: metadata)
        let stored = try library.add(direction)
        try store.recordDirection(
            attribute: attribute, version: stored.direction.version, path: stored.path,
            sha256: Hashing.sha256(file: stored.path), generator: identity.sha256, selection: selection.id,
            metadata: stored.direction.metadata.texts)
        return StoredDirection(direction: stored.direction, path: stored.path, isNew: stored.isNew)
    }
}

// MARK: - The boundary

extension FitJob {
    private func boundary(
        _ train: LabelledSamples, attribute: Attribute, selection: SelectionRecord
    ) throws -> (Boundary, Double) {
        switch solver {
        case .svm:
            let c = try regularisation ?? crossValidated(train) { SupportVectorMachine(c: $0) }
            var method = SupportVectorMachine(c: c)
            method.context = context
            return (try method.fit(train), c)
        case .logistic:
            let c = try regularisation ?? crossValidated(train) { LogisticRegression(c: $0) }
            var method = LogisticRegression(c: c)
            method.context = context
            return (try method.fit(train), c)
        case .lda:
            let found = try LinearDiscriminant().fit(train)
            return (found, found.record.regularisation)
        case .ridge:
            let found = try ridge(attribute, selection: selection)
            return (found, found.record.regularisation)
        case .joint:
            let found = try ridge(attribute, selection: selection, penalty: regularisation ?? 1)
            return (found, found.record.regularisation)
        }
    }

    private func crossValidated(
        _ train: LabelledSamples, _ solver: (Double) -> any BoundarySolver
    ) throws -> Double {
        var method = CrossValidation(seed: splitSeed)
        method.context = context
        return try method.choose(train, solver: solver).c
    }

    /// What a step of one standard deviation changes of every logit at random, squared; C multiplies it in the joint fit.
    private static let jointPenalty = 0.05

    /// Ridge on the logits of all scored latents, its boundary at the attribute's logit 0; with a penalty the joint fit on all
    /// attributes' logits, without one the attribute alone.
    private func ridge(
        _ attribute: Attribute, selection: SelectionRecord, penalty: Double? = nil
    ) throws -> Boundary {
        let (classifier, column) = try judge(attribute, selection: selection)
        let (ids, logits) = try store.logits(classifier: classifier.id, generator: identity.sha256)
        let width = classifier.attributes.count
        var ridge = RidgeRegression(dimension: identity.latentSize, targets: penalty == nil ? 1 : width)
        for start in stride(from: 0, to: ids.count, by: 4096) {
            try context.check()
            let end = min(ids.count, start + 4096)
            let targets =
                penalty == nil
                ? (start..<end).map { logits[$0 * width + column] } : Array(logits[start * width..<end * width])
            try ridge.add(features: store.latents(ids: Array(ids[start..<end])), targets: targets)
        }
        if let penalty {
            return try ridge.jointBoundary(target: column, penalty: penalty * FitJob.jointPenalty)
        }
        guard let boundary = try ridge.boundaries().first else {
            throw Failure(attribute.name, "has no scores", "score some latents first", kind: .notFound)
        }
        return boundary
    }

    private func judge(_ attribute: Attribute, selection: SelectionRecord) throws -> (ClassifierRecord, Int) {
        let classifier = try store.classifier(selection.classifier)
        guard let column = classifier.attributes.firstIndex(of: attribute) else {
            throw Failure(
                attribute.name, "is not scored by \(classifier.name)", "choose another classifier", kind: .conflict)
        }
        return (classifier, column)
    }

    private func condition(_ boundary: Boundary, on others: [DirectionFile], samples: LabelledSamples) throws
        -> Boundary
    {
        if others.isEmpty { return boundary }
        for other in others { try other.requireGenerator(sha256: identity.sha256, name: identity.name) }
        if let other = others.first(where: { $0.rows > 1 }) {
            throw Failure(other.label, "is a direction of W+", "condition on directions of W", kind: .usage)
        }
        let projected = try Conditioning.project(boundary.direction, out: others.map(\.values))
        return boundary.replacing(direction: projected.direction, on: samples)
    }

    /// Accuracy on the scored latents outside the selection, their class being the sign of the logit.
    private func restAccuracy(
        _ boundary: Boundary, attribute: Attribute, selection: SelectionRecord, excluding members: Set<Int64>
    ) throws -> (accuracy: Double?, classifier: ClassifierRecord) {
        let (classifier, column) = try judge(attribute, selection: selection)
        let (ids, logits) = try store.logits(classifier: classifier.id, generator: identity.sha256)
        let width = classifier.attributes.count
        // Latents of a steered set stand for as many as they were kept of.
        let weights = try store.weights(ofLatents: ids)
        var (right, total) = (0.0, 0.0)
        for start in stride(from: 0, to: ids.count, by: 4096) {
            let rows = (start..<min(ids.count, start + 4096)).filter { !members.contains(ids[$0]) }
            if rows.isEmpty { continue }
            let distances = boundary.distances(features: try store.latents(ids: rows.map { ids[$0] }))
            for (distance, row) in zip(distances, rows) where (distance > 0) == (logits[row * width + column] > 0) {
                right += weights[row]
            }
            for row in rows { total += weights[row] }
        }
        return (total == 0 ? nil : right / total, classifier)
    }
}
