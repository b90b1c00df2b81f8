import Core
import Foundation

/// A person's picture, known by what is in its file.
public struct PhotographRecord: Sendable, Equatable {
    /// SHA-256 of the file.
    public var sha256: String
    /// Where it lay when it was last looked at.
    public var path: String
    /// Columns of the picture as it is seen.
    public var width: Int
    /// Rows of the picture as it is seen.
    public var height: Int

    public init(sha256: String, path: String, width: Int, height: Int) {
        self.sha256 = sha256
        self.path = path
        self.width = width
        self.height = height
    }
}

/// What tells the inversions of a photograph apart.
public struct InversionKey: Sendable, Hashable {
    /// SHA-256 of the photograph's file.
    public var photograph: String
    /// Which face of it, from 1.
    public var face: Int
    /// SHA-256 of the generator's weights.
    public var generator: String
    /// Such as `optimise`.
    public var method: String
    /// JSON: the budget, and a fingerprint of the rest.
    public var settings: String

    public init(photograph: String, face: Int = 1, generator: String, method: String, settings: String) {
        self.photograph = photograph
        self.face = face
        self.generator = generator
        self.method = method
        self.settings = settings
    }
}

/// A code that was found for a face of a photograph, and how near it comes.
public struct InversionRecord: Sendable, Equatable {
    /// What tells it from others.
    public var key: InversionKey
    /// JSON: the face's square in the picture; nil where the picture is that square.
    public var alignment: String?
    /// [StyleGAN2's rows, latent size].
    public var code: [Float]
    /// [the generator's own rows, latent size].
    public var ownCode: [Float]
    /// The mean squared error at 256², of pictures in [-1, 1].
    public var error: Double
    /// LPIPS by AlexNet at 256².
    public var perceptual: Double
    /// The cosine of the two faces' embeddings; nil where none were made.
    public var identity: Double?
    /// Steps that were made.
    public var steps: Int
    /// Seconds that it took.
    public var seconds: Double

    public init(
        key: InversionKey, alignment: String? = nil, code: [Float], ownCode: [Float], error: Double, perceptual: Double,
        identity: Double?, steps: Int, seconds: Double
    ) {
        self.key = key
        self.alignment = alignment
        self.code = code
        self.ownCode = ownCode
        self.error = error
        self.perceptual = perceptual
        self.identity = identity
        self.steps = steps
        self.seconds = seconds
    }
}

extension LatentStore {
    /// Stores codes of photographs in one transaction; what was there under the same key is replaced.
    ///
    /// - Parameters:
    ///   - inversions: The codes with the photographs that they are of.
    ///   - generator: Whose codes they are; registered when it is new.
    /// - Throws: ``Failure`` when the database can't be written; nothing is stored then.
    public func insert(
        _ inversions: [(photograph: PhotographRecord, inversion: InversionRecord)], generator: GeneratorRecord
    ) throws {
        try write { db in
            let owner = try LatentStore.register(generator, db)
            for (photograph, found) in inversions {
                let id = try LatentStore.register(photograph, db)
                try db.execute(
                    """
                    INSERT OR REPLACE INTO inversions (photograph, face, alignment, generator, method, settings, code,
                        own_code, l2, lpips, identity, steps, seconds, created)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                    [
                        id, found.key.face, found.alignment, owner, found.key.method, found.key.settings,
                        found.code, found.ownCode, found.error, found.perceptual, found.identity,
                        found.steps, found.seconds, LatentStore.now(),
                    ])
            }
        }
    }

    private static func register(_ photograph: PhotographRecord, _ db: Connection) throws -> Int64 {
        try db.execute(
            """
            INSERT INTO photographs (sha256, path, width, height, created) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (sha256) DO UPDATE SET path = excluded.path
            """,
            [photograph.sha256, photograph.path, photograph.width, photograph.height, now()])
        return try db.value(
            Int64.self, "SELECT id FROM photographs WHERE sha256 = ?", [photograph.sha256]) ?? 0
    }

    /// The photographs that are known, the oldest first.
    ///
    /// - Throws: ``Failure`` when the database can't be read.
    public func photographs() throws -> [PhotographRecord] {
        try read { db in
            guard try LatentStore.has(table: "photographs", db) else { return [] }
            return try db.map("SELECT sha256, path, width, height FROM photographs ORDER BY id") { row in
                try PhotographRecord(
                    sha256: row["sha256"], path: row["path"], width: row["width"], height: row["height"]
                )
            }
        }
    }

    /// The inversion of a key, if there is one.
    ///
    /// - Throws: ``Failure`` when the database can't be read.
    public func inversion(_ key: InversionKey) throws -> InversionRecord? {
        try inversions(
            where: "p.sha256 = ? AND i.face = ? AND g.sha256 = ? AND i.method = ? AND i.settings = ?",
            [key.photograph, key.face, key.generator, key.method, key.settings]
        ).first
    }

    /// The inversions of a photograph's face by any method, the newest first.
    ///
    /// - Parameters:
    ///   - photograph: SHA-256 of the photograph's file.
    ///   - face: Which face of it, from 1.
    ///   - generator: SHA-256 of the generator's weights.
    /// - Returns: What was found so far.
    /// - Throws: ``Failure`` when the database can't be read.
    public func inversions(
        ofPhotograph photograph: String, face: Int = 1, generator: String
    ) throws -> [InversionRecord] {
        try inversions(where: "p.sha256 = ? AND i.face = ? AND g.sha256 = ?", [photograph, face, generator])
    }

    private func inversions(where condition: String, _ arguments: [any Bindable]) throws -> [InversionRecord] {
        try read { db in
            guard try LatentStore.has(table: "inversions", db) else { return [] }
            return try db.map(
                """
                SELECT i.*, p.sha256 AS photograph_sha256, g.sha256 AS generator_sha256 FROM inversions i
                JOIN photographs p ON p.id = i.photograph JOIN generators g ON g.id = i.generator
                WHERE \(condition) ORDER BY i.id DESC
                """, arguments
            ) { row in
                try InversionRecord(
                    key: InversionKey(
                        photograph: row["photograph_sha256"], face: row["face"],
                        generator: row["generator_sha256"],
                        method: row["method"], settings: row["settings"]),
                    alignment: row["alignment"], code: row["code"], ownCode: row["own_code"],
                    error: row["l2"], perceptual: row["lpips"], identity: row["identity"],
                    steps: row["steps"],
                    seconds: row["seconds"])
            }
        }
    }
}
