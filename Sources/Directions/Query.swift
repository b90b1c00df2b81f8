import Core
import Foundation
import Generators
import Images
import LatentStore
import Latents
import Sampling

/// A question to the latent database.
public struct QueryRequest: Sendable {
    /// How the question is put.
    public enum Question: Sendable, Equatable {
        /// A filter such as `eyeglasses > 0.9 and male < 0.1` (empty for all latents), ordered by a field or by nearness to
        /// a latent.
        case filter(String, order: String? = nil, near: Int64? = nil)
        /// One SELECT statement.
        case sql(String)
    }

    /// How the question is put.
    public var question: Question
    /// At most so many rows; nil for 100 of a filter's, all of a statement's.
    public var limit: Int?
    /// Attributes whose scores a filter's answer shows beside those that it names, where a latent has them.
    public var shown: [String]
    /// The classifier whose scores count, by name or SHA-256; nil for the last one that scored.
    public var classifier: String?
    /// The generator whose latents a filter means, by its name in the workspace or its SHA-256; a statement says itself.
    public var generator: String

    /// Asks a question.
    public init(
        _ question: Question, limit: Int? = nil, shown: [String] = [], classifier: String? = nil,
        generator: String = "default"
    ) {
        self.question = question
        self.limit = limit
        self.shown = shown
        self.classifier = classifier
        self.generator = generator
    }

    /// Checks what can be checked before the database is opened.
    ///
    /// - Throws: ``Core/Failure`` (usage) for a filter that can't be parsed, an unknown field, or a negative limit.
    public func validate() throws { _ = try filterQuery() }

    /// The filter as the database takes it; nil for a statement.
    func filterQuery() throws -> LatentQuery? {
        guard limit ?? 1 >= 0 else {
            throw Failure("limit", "must not be negative", "for example 24", kind: .usage)
        }
        guard case .filter(let text, let order, let near) = question else { return nil }
        return try LatentQuery(
            filter: text.isEmpty ? Filter() : Filter(text), order: order, near: near, limit: limit ?? 100,
            shown: shown.map { try Attribute.named($0) })
    }
}

/// The faces of an answer.
public struct AnswerFaces: Sendable, FacePictures {
    /// A face a row.
    public let faces: ImageBatch
    /// The latents' ids.
    public let ids: [Int64]
    /// What to write under each face: its id, and the first two other values of its row.
    public let captions: [String]

    /// The faces side by side, with their captions.
    public var grid: Grid { Grid(faces.images, captions: captions) }
    /// The faces, of which there always are some.
    public var pictures: ImageBatch? { faces }
    /// The latents' ids, as `latent-17`.
    public var frameNames: [String] { ids.map { "latent-\($0)" } }

    /// The faces side by side.
    ///
    /// - Parameter hasLabels: Whether their captions stand under them.
    /// - Returns: The picture.
    /// - Throws: ``Core/Failure`` (usage) when it would be too large.
    public func picture(hasLabels: Bool = true) throws -> Image {
        try (hasLabels ? grid : grid.unlabelled).rendered()
    }
}

extension Session {
    /// The database's answer to a question; nothing is changed.
    ///
    /// - Throws: ``Core/Failure``: a question that can't be understood or would write (usage), no database or no such generator
    ///   (not found), or nearness to a latent of another generator (conflict).
    public func query(_ request: QueryRequest) throws -> Answer {
        var query = try request.filterQuery()
        let store = try readOnlyStore()
        if case .sql(let statement) = request.question {
            return try store.query(statement, limit: request.limit ?? .max)
        }
        let owner = try queried(request.generator, in: store)
        query?.generator = owner?.sha256
        if let attributes = query?.attributes, !attributes.isEmpty {
            try query?.check(among: store.attributes())
            query?.classifier = try judge(request.classifier, of: attributes, by: owner, in: store).id
        }
        if let near = query?.filter.nearLatents, !near.isEmpty {
            _ = try store.latents(ids: near)
            if let owner { try requireOwner(owner.sha256, name: owner.name, ofLatents: near, in: store) }
        }
        return try query?.run(store) ?? Answer(columns: [], rows: [])
    }

    /// The generator whose latents a filter means: imported, or known to the database alone, as in a workspace of which only
    /// that was copied; nil where the database knows none.
    private func queried(_ name: String, in store: LatentStore) throws -> GeneratorRecord? {
        let known = try store.generators().map(\.record)
        if let found = known.last(where: { $0.sha256 == name }) { return found }
        do {
            return try generatorIdentity(name).record
        } catch let failure as Failure where failure.kind == .notFound {
            let isAny = name == "default" && generatorNames.isEmpty
            let named = known.filter { $0.name == name }
            let found = isAny && named.isEmpty ? known : named
            if found.isEmpty && !isAny { throw failure }
            if found.count > 1 {
                let list = found.map { "\($0.name) (\($0.sha256))" }.joined(separator: ", ")
                throw Failure(
                    "generator \(name)", "could be any of several that the database knows",
                    "name one by its SHA-256: \(list)", kind: .notFound)
            }
            return found.first
        }
    }

    /// The classifier whose scores count: unless one is named, the last that scored the generator's latents.
    private func judge(
        _ name: String?, of attributes: [Attribute], by owner: GeneratorRecord?, in store: LatentStore
    ) throws -> ClassifierRecord {
        if name == nil, let owner {
            let found = try store.classifiers().last { record in
                try attributes.allSatisfy(record.attributes.contains)
                    && store.scoredCount(classifier: record.id, generator: owner.sha256) > 0
            }
            if let found { return found }
        }
        return try store.classifier(name, scoring: attributes)
    }

    /// The latents that an answer names in a column `latent` or `id`, in its order.
    ///
    /// - Returns: Their W codes.
    /// - Throws: ``Core/Failure``: no such column (usage), no row (not found), or latents of several generators (conflict).
    public func codes(of answer: Answer) throws -> LatentCodes {
        let ids = try latents(of: answer).ids
        let store = try readOnlyStore()
        let owners = try store.generators(ofLatents: ids)
        guard owners.count <= 1 else {
            throw Failure(
                "the answer", "has latents of \(owners.map(\.name).joined(separator: " and "))",
                "narrow the filter to one's sets, such as \"set = 1\"; `directions status` lists them", kind: .conflict)
        }
        let values = try store.latents(ids: ids)
        return try LatentCodes(values, size: values.count / ids.count)
    }

    /// The faces of the latents that an answer names in a column `latent` or `id`.
    ///
    /// - Parameters:
    ///   - answer: At most so many of its rows are drawn as `limit` says.
    ///   - generator: The generator's name in the workspace.
    ///   - rendering: How the faces are made.
    ///   - limit: At most so many faces.
    /// - Returns: The faces with their captions.
    /// - Throws: ``Core/Failure``: no such column (usage), no row (not found), or what synthesis throws.
    public func faces(
        of answer: Answer, generator: String = "default", rendering: FaceRendering = FaceRendering(), limit: Int = 400
    ) throws -> AnswerFaces {
        try rendering.validate()
        let (all, column) = try latents(of: answer)
        let ids = Array(all.prefix(limit))
        let store = try readOnlyStore()
        let loaded = try self.generator(generator)
        let codes = try latents(ids, of: loaded.identity, in: store)
        let faces = try images(codes, generator: loaded, rendering: rendering, label: "query")
        let captions = answer.rows.prefix(limit).map { row in
            let others = answer.columns.indices.filter { $0 != column }.prefix(2)
            let values = others.map { "\(answer.columns[$0]) \(row[$0].short)" }
            return (["\(row[column].text)"] + values).joined(separator: "\n")
        }
        return AnswerFaces(faces: faces, ids: ids, captions: captions)
    }

    /// The latents of an answer, in its order, and the column that names them.
    private func latents(of answer: Answer) throws -> (ids: [Int64], column: Int) {
        guard let column = answer.columns.firstIndex(where: { ["latent", "id"].contains($0) }) else {
            throw Failure("the answer", "has no column named latent or id", "select it in the SQL", kind: .usage)
        }
        let ids = try answer.rows.map { row in
            guard case .integer(let id) = row[column] else {
                throw Failure(
                    "column \(answer.columns[column])", "holds no ids", "select the latents' ids", kind: .usage)
            }
            return id
        }
        guard !ids.isEmpty else {
            throw Failure("the answer", "has no latents: it is empty", "widen the filter", kind: .notFound)
        }
        return (ids, column)
    }
}
