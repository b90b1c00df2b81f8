import Classifiers
import Core
import DirectionFiles
import Evaluation
import Foundation
import Generators
import Inversion
import LatentStore
import Reporting

/// Something in a report that a reader may want to make again.
public enum ReportFigure: Sendable {
    /// The generator, the classifier and the sample sets.
    case provenance
    /// The jobs that were run.
    case jobs
    /// Solvers, thresholds and accuracies of the directions.
    case boundaries
    /// Cosines between directions.
    case cosines
    /// What directions do to so many fresh faces.
    case responses(faces: Int)
    /// Mean change of every attribute's logit.
    case attributeChanges
    /// All versions of the attributes side by side.
    case versions
    /// Directions applied to the face of a seed.
    case edits(directions: [String], seed: UInt64)
    /// So many faces at each end of the rankings.
    case rankings(count: Int)
    /// Distributions of the scores.
    case scores
    /// What ways to colour photographs are worth.
    case colours
    /// What ways to find codes of photographs are worth.
    case inversion
    /// How good the classifier is.
    case classifier
}

/// The parts of a report on a workspace, each nil where the workspace has nothing for it.
public struct ReportSections {
    let generator: Generator
    let synthesizer: any Synthesizer
    let judge: AttributeClassifier
    /// The classifier as the database knows it.
    let scores: ClassifierRecord
    /// The latents of the generator that it has scored.
    let scored: Int
    let store: LatentStore
    let library: DirectionLibrary
    let attributes: [Attribute]
    let directions: [DirectionFile]
    let context: RunContext
    private let sources: @Sendable (ReportFigure) -> String?
    /// What was measured of ways to find codes of photographs.
    public var inversions: [InversionTable] = []

    /// - Parameters:
    ///   - generator: The generator of the faces.
    ///   - judge: The classifier whose scores count.
    ///   - store: Holds them.
    ///   - library: The workspace's directions, as the generator sees them.
    ///   - attributes: The attributes that are shown; the newest direction of each, where it has one.
    ///   - context: Whether to stop.
    ///   - sources: How a reader makes a figure again; nil leaves that out.
    /// - Throws: ``Core/Failure`` when the classifier has scored nothing, or a direction can't be read.
    public init(
        generator: Generator, judge: AttributeClassifier, store: LatentStore, library: DirectionLibrary,
        attributes: [Attribute], context: RunContext = .silent,
        sources: @escaping @Sendable (ReportFigure) -> String? = { _ in nil }
    ) throws {
        self.generator = generator
        self.judge = judge
        self.store = store
        self.library = library
        self.attributes = attributes
        self.context = context
        self.sources = sources
        synthesizer = try generator.synthesizer()
        scores = try store.classifier(judge.sha256)
        scored = try store.scoredCount(classifier: scores.id, generator: generator.identity.sha256)
        directions = try library.newest(of: attributes.map(\.slug))
    }

    /// What the report is about, in one line.
    public var summary: String {
        "\(scored) faces of \(generator.identity.name), scored by \(judge.name); "
            + "\(directions.count) directions. Made by directions \(Version.current)."
    }

    /// All parts, in the order of the page.
    ///
    /// - Parameters:
    ///   - faces: Faces at each end of a ranking.
    ///   - seed: The seed of the face in the table of edits.
    /// - Returns: Those that the workspace has something for.
    /// - Throws: ``Core/Failure`` when a file or the database can't be read, or faces can't be made.
    public func all(faces: Int, seed: UInt64) throws -> [ReportPage.Section] {
        try [
            provenance(), edits(seed: seed), fits(), responses(), entanglement(), waysOut(), rankings(faces: faces),
            distributions(), classifierTable(), inversion(), colours(), jobs(),
        ].compactMap { $0 }
    }

    func percent(_ value: Double?) -> String { value.map { String(format: "%.1f %%", 100 * $0) } ?? "" }

    /// The line that says how a figure is made again, where there is one.
    func source(_ figure: ReportFigure) -> [ReportPage.Item] { sources(figure).map { [.source($0)] } ?? [] }

    /// What was measured of the directions, in their order.
    func measured() throws -> [(file: DirectionFile, metrics: DirectionMetrics)] {
        try directions.compactMap { file in try library.metrics(of: file).map { (file, $0) } }
    }

    func provenance() throws -> ReportPage.Section {
        let identity = generator.identity
        var rows = [
            ["generator", "\(identity.name) (\(identity.architecture), \(identity.resolution) px)", identity.sha256],
            ["its source", identity.sourceName, identity.sourceSHA256], ["classifier", judge.name, judge.sha256],
        ]
        for set in try store.sampleSets() where set.set.generator == identity.sha256 {
            let text = "\(set.count) latents of seed \(set.set.seed), psi \(set.set.psi), noise-free"
            rows.append(["sample set \(set.set.id)", text, ""])
        }
        return ReportPage.Section(
            title: "Provenance",
            items: [
                .table(.init(columns: ["", "", "SHA-256"], rows: rows))
            ] + source(.provenance) + [.text("Licence: " + identity.licence)])
    }

    func jobs() throws -> ReportPage.Section {
        let rows = try store.jobRuns(limit: 40).map { job in
            [
                "\(job.id)", job.verb, job.status, job.started,
                ReportSections.seconds(from: job.started, to: job.ended).map { "\($0)" } ?? "",
            ]
        }
        return ReportPage.Section(
            title: "What was run",
            items: [.table(.init(columns: ["id", "verb", "status", "started", "seconds"], rows: rows))]
                + source(.jobs))
    }

    /// Whole seconds between two times in ISO 8601; nil where there is no end.
    static func seconds(from start: String, to end: String?) -> Double? {
        let format = ISO8601DateFormatter()
        guard let end, let first = format.date(from: start), let last = format.date(from: end) else { return nil }
        return last.timeIntervalSince(first).rounded()
    }
}
