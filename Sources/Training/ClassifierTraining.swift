import Classifiers
import Core
import Foundation
import Images
import LatentStore
import Networks
import Tensors
import Weights

/// Trains an attribute classifier by a plan: pictures, teachers, pretraining, one network after another, and the export.
///
/// For example:
///
/// ```swift
/// let card = try ClassifierTraining(plan, context: context).run()
/// print(ClassifierCard.means(card.test).accuracy)
/// ```
public struct ClassifierTraining {
    private let plan: TrainingPlan
    private let teachers: [AttributeClassifier]
    private let context: RunContext

    private var settings: TrainingSettings { plan.settings }

    /// Weights to begin from, and what they are called in messages.
    private typealias Start = (state: [String: TensorData], source: String)

    /// - Parameters:
    ///   - plan: What to train, on what, and where to.
    ///   - teachers: Who has a say in the labels, where the settings ask for distillation.
    ///   - context: Whether to stop, and whom to tell of progress, epochs and pictures left out.
    public init(_ plan: TrainingPlan, teachers: [AttributeClassifier] = [], context: RunContext = .silent) {
        self.plan = plan
        self.teachers = teachers
        self.context = context
    }

    /// Training pictures as the network gets to see them.
    ///
    /// - Parameter count: How many pictures.
    /// - Returns: Pictures in [0, 255].
    /// - Throws: ``Core/Failure`` when the pictures can't be read.
    public func preview(count: Int) throws -> [Image] {
        try TrainingPreview.pictures(settings, try trainingFaces().training, count: count)
    }

    /// Trains, measures and writes the classifier, and its card as `metrics.json` beside the checkpoints.
    ///
    /// A stop loses nothing: the same plan with `resumes` goes on where it was.
    ///
    /// - Returns: What the classifier file says of itself.
    /// - Throws: ``Core/Failure``: a run of this name is there (conflict), pictures are missing, memory or the disk is full, or
    ///   a stop.
    public func run() throws -> ClassifierCard {
        try Torch.setThreads(plan.threads)
        Torch.keepFreedMemory()
        try plan.checkFolder()
        let faces = try trainingFaces()
        var initial: Start? = try plan.weights.map { (try PublishedWeights.read($0), $0) }
        if let before = settings.pretraining, !(plan.resumes && Trainer.hasCheckpoint(in: plan.folder(1))) {
            initial = try pretrained(before, initial: initial)
        }
        let trainers = try members(faces, initial: initial)
        let test = plan.data.rows(.test).isEmpty ? nil : try self.faces(.test)
        let card = try ClassifierExport.write(trainers, name: plan.name, test: test, to: plan.path)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try AtomicFile.write(try encoder.encode(card), to: "\(plan.folder)/metrics.json")
        return card
    }

    // MARK: Pictures

    private func trainingFaces() throws -> (training: FaceSet, validation: FaceSet) {
        let training = try faces(.train)
        let validation = try faces(.validation)
        report(skipped: training.skipped + validation.skipped)
        guard let distillation = settings.distillation else { return (training, validation) }
        return (
            try training.distilled(by: teachers, share: Float(distillation.share), frame: settings.frame), validation
        )
    }

    private func faces(_ part: CelebAFolder.Part) throws -> FaceSet {
        let rows = plan.data.rows(part)
        if rows.isEmpty {
            throw Failure(
                plan.data.path, "has no picture in its \(part) part", "use CelebA's own partition file", kind: .notFound
            )
        }
        let judges = settings.distillation == nil ? [] : teachers
        return try FaceSet(
            plan.data, rows, frame: settings.frame,
            size: (judges.map(\.inputSize) + [settings.architecture.inputSize]).max() ?? 0, context: context)
    }

    private func report(skipped: [Failure]) {
        if skipped.isEmpty { return }
        let first = skipped.prefix(3).map { "  \($0)" }.joined(separator: "\n")
        context.notice("\(skipped.count) pictures left out, the first:\n\(first)")
    }

    // MARK: Runs

    /// Trains the networks one after another.
    private func members(_ faces: (training: FaceSet, validation: FaceSet), initial: Start?) throws -> [Trainer] {
        var trainers: [Trainer] = []
        for member in 1...plan.members {
            var own = settings
            var start = initial
            own.seed = settings.seed &+ UInt64(member - 1)
            if let epochs = plan.memberEpochs, let first = trainers.first {
                // A snapshot ensemble (Huang et al., 2017): each goes its own way from the first one's end.
                own.epochs = epochs
                own.lowResolutionShare = 0
                own.rate = settings.rate / 2
                start = (first.bestWeights, plan.folder(1))
                try own.validate()
            }
            let trainer = try Trainer(
                own, training: faces.training, validation: faces.validation, folder: plan.folder(member),
                device: plan.device, initial: start, workers: plan.threads)
            try train(trainer, label: plan.members > 1 ? "train \(member)/\(plan.members)" : "train")
            trainers.append(trainer)
        }
        return trainers
    }

    /// The weights that telling latents and scores from generated faces comes to.
    private func pretrained(_ before: TrainingSettings.Pretraining, initial: Start?) throws -> Start {
        let faces = try Pretraining(LatentStore.openReadOnly(plan.database), before)
        let trainer = try Trainer(
            Pretraining.settings(settings, epochs: before.epochs), training: faces.training,
            validation: faces.validation, folder: plan.pretrainingFolder, device: plan.device, initial: initial,
            workers: plan.threads)
        try train(trainer, label: "pretrain")
        return (trainer.bestWeights, plan.pretrainingFolder)
    }

    private func train(_ trainer: Trainer, label: String) throws {
        trainer.context = context
        if plan.resumes && Trainer.hasCheckpoint(in: trainer.folder) { try trainer.resume() }
        let (total, done) = trainer.pictures
        let progress = context.progress(label, unit: "images", total: total, done: done)
        try trainer.run(checkpointEvery: plan.checkpointInterval) { event in
            switch event {
            case .batch(let count, let loss): progress.advance(count, note: String(format: "loss %.4f", loss))
            case .epoch(let record): context.notice(ClassifierTraining.line(record))
            }
        }
        progress.finish()
    }

    /// An epoch's figures as one line.
    private static func line(_ record: EpochRecord) -> String {
        let figures =
            record.explained.map { String(format: "explained variance %.4f", $0) }
            ?? String(
                format: "accuracy %.4f, AP %.4f, AUC %.4f", record.accuracy, record.averagePrecision,
                record.areaUnderROC)
        return String(
            format: "epoch %d (%d px): loss %.4f, validation loss %.4f, %@", record.epoch, record.size,
            record.trainingLoss, record.validationLoss, figures)
    }
}
