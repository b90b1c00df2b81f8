import Core
import Faces
import Foundation
import Networks
import Tensors
import Weights

/// One training run: its network, the running average of its weights, its optimiser and where it stands.
///
/// A run lives in a folder: `checkpoint.safetensors`, from which it goes on bit for bit; `epochs.jsonl`, a line per epoch;
/// `curve.svg`.
public final class Trainer {
    /// What a run tells while it works.
    public enum Event: Sendable {
        /// A batch of so many pictures is done.
        case batch(count: Int, loss: Double)
        case epoch(EpochRecord)
    }

    /// Where a run stands; part of its checkpoint.
    struct Position: Codable, Equatable {
        var epoch = 0
        var batch = 0
        var step = 0
        var lossSum = 0.0
        var best = -1.0
        var bestEpoch = -1
        var history: [EpochRecord] = []
    }

    public let settings: TrainingSettings
    public let folder: String
    let attributes: [Attribute]
    /// Places of the attributes among the training pictures' labels.
    private let columns: [Int]
    let training: FaceSet
    let validation: FaceSet
    let device: Device
    let network: any Backbone
    let average: any Backbone
    let optimiser: Optimiser
    let workers: Int
    /// Asked whether to stop.
    public var context = RunContext.silent
    var position = Position()
    var best: [String: TensorData] = [:]
    let task: any TrainingTask

    /// Prepares a run.
    ///
    /// - Parameters:
    ///   - settings: What the run was asked for.
    ///   - training: The pictures to learn from; where they come with numbers, those are learnt instead of the labels.
    ///   - validation: The pictures to choose by.
    ///   - folder: Where checkpoint and metrics go.
    ///   - device: Where to compute.
    ///   - initial: Weights to begin from, such as ImageNet's, and the file's name.
    ///   - workers: Threads that prepare pictures.
    /// - Throws: ``Core/Failure`` for settings that make no sense, weights that don't fit, or when memory runs out.
    public init(
        _ settings: TrainingSettings, training: FaceSet, validation: FaceSet, folder: String, device: Device = .cpu,
        initial: (state: [String: TensorData], source: String)? = nil, workers: Int = 2
    ) throws {
        try settings.validate()
        self.settings = settings
        self.folder = folder
        self.training = training
        self.validation = validation
        self.device = device
        self.workers = max(1, workers)
        let attributes = try settings.attributeList()
        self.attributes = attributes
        columns = try training.columns(attributes)
        let judged = try validation.columns(attributes)
        task =
            training.weights.isEmpty
            ? LabelTask(settings, attributes: attributes, faces: training, columns: columns, validation: judged)
            : NumberTask(weights: training.weights)
        let precision: ScalarType = settings.precision == .bfloat16 ? .bfloat16 : .float32
        network = try settings.architecture.network(
            outputs: task.outputs, seed: settings.seed, device: device, precision: precision)
        average = try settings.architecture.network(outputs: task.outputs, seed: settings.seed, device: device)
        if let initial { try network.load(initial.state, from: initial.source, headRequired: false) }
        let head = initial?.state[network.head + ".weight"]
        if head?.shape.first != task.outputs, let bias = task.bias { try network.setBias(bias) }
        try average.load(network.state(), from: folder)
        optimiser = try Optimiser(
            settings.method, parameters: network.parameters.map(\.tensor),
            decays: network.parameters.map { $0.tensor.shape.count > 1 ? settings.weightDecay : 0 })
    }

    /// Trains to the last epoch or an early stop, saving a checkpoint every minute, at the end of each epoch and on a stop.
    ///
    /// - Throws: ``Core/Failure``: a stop was asked for, the disk is full, the loss is no number any more.
    public func run(checkpointEvery seconds: Double = 60, report: (Event) -> Void = { _ in }) throws {
        while position.epoch < settings.epochs {
            try epoch(checkpointEvery: seconds, report: report)
            if let last = position.history.last { report(.epoch(last)) }
            if position.epoch - position.bestEpoch > settings.patience
                && Double(position.epoch) > settings.lowResolutionShare * Double(settings.epochs)
                    + Double(settings.patience)
            {
                break
            }
        }
    }

    /// The averaged weights of the best epoch so far, float32, by name; empty before the first is done.
    public var bestWeights: [String: TensorData] { best }

    /// The number of pictures that the whole run looks at, and how many of them it has seen.
    public var pictures: (total: Int, done: Int) {
        let batches = max(1, training.images.count / settings.batchSize)
        let size = min(settings.batchSize, training.images.count)
        return (settings.epochs * batches * size, (position.epoch * batches + position.batch) * size)
    }

    private func epoch(checkpointEvery seconds: Double, report: (Event) -> Void) throws {
        let size = settings.size(epoch: position.epoch)
        let source = BatchLoader.Source(
            faces: training, attributes: columns, frame: settings.frame,
            augmentation: settings.augmentation, seed: settings.seed, batchSize: settings.batchSize)
        let loader = BatchLoader(source, epoch: position.epoch, size: size, first: position.batch, workers: workers)
        defer { loader.stop() }
        var saved = Date()
        var rate = settings.rate(step: position.step, stepsPerEpoch: loader.batchCount)
        while let batch = loader.batch() {
            rate = settings.rate(step: position.step, stepsPerEpoch: loader.batchCount)
            let loss = try update(batch, size: size, rate: rate)
            guard loss.isFinite else {
                throw Failure(
                    "training", "came to a loss that is no number in epoch \(position.epoch + 1)",
                    "run again with a lower learning rate")
            }
            position.lossSum += loss
            position.batch += 1
            position.step += 1
            report(.batch(count: batch.count, loss: position.lossSum / Double(position.batch)))
            if context.isCancelled || Date().timeIntervalSince(saved) >= seconds {
                try saveCheckpoint()
                saved = Date()
                try context.check()
            }
        }
        try finishEpoch(size: size, rate: rate)
    }

    private func update(_ batch: BatchLoader.Batch, size: Int, rate: Double) throws -> Double {
        let images = try Tensor(batch.images, shape: [batch.count, 3, size, size], device: device)
        network.step = position.step
        let loss = try task.loss(network.logits(images, training: true), targets: batch.targets)
        try loss.backward()
        try optimiser.update(rate: rate, clip: settings.clip)
        try follow()
        return Double(try loss.detached().item())
    }

    /// Moves the average towards the weights; faster in the beginning.
    private func follow() throws {
        let keep = min(settings.averageDecay, Double(1 + position.step) / Double(10 + position.step))
        try average.follow(network, keep: keep)
    }

    private func finishEpoch(size: Int, rate: Double) throws {
        // Judged at the size of the epoch: at another size the network would do worse than it is.
        let logits = try Trainer.logits(
            average, validation, frame: settings.frame, size: size, device: device, context: context)
        var record = task.record(logits, of: validation)
        record.epoch = position.epoch + 1
        record.size = size
        record.rate = rate
        record.trainingLoss = position.lossSum / Double(max(1, position.batch))
        let isFullSize = size == settings.architecture.inputSize
        if record.quality > position.best && isFullSize || position.bestEpoch < 0 {
            position.best = isFullSize ? record.quality : 0
            position.bestEpoch = position.epoch
            best = try average.state()
        }
        position.history.append(record)
        position.epoch += 1
        position.batch = 0
        position.lossSum = 0
        try saveCheckpoint()
        try saveHistory()
    }

    /// Outputs [count, outputs] for pictures as they are, without changes.
    static func logits(
        _ network: any Backbone, _ faces: FaceSet, frame: FaceFrame, size: Int, device: Device, batch: Int = 50,
        context: RunContext = .silent
    ) throws -> [Float] {
        var result: [Float] = []
        for start in stride(from: 0, to: faces.images.count, by: batch) {
            try context.check()
            let members = faces.images[start..<min(start + batch, faces.images.count)]
            let planes = members.flatMap { frame.crop($0, size: size).planes() }
            let images = try Tensor(planes, shape: [members.count, 3, size, size], device: device)
            result += try Torch.withoutGradients { try network.logits(images, training: false).floats() }
        }
        return result
    }
}
