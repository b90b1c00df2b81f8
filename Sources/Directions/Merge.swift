import Core
import LatentStore

/// Which databases to merge into the workspace's.
public struct MergeRequest: Sendable {
    /// Databases that sampling parts of a set and scoring filled.
    public var databases: [String]

    /// Asks for the latents and scores of other databases.
    public init(_ databases: [String]) { self.databases = databases }

    /// Checks what can be checked before anything is opened.
    ///
    /// - Throws: ``Core/Failure`` (usage) when no database is named.
    public func validate() throws {
        if databases.isEmpty {
            throw Failure("merge", "has no databases to merge", "name at least one", kind: .usage)
        }
    }
}

/// What came of one database.
public struct MergeResult: Sendable, Encodable {
    /// The database.
    public let database: String
    /// Latents that are new.
    public let latents: Int
    /// Scores that are new.
    public let scores: Int
}

extension Session {
    /// Copies what other databases hold of latents and scores; what is there stays, so merging twice changes nothing.
    ///
    /// - Parameters:
    ///   - request: What is asked for.
    ///   - merged: Told of each database when it is done.
    /// - Returns: What came from each database, in order.
    /// - Throws: ``Core/Failure``: another program's database (damaged, conflict), or a stop; databases before it stay
    ///   merged.
    @discardableResult
    public func merge(_ request: MergeRequest, merged: (MergeResult) -> Void = { _ in }) throws -> [MergeResult] {
        try request.validate()
        let store = try store()
        let results = try request.databases.map { database in
            try context.check()
            warnOfJournal(database)
            let (latents, scores) = try store.merge(database)
            let result = MergeResult(database: database, latents: latents, scores: scores)
            merged(result)
            return result
        }
        for classifier in try store.classifiers() where classifier.scored > 0 {
            try store.indexScores(classifier.attributes)
        }
        try store.checkpoint()
        return results
    }
}
