import Core
import DirectionFiles
import LatentStore
import Reporting
import Reports

/// What a report shows of a workspace.
public struct ReportRequest: Sendable {
    /// The report's name.
    public var name: String
    /// The attributes that are shown.
    public var attributes: AttributeChoice
    /// Faces at each end of a ranking, 1 to 64.
    public var faces: Int
    /// The seed of the face in the table of edits.
    public var seed: UInt64
    /// The classifier whose scores count, a file or a name in the workspace; nil for the one that comes with the program.
    public var classifier: String?
    /// The generator's name in the workspace.
    public var generator: String
    /// How a reader makes a figure again, such as a command; nil leaves that out.
    public var sources: @Sendable (ReportFigure) -> String?

    /// - Parameters:
    ///   - name: The report's name.
    ///   - attributes: The attributes that are shown.
    ///   - faces: Faces at each end of a ranking.
    ///   - seed: The seed of the face in the table of edits.
    ///   - classifier: The classifier whose scores count; nil for the one that comes with the program.
    ///   - generator: The generator's name in the workspace.
    ///   - sources: How a reader makes a figure again; nil leaves that out.
    public init(
        name: String = "report", attributes: AttributeChoice = .standard, faces: Int = 8, seed: UInt64 = 6,
        classifier: String? = nil, generator: String = "default",
        sources: @escaping @Sendable (ReportFigure) -> String? = { _ in nil }
    ) {
        self.name = name
        self.attributes = attributes
        self.faces = faces
        self.seed = seed
        self.classifier = classifier
        self.generator = generator
        self.sources = sources
    }

    /// Checks what can be checked before anything is loaded.
    ///
    /// - Throws: ``Core/Failure`` (usage) for a name that can't be a file's, or a number out of range.
    public func validate() throws {
        try DirectionFile.checkName(name)
        guard 1...64 ~= faces else {
            throw Failure("faces \(faces)", "must be 1 to 64", "for example 8", kind: .usage)
        }
    }
}

/// A workspace as one page, in memory.
public struct ReportResult: Sendable {
    /// The page: one HTML file with everything inside.
    public let html: String
    /// What it is about, in one line.
    public let summary: String
}

extension Session {
    /// Describes a workspace on one page: provenance, classifier, scores, directions, what they do; nothing is written.
    ///
    /// - Throws: ``Core/Failure``: a request out of range (usage), no such generator, no scores of the classifier (not found), or
    ///   a stop.
    public func report(_ request: ReportRequest) throws -> ReportResult {
        try request.validate()
        let generator = try generator(request.generator)
        let judge = try classifier(request.classifier)
        var sections = try ReportSections(
            generator: generator, judge: judge, store: readOnlyStore(),
            library: library(of: generator.identity),
            attributes: request.attributes.resolved(among: judge.attributes),
            context: context, sources: request.sources)
        sections.inversions = inversionTables()
        let page = ReportPage(
            title: "Semantic directions: \(request.name)", summary: sections.summary,
            sections: try sections.all(faces: request.faces, seed: request.seed))
        return ReportResult(html: page.html(), summary: sections.summary)
    }
}
