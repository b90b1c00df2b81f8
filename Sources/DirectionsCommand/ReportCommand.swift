import ArgumentParser
import Classifiers
import Core
import DirectionFiles
import Evaluation
import Foundation
import Generators
import LatentStore
import Reporting

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

    @Option(help: "The report's name: it becomes reports/NAME.html in the workspace.")
    var name = "report"

    @Option(name: .customLong("attr"), help: "Attributes, separated by commas, or all (default: the paper's eight).")
    var attributes: String?

    @Option(help: "Faces at each end of a ranking.")
    var faces = 8

    @Option(help: "The seed of the face in the table of edits.")
    var seed: UInt64 = 6

    @Option(help: "The classifier whose scores count: a file, or a name in the workspace (default: the shipped one).")
    var classifier: String?

    @Option(help: "The generator's name in the workspace.")
    var generator = "default"

    @Option(help: "Where the page goes instead.")
    var out: String?

    @OptionGroup var workspace: WorkspaceOption

    func run() throws {
        try DirectionFile.checkName(name)
        guard 1...64 ~= faces else { throw Failure("--faces", "must be 1 to 64", "for example 8", kind: .usage) }
        let place = workspace.value
        let loaded = try Generator.load(folder: place.generator(generator))
        let judge = try AttributeClassifier.load(path: ClassifierOption.path(classifier, place))
        let store = try LatentStore.openReadOnly(place.database)
        let library = DirectionLibrary(place.directions)
        let wanted =
            try attributes.map { try Attribute.list($0, among: judge.attributes) }
            ?? Attribute.defaults(among: judge.attributes)
        let known = Set(library.attributes())
        let sections = ReportSections(
            generator: loaded, judge: judge, scores: try store.classifier(judge.sha256), store: store, library: library,
            attributes: wanted,
            directions: try wanted.filter { known.contains($0.slug) }.map { try library.load($0.slug) })
        let title = "Semantic directions: \(name)"
        let page = ReportPage(
            title: title,
            summary: "\(sections.scores.scored) faces of \(loaded.identity.name), scored by \(judge.name); "
                + "\(sections.directions.count) directions. Made by directions \(Version.current).",
            sections: [
                try sections.provenance(), try sections.edits(seed: seed), try sections.fits(),
                try sections.responses(),
                try sections.entanglement(), try sections.waysOut(), try sections.rankings(faces: faces),
                try sections.distributions(),
                sections.classifierTable(), try sections.jobs(),
            ].compactMap { $0 })
        let path = out ?? "\(place.path)/reports/\(name).html"
        let html = try page.html()
        try AtomicFile.write(html, to: path)
        print("\(path): \(html.utf8.count / 1024) KiB")
    }
}
