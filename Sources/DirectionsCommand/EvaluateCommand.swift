import ArgumentParser
import CommandSupport
import Core
import Directions
import Editing
import Evaluation
import Foundation
import Tensors

/// `directions evaluate`: what directions do to fresh faces.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Edit fresh faces along directions and score them again: response, and what else changes.",
        discussion: """
            The faces are latents of a seed that no sample set has, so no direction was fitted on them. The table has a line per \
            direction and strength, each figure with a 95 % interval from resampling the faces:
              target change    mean change of the attribute's logit
              off-target       mean absolute change of all other logits, face by face
              mean shift       mean absolute value of the other logits' mean changes
              success          share of the faces without the attribute that get it
              plausible        share that is no stranger than 99 of 100 unedited faces
              face similarity  cosine of the face embeddings before and after (with a face-recognition network)
              face match       share that the network still takes for the same person
            Scores stay in the database, so a stopped evaluation goes on. The figures are written beside the direction file.

            A second classifier that no direction was made by, --judge, sees the same faces; its figures stand beside. With --hold \
            each direction is measured plain and held, as `edit --hold` does it. With --among the figures are of some faces, such as \
            men, and are not written beside the direction file.

            With --photos each direction has lines on photographs as well: edited as `edit --photo` does it, and compared with the \
            photograph itself.

            For example:
              directions evaluate --direction smiling,smiling@v1 --count 200 --strength 1,2,3
              directions evaluate --direction mustache --among "male > 0.9 and mustache < 0.5" --count 100
            """)

    @Option(help: "Directions, separated by commas (default: the newest of each attribute).") var direction: String?

    @Option(name: .customLong("attr"), help: "Attributes whose newest directions are meant, instead of --direction.")
    var attributes: String?

    @Option(
        name: .customLong("as"),
        help: "Which attribute judges directions of other names, - where they lower it: smile=smiling,age=-young.")
    var judged: String?

    @Option(help: "How many fresh faces.") var count = 200

    @Option(
        help: ArgumentHelp(
            "Take fresh faces that pass this filter of attributes, in the language of `query`, such as \"male > 0.9\".",
            valueName: "filter"))
    var among: String?

    @Option(parsing: .unconditional, help: "Strengths in sigma, separated by commas.") var strength = "0.5,1,1.5,2,3"
    @Option(help: "Change only these rows of StyleGAN2's W+, such as 0-7.") var layers: String?
    @Option(help: "The seed of the fresh faces (default: one reserved for evaluations).") var seed: UInt64?

    @Option(
        help:
            "The classifier that judges: a file, a name in the workspace, or resnext, a second shipped one (default: the shipped one that scores)."
    )
    var classifier: String?

    @Option(
        help: ArgumentHelp(
            "A second classifier, whose figures stand beside, or none: one that directions were not made by.",
            valueName: "classifier"))
    var judge = EvaluateRequest.judge

    @OptionGroup var holding: HoldOptions
    @Option(help: "The generator's name in the workspace.") var generator = "default"
    @Option(help: "Threads that synthesize; 0 for one a processor.") var threads = 0

    @Option(
        help: ArgumentHelp(
            "dlib's face recognition network, for face similarity, or none (default: the workspace's, where `directions import identity` has put one).",
            valueName: "file"))
    var identity: String?

    @Option(
        help: ArgumentHelp(
            "Photographs to edit and score too: a folder, or a picture; may be given several times. Their codes are looked for once.",
            valueName: "folder"))
    var photos: [String] = []
    @Flag(help: "The photographs are squares of one face in FFHQ's frame already.") var aligned = false

    @OptionGroup var device: DeviceOption
    @OptionGroup var half: HalfOption
    @Flag(help: "Evaluate directions that belong to another generator all the same.") var force = false
    @OptionGroup var workspace: WorkspaceOption
    @Flag(help: "Print the result as JSON.") var json = false

    private var request: EvaluateRequest {
        get throws {
            let strengths = try Numbers.reals(strength, subject: "--strength").map(Double.init)
            var request = EvaluateRequest(try subjects, strengths: strengths)
            request.judges = try judges
            request.count = count
            request.among = among
            request.layers = try layers.map { try LayerSelection($0) }
            request.seed = seed
            request.classifier = classifier
            request.judge = judge == "none" ? nil : judge
            request.hold = try holding.request
            request.faceNetwork = identity.map { $0 == "none" ? .none : .file($0) } ?? .workspace
            if !photos.isEmpty { request.photographs = PhotographSource(photos, isAligned: aligned) }
            request.isForced = force
            request.threads = threads
            request.device = try device.value
            request.isHalf = half.isHalf
            request.generator = generator
            return request
        }
    }

    private var subjects: EvaluateRequest.Subjects {
        get throws {
            if let direction { return .directions(direction.split(separator: ",").map(String.init)) }
            return try attributes.map { .attributes(try Attribute.list($0)) } ?? .newest
        }
    }

    /// By direction name: the attribute that judges it, and whether the direction lowers it.
    private var judges: [String: EvaluateRequest.Judge] {
        get throws {
            var result: [String: EvaluateRequest.Judge] = [:]
            for pair in (judged ?? "").split(separator: ",") {
                let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
                guard parts.count == 2 else {
                    throw Failure(
                        "--as \(pair)", "is no pair", "write it as smile=smiling or age=-young", kind: .usage)
                }
                let lowers = parts[1].hasPrefix("-")
                let attribute = try Attribute.named(lowers ? String(parts[1].dropFirst()) : parts[1])
                result[parts[0]] = .init(attribute, isLowered: lowers)
            }
            return result
        }
    }

    func validate() throws { try request.validate() }

    func run() throws {
        Torch.keepFreedMemory()
        let result = try workspace.session.evaluate(request)
        if json { return try printJSON(result.metrics) }
        print(DirectionMetrics.table(result.metrics))
    }
}
