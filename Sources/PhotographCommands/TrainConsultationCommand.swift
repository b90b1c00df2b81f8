import ArgumentParser
import CommandSupport
import Core
import Directions
import Tensors

/// `directions train-consultation`: HFGI on a generator and an encoder of the workspace.
struct TrainConsultationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train-consultation",
        abstract: "Train a consultation, which gives an encoder's faces the photographs' details.",
        discussion: """
            What a photograph has and the face of its code lacks goes through a small network onto the generator's features of 64 pixels, \
            as in HFGI; a second network moves it to where an edit has moved the face. Encoder and generator stay as they are. \
            The photographs must be aligned faces in colour (see `directions align`).

            --residual says what is learnt from, several in turn: colour (photograph less reconstruction, for colour photographs), \
            luminance (of a grey photograph the luma alone; chroma is left to the generator), grey (the grey photograph less the \
            reconstruction in colour, as the paper has it).

            The run lies in models/NAME.consultation in the workspace and goes on with --resume; the best so far becomes \
            models/NAME.consultation.safetensors, which `invert`, `edit --photo` and `colorize` use from then on. The \
            perceptual network is fetched with `directions import lpips`.

            For example:
              directions train-consultation --encoder faces ffhq/train --validation ffhq/validation
              directions train-consultation --encoder faces ffhq/train --validation ffhq/validation --start shipped
              directions train-consultation --encoder faces ffhq/train --validation ffhq/validation --resume --steps 40000
            """)

    @Argument(help: "Folders of aligned photographs in colour to learn from.") var photographs: [String]
    @Option(help: "The encoder: its name in the workspace, a file, or `shipped`.") var encoder = "faces"
    @Option(help: "The consultation's name in the workspace (default: the encoder's).") var name: String?
    @Option(help: "A consultation file of the same shape to begin from, or `shipped` for the one of the program.")
    var start: String?
    @Option(help: "Residuals, separated by commas: colour, luminance, grey.") var residual = "colour,luminance"
    @Option(help: "What the squared error counts.") var l2: Float = 1
    @Option(help: "What LPIPS by AlexNet counts.") var lpips: Float = 0.8
    @Option(help: "What 1 - cosine of the faces' embeddings counts.") var id: Float = 0
    @Option(help: "What errors of the alignment count.") var alignment: Float = 0.1
    @Option(help: "The share of photographs whose residual is seen askew, 0 to 1.") var warped = 0.5
    @Option(help: "Steps of the optimiser.") var steps = 20_000
    @Option(help: "Photographs a step.") var batch = 4
    @Option(help: "The learning rate.") var rate = 1e-3
    @Option(help: "Steps from one validation to the next.") var interval = 250
    @Option(help: "Names all that is drawn.") var seed: UInt64 = 1
    @Option(help: "Validation photographs at most.") var validationCount = 24
    @OptionGroup var shared: TrainingRunOptions
    @OptionGroup var workspace: WorkspaceOption

    private var request: TrainConsultationRequest {
        get throws {
            var request = TrainConsultationRequest(photographs)
            try shared.apply(to: &request.run, validationCount: validationCount)
            (request.encoder, request.name, request.start) = (encoder, name, start)
            request.settings.residuals = try residual.split(separator: ",").map { text in
                guard let found = ConsultationConfiguration.Residual(rawValue: String(text)) else {
                    throw Failure(
                        "residual \(text)", "is not known", "name some of colour, luminance and grey", kind: .usage)
                }
                return found
            }
            (request.settings.losses.l2, request.settings.losses.lpips) = (l2, lpips)
            (request.settings.losses.id, request.settings.losses.alignment) = (id, alignment)
            (request.settings.warped, request.settings.steps, request.settings.batch) = (warped, steps, batch)
            (request.settings.rate, request.settings.validationInterval) = (rate, interval)
            request.settings.seed = seed
            return request
        }
    }

    func validate() throws { try request.validate() }

    func run() throws {
        Torch.keepFreedMemory()
        let card = try workspace.session.trainConsultation(request)
        TrainingRunOptions.printSummary("consultation \(card.name)", training: card.training, figures: card.figures)
    }
}
