import ArgumentParser
import Classifiers
import Core
import Foundation
import Generators
import LatentStore
import Scoring
import Selection
import Tensors

/// `directions score`: the database's latents through generator and classifier.
struct ScoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score",
        abstract: "Synthesize each latent's face without noise and score its attributes.",
        discussion: """
            Latents that this classifier has scored are left out, so a stopped run goes on where it was.

            Example: directions score --limit 4000
            """)

    @Option(help: "The classifier: a file, or a name in the workspace (default: the shipped one).")
    var classifier: String?

    @Option(help: "Score at most so many.")
    var limit: Int?

    @Option(help: "The generator's name in the workspace.")
    var generator = "default"

    @Option(help: "Threads that synthesize; 0 for one a processor.")
    var threads = 0

    @Option(help: "Latents a batch.")
    var batch = 16

    @Option(help: "Keep a JPEG of each face with so many pixels along a side, such as 128.")
    var thumbnails: Int?

    @OptionGroup var device: DeviceOption
    @OptionGroup var half: HalfOption
    @OptionGroup var workspace: WorkspaceOption

    func run() throws {
        guard limit ?? 1 > 0, (1...1024).contains(batch), (0...1024).contains(threads),
            (16...1024).contains(thumbnails ?? 64)
        else {
            throw Failure(
                "--limit, --batch, --threads, --thumbnails", "must be sensible positive numbers", "see --help",
                kind: .usage)
        }
        Torch.keepFreedMemory()
        let loaded = try Generator.load(folder: workspace.value.generator(generator))
        let device = try device.value
        let network = try AttributeClassifier.load(
            path: ClassifierOption.path(classifier, workspace.value), device: device)
        let store = try LatentStore.open(workspace.value.database)
        let parameters = ["limit": limit.map { "\($0)" } ?? "all", "batch": "\(batch)", "half": "\(half.isHalf)"]
        let inputs = ["generator": loaded.identity.sha256, "classifier": network.sha256]
        try store.logged("score", parameters: parameters, inputs: inputs) {
            var scorer = LatentScorer(
                synthesizer: try loaded.synthesizer(
                    .engine, threads: threads, device: device, isHalf: half.isHalf),
                classifier: network, store: store, context: Terminal.context)
            scorer.batch = batch
            scorer.thumbnails = thumbnails
            let count = try scorer.score(limit: limit)
            try store.checkpoint()
            print("scored \(count) latents with \(network.name)")
            return ["scored": "\(count)"]
        }
    }
}

/// `directions select`: the ends of the ranking.
struct SelectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "select",
        abstract: "Record the latents with the highest and lowest scores, per attribute.",
        discussion: """
            The paper takes the top 10,000 of 500,000; of fewer latents the same 2 % are taken when nothing is asked for.

            Example: directions select --attr eyeglasses,smiling --top 80 --bottom 80
            """)

    @Option(name: .customLong("attr"), help: "Attributes, separated by commas, or all (default: the paper's eight).")
    var attributes: String?

    @Option(help: "How many of the highest scores (default: 2 %, at most 10,000).")
    var top: Int?

    @Option(help: "How many of the lowest scores (default: as --top).")
    var bottom: Int?

    @Flag(
        help: """
            Choose the bottom not by the lowest scores but like the top in all other attributes, from the lower half of the \
            ranking: what goes along with the attribute then tells the two no more apart.
            """)
    var matched = false

    @Option(help: "The classifier whose scores count: a name or SHA-256 (default: the last one that scored).")
    var classifier: String?

    @Option(help: "The generator's name in the workspace.")
    var generator = "default"

    @OptionGroup var workspace: WorkspaceOption

    @Flag(help: "Print the result as JSON.")
    var json = false

    func run() throws {
        let asked = try attributes.flatMap { Attribute.normalised($0) == "all" ? nil : try Attribute.list($0) } ?? []
        guard !matched || bottom == nil else {
            throw Failure("--bottom", "follows from --top with --matched", "leave it out", kind: .usage)
        }
        let sha256 = try GeneratorIdentity.read(folder: workspace.value.generator(generator)).sha256
        let store = try LatentStore.open(workspace.value.database)
        let judge = try store.classifier(classifier, scoring: asked)
        let wanted =
            try attributes.map { try Attribute.list($0, among: judge.attributes) }
            ?? Attribute.defaults(among: judge.attributes)
        var records: [SelectionRecord] = []
        let parameters = [
            "attr": wanted.map(\.name).joined(separator: ","), "top": top.map { "\($0)" } ?? "",
            "bottom": bottom.map { "\($0)" } ?? "", "matched": "\(matched)",
        ]
        try store.logged("select", parameters: parameters, inputs: ["classifier": judge.sha256]) {
            for attribute in wanted {
                try Terminal.context.check()
                records.append(
                    try Selector(store: store, context: Terminal.context).select(
                        attribute, classifier: judge, generator: sha256, top: top, bottom: bottom ?? top,
                        isMatched: matched))
            }
            return Dictionary(uniqueKeysWithValues: records.map { ($0.attribute, $0.fingerprint) })
        }
        try store.checkpoint()
        if json { return try printJSON(records) }
        for record in records {
            let thresholds = String(format: ">= %.4f, <= %.4f", record.topThreshold, record.bottomThreshold)
            print(
                "\(record.attribute): top \(record.top), \(record.isMatched ? "matched bottom" : "bottom") \(record.bottom) of \(record.scored) scored (\(thresholds))"
            )
        }
    }
}
