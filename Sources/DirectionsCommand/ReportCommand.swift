import ArgumentParser
import CommandSupport
import Core
import Directions
import Foundation
import Reports

/// `directions report`: a run as one page.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Write one HTML page about a workspace: provenance, classifier, scores, directions, what they do.",
        discussion: """
            The page needs no network and no other file. Each part says which command or SQL gives its figures. What \
            `evaluate` has measured is shown; directions that it has not measured stand without response.

            Example: directions report --name faces
            """)

    @Option(help: "The report's name: it becomes reports/NAME.html in the workspace.") var name = "report"

    @Option(name: .customLong("attr"), help: "Attributes, separated by commas, or all (default: the paper's eight).")
    var attributes: String?

    @Option(help: "Faces at each end of a ranking.") var faces = 8
    @Option(help: "The seed of the face in the table of edits.") var seed: UInt64 = 6

    @Option(help: "The classifier whose scores count: a file, or a name in the workspace (default: the shipped one).")
    var classifier: String?

    @Option(help: "The generator's name in the workspace.") var generator = "default"
    @Option(help: "Where the page goes instead.") var out: String?
    @OptionGroup var workspace: WorkspaceOption

    private var request: ReportRequest {
        get throws {
            ReportRequest(
                name: name, attributes: try attributes.map { try AttributeChoice($0) } ?? .standard, faces: faces,
                seed: seed,
                classifier: classifier, generator: generator, sources: ReportCommand.source)
        }
    }

    func validate() throws { try request.validate() }

    func run() throws {
        let place = workspace.value
        let path = out ?? "\(place.reports)/\(name).html"
        // Before the work: another user's workspace can be read, but takes no page.
        if out == nil, access(place.path, W_OK) != 0, access(place.reports, W_OK) != 0 {
            throw Failure(path, "cannot be written", "name another file with --out", kind: .usage)
        }
        let html = try workspace.session.report(request).html
        try AtomicFile.write(html, to: path)
        print("\(path): \(html.utf8.count / 1024) KiB")
    }

    /// The command that gives a figure.
    private static func source(_ figure: ReportFigure) -> String? {
        switch figure {
        case .provenance: "directions status --json"
        case .jobs: "directions query --sql \"SELECT * FROM job_runs\""
        case .boundaries: "directions show ATTRIBUTE --json"
        case .cosines: "directions diff A B"
        case .responses(let faces): "directions evaluate --count \(faces)"
        case .attributeChanges: "directions evaluate --json   # `attributeChanges`"
        case .versions:
            "directions evaluate --direction A@v1,A@v2 --json   # offTargetChangeAtHalf, faceSimilarityAtHalf"
        case .edits(let names, let seed):
            "directions edit --direction \(names.joined(separator: ",")) --strength 0,1,2,3 --unit sigma --seed \(seed) --out table.png"
        case .rankings(let count):
            "directions query --order ATTRIBUTE --limit \(count) --out top.png   # -ATTRIBUTE for the lowest"
        case .scores:
            "directions query --sql \"SELECT latent, smiling, male FROM scores\"   # probabilities; logits as a blob"
        case .inversion: "directions evaluate-inversion FOLDER"
        case .colours: "directions evaluate-colorization"
        case .classifier: "the card in the classifier file; Reports/classifier"
        }
    }
}
