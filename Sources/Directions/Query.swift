import Core
import Foundation
import Generators
import Images
import LatentStore
import Latents
import Tensors

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
    /// The classifier whose scores count, by name or SHA-256; nil for the last one that scored.
    public var classifier: String?

    /// Asks a question.
    public init(_ question: Question, limit: Int? = nil, classifier: String? = nil) {
        self.question = question
        self.limit = limit
        self.classifier = classifier
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
            filter: text.isEmpty ? Filter() : Filter(text), order: order, near: near, limit: limit ?? 100)
    }
}

/// How the faces of an answer are drawn.
public struct AnswerFacesRequest: Sendable {
    /// The generator's name in the workspace.
    public var generator = "default"
    /// Pixels along a side of a face; nil for 256, or the generator's own where that is smaller.
    public var size: Int?
    /// Whether noise takes part.
    public var noise = NoiseMode.none
    /// Which implementation synthesizes.
    public var engine = Generator.Engine.engine
    /// Threads that synthesize; 0 for one a processor.
    public var threads = 0
    /// Where to compute.
    public var device = Device.cpu
    /// Whether the generator's four largest levels compute in half precision.
    public var isHalf = false
    /// At most so many faces.
    public var limit = 400

    /// Asks for noise-free faces of the default generator.
    public init() {}
}

/// The faces of an answer.
public struct AnswerFaces: Sendable {
    /// A face a row.
    public let faces: ImageBatch
    /// The latents' ids.
    public let ids: [Int64]
    /// What to write under each face: its id, and the first two other values of its row.
    public let captions: [String]

    /// The faces side by side, with their captions.
    public var grid: Grid { Grid(faces.images, captions: captions) }
}

extension Answer.Value {
    /// The value as text, a number with four digits that matter.
    public var short: String {
        if case .real(let number) = self { return String(format: "%.4g", number) }
        return text
    }
}

extension Session {
    /// The database's answer to a question; nothing is changed.
    ///
    /// - Throws: ``Core/Failure``: a question that can't be understood or would write (usage), or no database (not found).
    public func query(_ request: QueryRequest) throws -> Answer {
        var query = try request.filterQuery()
        let store = try LatentStore.openReadOnly(workspace.database)
        if case .sql(let statement) = request.question {
            return try store.query(statement, limit: request.limit ?? .max)
        }
        if let filter = query?.filter, !filter.attributes.isEmpty {
            try filter.check(among: store.attributes())
            query?.classifier = try store.classifier(request.classifier, scoring: filter.attributes).id
        }
        if case .filter(_, _, let near?) = request.question { _ = try store.latents(ids: [near]) }
        return try query?.run(store) ?? Answer(columns: [], rows: [])
    }

    /// The faces of the latents that an answer names in a column `latent` or `id`.
    ///
    /// - Throws: ``Core/Failure``: no such column or no row (usage), or what synthesis throws.
    public func faces(of answer: Answer, _ request: AnswerFacesRequest = .init()) throws -> AnswerFaces {
        guard let column = answer.columns.firstIndex(where: { ["latent", "id"].contains($0) }) else {
            throw Failure(
                "the grid", "needs a column named latent or id in the answer", "select it in the SQL", kind: .usage)
        }
        let rows = answer.rows.prefix(request.limit)
        let ids = try rows.map { row in
            guard case .integer(let id) = row[column] else {
                throw Failure("column \(answer.columns[column])", "holds no ids", "")
            }
            return id
        }
        guard !ids.isEmpty else {
            throw Failure(
                "the grid", "has no faces to draw: the answer is empty", "widen the filter", kind: .notFound)
        }
        let store = try LatentStore.openReadOnly(workspace.database)
        let loaded = try generator(request.generator)
        let codes = try LatentCodes(store.latents(ids: ids), size: loaded.identity.latentSize)
        let synthesizer = try loaded.synthesizer(
            request.engine, threads: request.threads, device: request.device, isHalf: request.isHalf)
        let faces = try images(
            codes, synthesizer, size: request.size ?? loaded.size(256), noise: request.noise, label: "query")
        let captions = rows.map { row in
            let others = answer.columns.indices.filter { $0 != column }.prefix(2)
            let values = others.map { "\(answer.columns[$0]) \(row[$0].short)" }
            return (["\(row[column].text)"] + values).joined(separator: "\n")
        }
        return AnswerFaces(faces: faces, ids: ids, captions: captions)
    }

    /// Images of codes, in batches of eight, with progress where there are more.
    private func images(
        _ codes: LatentCodes, _ synthesizer: any Synthesizer, size: Int, noise: NoiseMode, label: String
    ) throws -> ImageBatch {
        let progress = context.progress(label, unit: "faces", total: codes.count, isShown: codes.count > 8)
        var planes: [Float] = []
        for start in stride(from: 0, to: codes.count, by: 8) {
            try context.check()
            let end = min(codes.count, start + 8)
            planes += try synthesizer.synthesize(codes.slice(start..<end), size: size, noise: noise).planes
            progress.advance(end - start)
        }
        progress.finish()
        return ImageBatch(planes, side: size)
    }
}
