import ArgumentParser
import CommandSupport
import Core
import Directions
import DirectionFitting
import Tensors

/// `directions refine`: a direction of W becomes one of W+.
struct RefineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refine",
        abstract: "Refine directions of W to directions of W+ that change the other attributes less.",
        discussion: """
            It goes from an attribute's direction of W in steps. In each step fresh faces are edited and scored by several \
            classifiers, each in random views (crop, colours, blur, noise, JPEG), and the gradients of what the edit changes of \
            the logits, of the person and of the picture outside the attribute's region lead to the next direction. The result is compared with the direction it started \
            from on calibration faces, and becomes the next version where the other attributes change less. It takes minutes for \
            each attribute. The same inputs make no new version.

            For example:
              directions refine --attr smiling
              directions refine --attr smiling,male --start v1
              directions refine --attr mustache --among "male > 0.9"
            """)

    @Option(name: .customLong("attr"), help: "Attributes, separated by commas, or all (default: the paper's eight).")
    var attributes: String?

    @OptionGroup var options: RefineOptions
    @Option(help: "The generator's name in the workspace.") var generator = "default"
    @OptionGroup var workspace: WorkspaceOption
    @Flag(help: "Print the result as JSON.") var json = false

    private var wanted: AttributeChoice { get throws { try attributes.map { try AttributeChoice($0) } ?? .standard } }

    func validate() throws { try options.request(wanted, generator: generator).validate() }

    func run() throws { try options.refine(wanted, generator: generator, workspace: workspace, json: json) }
}

/// How to refine; `fit` takes these too, for its former solver `local`.
struct RefineOptions: ParsableArguments {
    @Option(
        help:
            "The version of each attribute's direction of W to start from, such as v1 (default: its newest of W that a fit made)."
    )
    var start: String?

    @Option(help: "How many faces the directions are calibrated and compared on (default: 96).") var faces: Int?
    @Option(help: "How many steps it goes from the direction of W (default: 60).") var steps: Int?
    @Option(help: "How many fresh faces are edited in each step (default: 16).") var batch: Int?

    @Option(
        help: ArgumentHelp(
            "Calibrate and go along faces that pass a filter, as the first classifier sees them unedited: \"male > 0.9\".",
            valueName: "filter"))
    var among: String?

    @Option(
        help:
            "The classifiers to descend against, separated by commas: files, names in the workspace, or shipped ones; leave out the one that judges in `evaluate`."
    )
    var classifier = RefineRequest.classifiers.joined(separator: ",")

    @Option(help: "What changes of the skin's colour count beside a logit's mean change; 0 leaves it free.")
    var skin = RefineRequest.skin
    @Option(help: "What colours of the head that neither skin nor hair has count, such as lemon; 0 leaves them free.")
    var natural = RefineRequest.natural

    @Option(help: "Threads that synthesize; 0 for one a processor.") var threads = 0
    @OptionGroup var device: DeviceOption

    /// The first option that was given and that only a refinement understands; nil for none.
    var given: String? { start == nil ? nil : "start" }

    /// What was asked for.
    ///
    /// - Throws: `Failure` (usage) for a device that there is not.
    func request(_ attributes: AttributeChoice, generator: String) throws -> RefineRequest {
        let usual = DirectionRefiner.Settings()
        return RefineRequest(
            attributes: attributes, start: start,
            settings: .init(
                faces: faces ?? usual.faces, steps: steps ?? usual.steps, batch: batch ?? usual.batch,
                among: among),
            classifiers: classifier.split(separator: ",").map(String.init), skin: skin, natural: natural,
            threads: threads, device: try device.value,
            generator: generator)
    }

    /// Refines and prints what came of it.
    func refine(_ attributes: AttributeChoice, generator: String, workspace: WorkspaceOption, json: Bool) throws {
        Torch.keepFreedMemory()
        let session = Session(
            workspace: workspace.value, context: json ? Terminal.context.quiet : Terminal.context)
        let result = try session.refine(request(attributes, generator: generator)) { made in
            if !json { RefineOptions.show(made) }
        }
        if json { try printJSON(result.directions) }
    }

    private static func show(_ result: RefinedDirection) {
        guard let ratio = result.dependencyRatio else {
            return print(
                "\(result.direction): nothing was found that holds the other attributes better; it stays as it is")
        }
        let figures = String(format: "attribute dependency %.2f times the baseline's (calibration faces)", ratio)
        print("\(result.direction): \(figures)  \(result.path)\(result.isNew ? "" : " (unchanged)")")
    }
}
