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

    /// The faces of 0 ..< count that an evaluation lacks, ascending.
    ///
    /// - Parameters:
    ///   - evaluation: The evaluation's row.
    ///   - count: How many.
    ///   - embedded: Whether a face without its embedding counts as missing.
    /// - Returns: Indices of faces.
    /// - Throws: ``Failure`` when the database can't be read.
    public func missingFaces(of evaluation: Int64, count: Int, embedded: Bool = false) throws -> [Int] {
        let present = try read { db in
            try db.values(
                Int.self, "SELECT face FROM evaluation_faces WHERE evaluation = ? AND (embedding IS NOT NULL OR NOT ?)",
                [evaluation, embedded])
        }
        let known = Set(present)
        return (0..<count).filter { !known.contains($0) }
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

    /// The logits [count, attributes] of an evaluation's faces 0 ..< count.
    ///
    /// - Throws: ``Failure`` when some are missing.
    public func faces(of evaluation: Int64, count: Int) throws -> [Float] {
        let blobs = try read { db in
            try db.values(
                [Float].self, "SELECT logits FROM evaluation_faces WHERE evaluation = ? AND face < ? ORDER BY face",
                [evaluation, count])
        }
        guard blobs.count == count else {
            throw Failure(
                path, "has \(blobs.count) of \(count) evaluated faces", "run `directions evaluate` again",
                kind: .notFound)
        }
        return Array(blobs.joined())
    }

    /// The embeddings [count, 128] of an evaluation's faces 0 ..< count; nil when some have none.
    ///
    /// - Throws: ``Failure`` when the database can't be read.
    public func embeddings(of evaluation: Int64, count: Int) throws -> [Float]? {
        let blobs = try read { db in
            try db.values(
                [Float].self,
                """
                SELECT embedding FROM evaluation_faces
                WHERE evaluation = ? AND face < ? AND embedding IS NOT NULL ORDER BY face
                """, [evaluation, count])
        }
        return blobs.count == count ? Array(blobs.joined()) : nil
    }
}
