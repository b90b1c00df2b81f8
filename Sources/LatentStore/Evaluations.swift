import Core
import Foundation

/// One direction at one strength, on faces of their own seed; without a direction the faces as they are.
public struct EvaluationKey: Sendable, Hashable {
    public var generatorSHA256: String
    public var classifier: Int64
    /// SHA-256 of the direction file, or empty.
    public var directionSHA256: String
    public var label: String
    /// In sigma.
    public var strength: Double
    /// In units of W.
    public var step: Double
    /// Rows of W+ that are changed, such as `0-7`; empty for W.
    public var layers: String
    public var seed: UInt64

    public init(
        generatorSHA256: String, classifier: Int64, directionSHA256: String = "", label: String = "",
        strength: Double = 0, step: Double = 0, layers: String = "", seed: UInt64
    ) {
        self.generatorSHA256 = generatorSHA256
        self.classifier = classifier
        self.directionSHA256 = directionSHA256
        self.label = label
        self.strength = strength
        self.step = step
        self.layers = layers
        self.seed = seed
    }
}

extension LatentStore {
    /// The row of an evaluation, made when it is new.
    ///
    /// - Throws: ``Failure`` when the generator is unknown, or a sample set of it has the evaluation's seed: its faces would not be
    ///   fresh.
    public func evaluation(_ key: EvaluationKey) throws -> Int64 {
        try write { db in
            guard
                let generator = try db.value(
                    Int64.self, "SELECT id FROM generators WHERE sha256 = ?", [key.generatorSHA256])
            else {
                throw Failure(
                    path, "knows no latents of this generator", "run `directions sample` first", kind: .notFound)
            }
            let seed = Int64(bitPattern: key.seed)
            guard
                try db.value(
                    Int.self, "SELECT 1 FROM sample_sets WHERE generator = ? AND seed = ?", [generator, seed]) == nil
            else {
                throw Failure(
                    "seed \(key.seed)", "is the seed of a sample set: directions may have been fitted on its faces",
                    "choose another one", kind: .usage)
            }
            let arguments: [any Bindable] = [
                generator, key.classifier, key.directionSHA256, key.label, key.strength, key.step, key.layers, seed,
            ]
            try db.execute(
                """
                INSERT OR IGNORE INTO evaluations
                    (generator, classifier, direction_sha256, label, strength, step, layers, seed)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """, arguments)
            return try db.value(
                Int64.self,
                """
                SELECT id FROM evaluations WHERE generator = ? AND classifier = ? AND direction_sha256 = ?
                    AND strength = ? AND layers = ? AND seed = ?
                """,
                [generator, key.classifier, key.directionSHA256, key.strength, key.layers, seed]) ?? 0
        }
    }

    /// How many evaluations belong to a generator.
    ///
    /// - Parameter generator: SHA-256 of the generator's weights.
    /// - Returns: The number of edits that were measured.
    /// - Throws: ``Failure`` when the database can't be read.
    public func evaluationCount(generator: String) throws -> Int {
        try read { db in
            try db.value(
                Int.self,
                """
                SELECT count(*) FROM evaluations e JOIN generators g ON g.id = e.generator
                WHERE g.sha256 = ? AND e.direction_sha256 <> ''
                """, [generator]) ?? 0
        }
    }

    /// Those of some faces that an evaluation lacks.
    ///
    /// - Parameters:
    ///   - evaluation: The evaluation's row.
    ///   - faces: Indices of faces.
    ///   - embedded: Whether a face without its embedding counts as missing.
    /// - Returns: Indices of faces, in the same order.
    /// - Throws: ``Failure`` when the database can't be read.
    public func missingFaces(of evaluation: Int64, among faces: [Int], embedded: Bool = false) throws -> [Int] {
        let present = try read { db in
            try db.values(
                Int.self, "SELECT face FROM evaluation_faces WHERE evaluation = ? AND (embedding IS NOT NULL OR NOT ?)",
                [evaluation, embedded])
        }
        let known = Set(present)
        return faces.filter { !known.contains($0) }
    }

    /// Stores what some faces of an evaluation scored, in one transaction.
    ///
    /// - Parameters:
    ///   - faces: Indices of the faces, ascending.
    ///   - evaluation: The evaluation's row.
    ///   - logits: [faces.count, attributes].
    ///   - embeddings: [faces.count, 128], or nil.
    /// - Throws: ``Failure`` when the database can't be written; nothing is stored then.
    public func insertFaces(
        _ faces: [Int], of evaluation: Int64, logits: [Float], embeddings: [Float]? = nil
    ) throws {
        let width = logits.count / max(1, faces.count)
        let length = (embeddings?.count ?? 0) / max(1, faces.count)
        try write { db in
            for (row, face) in faces.enumerated() {
                try db.execute(
                    """
                    INSERT OR REPLACE INTO evaluation_faces (evaluation, face, logits, embedding) VALUES (?, ?, ?, ?)
                    """,
                    [
                        evaluation, face, logits[row * width..<(row + 1) * width],
                        embeddings.map { $0[row * length..<(row + 1) * length] },
                    ])
            }
        }
    }

    /// The logits [faces.count, attributes] of some of an evaluation's faces.
    ///
    /// - Throws: ``Failure`` when some are missing.
    public func logits(of evaluation: Int64, faces: [Int]) throws -> [Float] {
        let known = try vectors("logits", of: evaluation)
        let found = faces.compactMap { known[$0] }
        guard found.count == faces.count else {
            throw Failure(
                path, "has \(found.count) of \(faces.count) evaluated faces", "run `directions evaluate` again",
                kind: .notFound)
        }
        return Array(found.joined())
    }

    /// The embeddings [faces.count, 128] of some of an evaluation's faces; nil when some have none.
    ///
    /// - Throws: ``Failure`` when the database can't be read.
    public func embeddings(of evaluation: Int64, faces: [Int]) throws -> [Float]? {
        let known = try vectors("embedding", of: evaluation)
        let found = faces.compactMap { known[$0] }
        return found.count == faces.count ? Array(found.joined()) : nil
    }

    /// A column of an evaluation's faces, by their indices, where it is known.
    private func vectors(_ column: String, of evaluation: Int64) throws -> [Int: [Float]] {
        try read { db in
            var result: [Int: [Float]] = [:]
            try db.forEachRow(
                "SELECT face, \(column) AS value FROM evaluation_faces WHERE evaluation = ? AND \(column) IS NOT NULL",
                [evaluation]
            ) { row in
                let face: Int = try row["face"]
                result[face] = try row["value"]
            }
            return result
        }
    }

    /// Which of some faces pass a filter of attributes.
    ///
    /// - Parameters:
    ///   - filter: Names attributes alone: these faces are no latents of the database.
    ///   - probabilities: [faces, attributes].
    ///   - attributes: The attributes of the probabilities.
    /// - Returns: Indices of faces, ascending.
    /// - Throws: ``Failure`` (usage) for a field that is none of the attributes.
    public func faces(
        passing filter: Filter, probabilities: [Float], of attributes: [Attribute]
    ) throws -> [Int] {
        if let field = filter.latentFields.first {
            throw Failure(
                "filter", "`\(field)` is of latents in the database, these faces are fresh",
                "name attributes alone, such as male > 0.9", kind: .usage)
        }
        try filter.check(among: attributes)
        let columns = filter.attributes.map { "CAST(:\($0.slug) AS REAL) AS \"\($0.slug)\"" }.joined(separator: ", ")
        let places = filter.attributes.compactMap(attributes.firstIndex)
        return try read { db in
            let statement = try db.prepare(
                "SELECT 1 FROM (SELECT \(columns.isEmpty ? "1" : columns)) s WHERE \(filter.sql)")
            return try (0..<probabilities.count / max(1, attributes.count)).filter { face in
                var values: [String: any Bindable] = filter.arguments
                for (attribute, place) in zip(filter.attributes, places) {
                    values[attribute.slug] = Double(probabilities[face * attributes.count + place])
                }
                var passes = false
                try statement.forEachRow(named: values, limit: 1) { _ in passes = true }
                return passes
            }
        }
    }
}
