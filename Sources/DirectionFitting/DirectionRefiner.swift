import Classifiers
import Core
import DirectionFiles
import Editing
import Evaluation
import Fitting
import Foundation
import Generators
import LatentStore
import Latents
import Inversion
import Objectives

/// Refines directions of W to directions of W+ by gradients of what edits do to faces.
///
/// ``Fitting/LocalDescent`` goes from an attribute's direction of W, its baseline, in steps; in each, a batch of fresh faces
/// is edited and scored by several classifiers, each in random views, and the gradient of what is to fall goes backward through
/// classifiers and generator; so does that of what an edit costs the person and the rest of the picture. What comes out
/// is applied to calibration faces beside the baseline: sigma is chosen so that it succeeds on half of them where the
/// baseline does, and larger where at one to four sigma any classifier saw it succeed on fewer than the baseline; where the
/// other attributes change no less, the baseline stays. All measurements stay in the database
/// like those of any evaluation.
public struct DirectionRefiner {
    /// What became of one attribute.
    public struct Outcome: Sendable {
        /// The refined direction, or the baseline where nothing better was found.
        public let stored: StoredDirection
        /// Its attribute dependency as a multiple of the baseline's; nil where that stays.
        public let ratio: Double?
    }

    /// The faces and steps of a refinement.
    public struct Settings: Sendable, Equatable {
        /// Faces that directions are calibrated and compared on.
        public var faces: Int
        /// Steps from the baseline.
        public var steps: Int
        /// Fresh faces edited in each step.
        public var batch: Int
        /// A filter of attributes that all of these faces pass, as the first classifier sees them unedited; nil takes all.
        public var among: String?

        /// - Parameters:
        ///   - faces: Faces that directions are calibrated and compared on.
        ///   - steps: Steps from the baseline.
        ///   - batch: Fresh faces edited in each step.
        ///   - among: A filter of attributes that all of these faces pass; nil takes all.
        public init(faces: Int = 96, steps: Int = 60, batch: Int = 16, among: String? = nil) {
            self.faces = faces
            self.steps = steps
            self.batch = batch
            self.among = among
        }

        /// Checks the ranges.
        ///
        /// - Throws: ``Core/Failure`` (usage) naming the value that is out of range, or a filter that makes no sense.
        public func validate() throws {
            _ = try Filter.population(among)
            guard 1...10_000 ~= steps else {
                throw Failure("steps \(steps)", "must be 1 to 10000", "for example 60", kind: .usage)
            }
            guard 4...256 ~= batch else {
                throw Failure("batch \(batch)", "must be 4 to 256", "for example 16", kind: .usage)
            }
            guard faces >= 10 else {
                throw Failure("faces \(faces)", "are too few to calibrate with", "give 10 or more", kind: .usage)
            }
        }
    }

    let store: LatentStore
    let generator: Generator
    let library: DirectionLibrary
    /// The classifiers that it descends against.
    let panel: ClassifierPanel
    var evaluator: DirectionEvaluator
    let synthesizer: any GradientSynthesizer
    let keeping: FaceKeeping
    let settings: Settings
    let context: RunContext
    /// The faces of the steps, by their places in their seed; nil for the first ones.
    var descentFaces: [Int]?

    /// The seed of the calibration faces: neither a sample set's nor the evaluations'.
    static let seed = UInt64.max - 2
    /// That of the faces in the steps.
    static let descentSeed = UInt64.max - 3

    /// Strengths in sigma at which the baselines are measured.
    private static let baselineStrengths = [0.5, 1, 2, 3, 4]
    /// Multiples at which the descent's direction is.
    private static let multiples = [0.5, 0.75, 1, 1.33, 2]
    /// Strengths in sigma at which a calibrated direction is measured once more.
    private static let reachStrengths = [1, 1.5, 2, 3, 4.5, 6]
    /// A direction whose dependency is less than this much less is not worth a version.
    private static let leastRatio = 0.98
    /// Latents of which W's covariance is made.
    private static let covarianceLatents = 4096

    /// How many layers, from the coarsest, have a vector of their own: those up to the first at 256 × 256 pixels.
    static let ownLayers = 12

    /// - Parameters:
    ///   - store: Keeps what is measured.
    ///   - generator: The generator of the baselines.
    ///   - synthesizer: Its synthesis, with gradients.
    ///   - classifiers: At least one, that it descends against; the first one's scale counts.
    ///   - keeping: What keeps the person and the rest of the picture.
    ///   - library: Where directions are stored.
    ///   - settings: Faces and steps.
    ///   - context: Whether to stop, and whom to tell of progress.
    /// - Throws: ``Core/Failure`` (usage) for settings out of range.
    public init(
        store: LatentStore, generator: Generator, synthesizer: any GradientSynthesizer,
        classifiers: [AttributeClassifier], keeping: FaceKeeping, library: DirectionLibrary,
        settings: Settings = Settings(),
        context: RunContext = .silent
    ) throws {
        try settings.validate()
        self.store = store
        self.generator = generator
        self.library = library
        self.settings = settings
        self.context = context
        self.synthesizer = synthesizer
        self.keeping = keeping
        var evaluator = DirectionEvaluator(
            generator: generator, synthesizer: synthesizer, classifier: classifiers[0], store: store, context: context)
        evaluator.seed = DirectionRefiner.seed
        evaluator.judges = Array(classifiers.dropFirst())
        self.evaluator = evaluator
        let own = try ClassifierPanel(classifiers)
        panel =
            classifiers.count == 1
            ? own : own.scaled(to: try evaluator.unedited(count: max(ClassifierPanel.scaleFaces, settings.faces)))
    }

    /// Layers that share a vector: the coarse ones each their own, and all fine ones together.
    var groups: LayerGroups { generator.layout.groups(own: DirectionRefiner.ownLayers) }

    /// Refines directions of W, each stored as soon as it is found.
    ///
    /// - Parameters:
    ///   - baselines: One of each attribute.
    ///   - found: Told of each.
    /// - Throws: ``Core/Failure`` of any stage, and what `found` throws; what was found before stays.
    public func run(_ baselines: [DirectionFile], found: (Outcome) throws -> Void) throws {
        for file in baselines {
            guard file.rows == 1 else {
                throw Failure(file.label, "is a direction of W+", "name a version of W to start from", kind: .usage)
            }
            try file.requireGenerator(sha256: generator.identity.sha256, name: generator.identity.name)
        }
        let metric = try LatentMetric(
            try generator.latents(
                seed: DirectionRefiner.seed, indices: 0..<UInt64(DirectionRefiner.covarianceLatents)),
            dimension: generator.identity.latentSize)
        let refiner = try amongPopulation()
        let curves = try refiner.measured(baselines, strengths: DirectionRefiner.baselineStrengths)
        for (baseline, curve) in zip(baselines, curves) {
            try context.check()
            try found(try refiner.outcome(baseline, curve, metric))
        }
    }

    /// The same with the faces that pass the settings' filter, which are looked for among fresh ones.
    private func amongPopulation() throws -> DirectionRefiner {
        guard let filter = try Filter.population(settings.among) else { return self }
        var result = self
        func places(_ seed: UInt64, count: Int) throws -> [Int] {
            var scout = evaluator
            scout.seed = seed
            let found = try scout.faces(count: count, among: filter)
            context.notice("refine: \(count) of \(found.of) faces pass `\(filter.text)`")
            return found.places
        }
        result.evaluator.places = try places(DirectionRefiner.seed, count: settings.faces)
        result.descentFaces = try places(DirectionRefiner.descentSeed, count: settings.steps * settings.batch)
        return result
    }

    /// What directions do to the calibration faces, all classifiers' logits one after another: [classifiers, faces, attributes].
    private func measured(
        _ files: [DirectionFile], strengths: [Double]
    ) throws -> [DirectionEvaluator.Measured] {
        let subjects = try files.map(subject)
        let found = try evaluator.measureByEach(
            subjects, strengths: subjects.map { _ in strengths }, count: settings.faces)
        return files.indices.map { index in
            DirectionEvaluator.Measured(
                label: found[0][index].label, strengths: found[0][index].strengths,
                logits: found[0][index].logits.indices.map { level in
                    found.indices.flatMap { panel.scaled(found[$0][index].logits[level], of: $0) }
                }, base: found.indices.flatMap { panel.scaled(found[$0][index].base, of: $0) })
        }
    }

    private func subject(_ file: DirectionFile) throws -> DirectionEvaluator.Subject {
        DirectionEvaluator.Subject(EditDirection(file), sha256: Hashing.sha256(try file.encoded()), layers: nil)
    }

    private func outcome(
        _ baseline: DirectionFile, _ curve: DirectionEvaluator.Measured, _ metric: LatentMetric
    ) throws -> Outcome {
        let inputs = try inputs(baseline)
        for version in library.versions(of: baseline.attribute).reversed() {
            let known = try library.load("\(baseline.attribute)@v\(version)")
            if known.metadata.inputs == inputs {
                return Outcome(
                    stored: StoredDirection(
                        direction: known, path: library.path(known.attribute, version), isNew: false),
                    ratio: known.metadata.refinement?.ratio ?? known.metadata.solver?.objective)
            }
        }
        guard let column = panel.attributes.firstIndex(where: { $0.slug == baseline.attribute }) else {
            throw Failure(
                baseline.attribute, "is not scored by \(panel.members.map(\.name).joined(separator: " and "))",
                "choose other classifiers", kind: .conflict)
        }
        let threshold = panel.thresholds[column]
        let response = LocalResponse(
            base: curve.base, targets: panel.attributes.count, target: column, threshold: threshold,
            judges: panel.members.count)
        let before = zip(curve.strengths, curve.logits).map { response.effect($1, strength: $0) }
        let stays = Outcome(
            stored: StoredDirection(
                direction: baseline, path: library.path(baseline.attribute, baseline.version), isNew: false),
            ratio: nil)
        guard let reference = LocalResponse.reference(before) else { return stays }
        let vectors = try descend(baseline, reference, metric, column: column, threshold: threshold)
        var direction = try file(baseline, vectors)
        let measured = try measured([direction], strengths: DirectionRefiner.multiples)[0]
        let after = zip(measured.strengths, measured.logits).map { response.effect($1, strength: $0) }
        let match = LocalResponse.match(after, baseline: before, reference: reference)
        // A short descent can come to a direction that never gives the attribute: its strengths match none.
        guard match.ratio < DirectionRefiner.leastRatio, match.direction.strength > 0, match.baseline.strength > 0
        else { return stays }
        direction.sigma *= Float(match.direction.strength / match.baseline.strength)
        let reach = try self.measured([direction], strengths: DirectionRefiner.reachStrengths)[0]
        direction.sigma *= Float(
            LocalResponse.growth(
                zip(reach.strengths, reach.logits).map { response.effect($1, strength: $0) }, baseline: before))
        return try write(direction, baseline, inputs, ratio: match.ratio)
    }
}
