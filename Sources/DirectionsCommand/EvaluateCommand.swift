import ArgumentParser
import Classifiers
import Core
import DirectionFiles
import Editing
import Evaluation
import Faces
import Foundation
import Generators
import LatentStore
import Tensors
import Weights

/// `directions evaluate`: what directions do to fresh faces.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Edit fresh faces along directions and score them again: response, and what else changes.",
        discussion: """
            The faces are latents of a seed that no sample set has, so no direction was fitted on them. Per direction and \
            strength: mean change of the attribute's logit; mean absolute change of all other logits, face by face; drift, the \
            mean absolute value of their mean changes, in which what faces do against each other cancels; share of the faces \
            without the attribute that get it; share that is no stranger than 99 of 100 unedited faces; with a face-recognition \
            network also how much of the person is left (cosine of the embeddings, and the share still called the same \
            person); each with a 95 % interval from resampling the faces. Scores stay in the \
            database, so a stopped evaluation goes on; the figures are written beside the direction file.

            Example: directions evaluate --direction smiling,smiling@v1 --count 200 --strength 1,2,3
            """)

    @Option(help: "Directions, separated by commas (default: the newest of each attribute).")
    var direction: String?

    @Option(name: .customLong("attr"), help: "Attributes whose newest directions are meant, instead of --direction.")
    var attributes: String?

    @Option(
        name: .customLong("as"),
        help: "Which attribute judges directions of other names, - where they lower it: smile=smiling,age=-young.")
    var judged: String?

    @Option(help: "How many fresh faces.")
    var count = 200

    @Option(parsing: .unconditional, help: "Strengths in sigma, separated by commas.")
    var strength = "0.5,1,1.5,2,3"

    @Option(help: "Change only these rows of StyleGAN2's W+, such as 0-7.")
    var layers: String?

    @Option(help: "The seed of the fresh faces (default: one reserved for evaluations).")
    var seed: UInt64?

    @Option(help: "The classifier that judges: a file, or a name in the workspace (default: the shipped one).")
    var classifier: String?

    @Option(help: "The generator's name in the workspace.")
    var generator = "default"

    @Option(help: "Threads that synthesize; 0 for one a processor.")
    var threads = 0

    @Option(
        help: ArgumentHelp(
            "dlib's face recognition network, for how much of the person is left, or none (default: the workspace's, where `directions import identity` has put one).",
            valueName: "file"))
    var identity: String?

    @OptionGroup var device: DeviceOption
    @OptionGroup var half: HalfOption

    @Flag(help: "Evaluate directions that belong to another generator all the same.")
    var force = false

    @OptionGroup var workspace: WorkspaceOption

    @Flag(help: "Print the result as JSON.")
    var json = false

    func run() throws {
        guard 1...100_000 ~= count else {
            throw Failure("--count \(count)", "is out of range", "give 1 to 100000", kind: .usage)
        }
        Torch.keepFreedMemory()
        let strengths = try Numbers.reals(strength, flag: "--strength").map(Double.init).sorted()
        let loaded = try Generator.load(folder: workspace.value.generator(generator))
        let library = DirectionLibrary(workspace.value.directions)
        let files = try self.files(library)
        if !force {
            for file in files {
                try file.requireGenerator(sha256: loaded.identity.sha256, name: loaded.identity.name)
            }
        }
        let aliases = try aliases()
        let range = try layers.map { try LayerRange($0, rows: loaded.identity.styleGAN2Layers) }
        let device = try device.value
        let judge = try AttributeClassifier.load(
            path: ClassifierOption.path(classifier, workspace.value), device: device)
        for file in files {
            let slug = aliases[file.attribute]?.attribute.slug ?? file.attribute
            guard judge.attributes.contains(where: { $0.slug == slug }) else {
                throw Failure(
                    file.label, "is no direction of an attribute that \(judge.name) scores",
                    "say which one judges it: --as \(file.attribute)=ATTRIBUTE, or =-ATTRIBUTE where it lowers it",
                    kind: .usage)
            }
        }
        let store = try LatentStore.open(workspace.value.database)
        let parameters = [
            "direction": files.map(\.label).joined(separator: ","), "count": "\(count)", "strength": strength,
            "layers": layers ?? "", "as": judged ?? "", "half": "\(half.isHalf)",
        ]
        var results: [DirectionMetrics] = []
        try store.logged("evaluate", parameters: parameters, inputs: ["classifier": judge.sha256]) {
            var evaluator = DirectionEvaluator(
                generator: loaded,
                synthesizer: try loaded.synthesizer(
                    .engine, threads: threads, device: device, isHalf: half.isHalf),
                classifier: judge, store: store, context: Terminal.context)
            if let seed { evaluator.seed = seed }
            evaluator.embedder = try embedder(device)
            let subjects = try files.map { file in
                DirectionEvaluator.Subject(
                    EditDirection(file),
                    sha256: Hashing.sha256(try file.encoded()), layers: range)
            }
            let measured = try evaluator.measure(subjects, strengths: strengths, count: count)
            var calculator = MetricsCalculator(
                attributes: judge.attributes.map(\.name), cuts: EvaluateCommand.cuts(judge))
            calculator.statistics = LogitStatistics(
                try store.logits(
                    classifier: store.classifier(judge.sha256).id, generator: loaded.identity.sha256
                ).logits, attributes: judge.attributes.count)
            for (file, figures) in zip(files, measured) {
                let alias = aliases[file.attribute]
                let slug = alias?.attribute.slug ?? file.attribute
                let name = judge.attributes.first { $0.slug == slug }?.name ?? file.attribute
                let metrics = try calculator.metrics(figures, attribute: name, lowers: alias?.lowers ?? false)
                results.append(metrics)
                let path = library.metricsPath(file.attribute, file.version)
                if layers == nil && library.versions(of: file.attribute).contains(file.version) {
                    try AtomicFile.write(try jsonText(metrics), to: path)
                }
            }
            return Dictionary(
                results.map { ($0.direction, $0.levels.last.map { "\($0.target.value)" } ?? "") },
                uniquingKeysWith: { $1 })
        }
        try store.checkpoint()
        if json { return try printJSON(results) }
        print(EvaluateCommand.table(results))
    }

    /// By direction name: the attribute that judges it, and whether the direction lowers it.
    private func aliases() throws -> [String: (attribute: Attribute, lowers: Bool)] {
        var result: [String: (attribute: Attribute, lowers: Bool)] = [:]
        for pair in (judged ?? "").split(separator: ",") {
            let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else {
                throw Failure("--as \(pair)", "is no pair", "write it as smile=smiling or age=-young", kind: .usage)
            }
            let lowers = parts[1].hasPrefix("-")
            result[parts[0]] = (try Attribute.named(lowers ? String(parts[1].dropFirst()) : parts[1]), lowers)
        }
        return result
    }

    /// The face-recognition network that was asked for, or the workspace's; nil when there is none.
    private func embedder(_ device: Device) throws -> FaceEmbedder? {
        let own = workspace.value.identityNetwork
        guard identity != "none", identity != nil || FileManager.default.fileExists(atPath: own) else { return nil }
        return try FaceEmbedder(DlibNetworkFile.read(identity ?? own), device: device)
    }

    private func files(_ library: DirectionLibrary) throws -> [DirectionFile] {
        if let direction { return try direction.split(separator: ",").map { try library.load(String($0)) } }
        if let attributes { return try Attribute.list(attributes).map { try library.load($0.slug) } }
        let all = try library.newest()
        if all.isEmpty {
            throw Failure(library.folder, "holds no direction", "make one with `directions fit`", kind: .usage)
        }
        return all
    }

    /// The logit from which on the classifier's calibrated answer is yes.
    static func cuts(_ judge: AttributeClassifier) -> [Float] {
        zip(judge.card.temperatures, judge.thresholds).map { temperature, threshold in
            let p = min(max(threshold, 1e-6), 1 - 1e-6)
            return temperature * log(p / (1 - p))
        }
    }

    static func table(_ results: [DirectionMetrics]) -> String {
        var lines = [
            "direction                  sigma  target change [95 %]        others [95 %]            drift  flipped  plausible  identity  same person"
        ]
        func text(_ interval: Interval) -> String {
            String(format: "%+6.2f [%+6.2f, %+6.2f]", interval.value, interval.low, interval.high)
        }
        func share(_ interval: Interval?, _ width: Int) -> String {
            let text = interval.map { String(format: "%.1f %%", 100 * $0.value) } ?? "-"
            return String(repeating: " ", count: max(0, width - text.count)) + text
        }
        for result in results {
            for level in result.levels {
                let name = result.direction.padding(toLength: 26, withPad: " ", startingAt: 0)
                let identity = level.identity.map { String(format: "%10.3f", $0.value) } ?? "         -"
                lines.append(
                    String(format: "%@ %+5.2f  ", name, level.strength) + text(level.target) + "  " + text(level.others)
                        + (level.drift.map { String(format: "%7.2f", $0.value) } ?? "      -") + share(level.flipped, 9)
                        + share(level.plausible, 11) + identity + share(level.samePerson, 13))
            }
            if let half = result.halfStrength, let others = result.othersAtHalf {
                lines.append(
                    "".padding(toLength: 27, withPad: " ", startingAt: 0)
                        + String(format: "half of the faces flip at %.2f sigma, others there ", half) + text(others)
                        + (result.driftAtHalf.map { ", drift " + text($0) } ?? "")
                        + (result.identityAtHalf.map { ", identity " + text($0) } ?? ""))
            }
        }
        return lines.joined(separator: "\n")
    }
}
