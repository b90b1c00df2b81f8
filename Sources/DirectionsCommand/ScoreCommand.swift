import ArgumentParser
import CommandSupport
import Directions
import Foundation

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

    @Option(help: "Score at most so many.") var limit: Int?
    @Option(help: "The generator's name in the workspace.") var generator = "default"
    @Option(help: "Threads that synthesize; 0 for one a processor.") var threads = 0
    @Option(help: "Latents a batch.") var batch = 16
    @Option(help: "Keep a JPEG of each face with so many pixels along a side, such as 128.") var thumbnails: Int?
    @OptionGroup var device: DeviceOption
    @OptionGroup var half: HalfOption
    @OptionGroup var workspace: WorkspaceOption

    private var request: ScoreRequest {
        get throws {
            var request = ScoreRequest(classifier: classifier, limit: limit, generator: generator)
            request.threads = threads
            request.batch = batch
            request.thumbnails = thumbnails
            request.device = try device.value
            request.isHalf = half.isHalf
            return request
        }
    }

    func validate() throws { try request.validate() }

    func run() throws {
        let result = try workspace.session.score(try request)
        print("scored \(result.scored) latents with \(result.classifier)")
    }
}

/// `directions select`: the ends of the ranking.
struct SelectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "select",
        abstract: "Record the latents with the highest and lowest scores, per attribute.",
        discussion: """
            The paper takes the top 10,000 of 500,000; of fewer latents the same 2 % are taken when nothing is asked for.

            Examples:
              directions select --attr eyeglasses,smiling,male --top 80 --bottom 80
              directions select --attr bald,mustache --among "male > 0.9" --top 80 --bottom 80
            """)

    @Option(name: .customLong("attr"), help: "Attributes, separated by commas, or all (default: the paper's eight).")
    var attributes: String?

    @Option(help: "How many of the highest scores (default: 2 %, at most 10,000).") var top: Int?
    @Option(help: "How many of the lowest scores (default: as --top).") var bottom: Int?

    @Flag(
        help: """
            Choose the bottom not by the lowest scores but like the top in all other attributes, from the lower half of the \
            ranking: what goes along with the attribute then tells the two no more apart.
            """)
    var matched = false

    @Option(
        help: ArgumentHelp(
            "Take both ends of the latents that pass this filter, in the language of `query`, such as \"male > 0.9\".",
            valueName: "filter"))
    var among: String?

    @Option(help: "The classifier whose scores count: a name or SHA-256 (default: the last one that scored).")
    var classifier: String?

    @Option(help: "The generator's name in the workspace.") var generator = "default"
    @OptionGroup var workspace: WorkspaceOption
    @Flag(help: "Print the result as JSON.") var json = false

    private var request: SelectRequest {
        get throws {
            SelectRequest(
                attributes: try attributes.map { try AttributeChoice($0) } ?? .standard, top: top,
                bottom: bottom, isMatched: matched, among: among, classifier: classifier, generator: generator)
        }
    }

    func validate() throws { try request.validate() }

    func run() throws {
        let records = try workspace.session.select(try request)
        if json { return try printJSON(records) }
        for record in records {
            let thresholds = String(format: ">= %.4f, <= %.4f", record.topThreshold, record.bottomThreshold)
            print(
                "\(record.attribute): top \(record.top), \(record.isMatched ? "matched bottom" : "bottom") \(record.bottom) of \(record.scored) scored\(record.among.isEmpty ? "" : " among \(record.among)") (\(thresholds))"
            )
        }
    }
}
