import Core
import Foundation
import Generators
import LatentStore
import Sampling

/// What a workspace holds.
public struct StatusResult: Sendable, Encodable {
    /// A sample set.
    public struct Samples: Sendable, Encodable {
        /// Its id.
        public let id: Int64
        /// The seed that names it.
        public let seed: UInt64
        /// Truncation.
        public let psi: Double
        /// How many latents it has.
        public let latents: Int
        /// The direction that it was steered by; nil for a set that was drawn as it comes.
        public let steering: String?
    }

    /// A classifier that has scored.
    public struct Judge: Sendable, Encodable {
        /// Its name.
        public let name: String
        /// SHA-256 of its file.
        public let sha256: String
        /// How many latents it has scored.
        public let scored: Int
    }

    /// The folder.
    public let workspace: String
    /// The database's journal; nil where there is no database.
    public internal(set) var journal: String?
    /// Generators that latents were drawn of.
    public internal(set) var generators: [GeneratorRecord] = []
    /// Sample sets.
    public internal(set) var sampleSets: [Samples] = []
    /// Classifiers.
    public internal(set) var classifiers: [Judge] = []
    /// Selections.
    public internal(set) var selections: [SelectionRecord] = []
    /// Direction files, relative to the folder of directions.
    public internal(set) var directions: [String] = []
    /// The last five jobs, the newest first.
    public internal(set) var jobs: [JobRun] = []
    /// Whether there is a database at all; no part of the JSON.
    public internal(set) var hasDatabase = false

    private enum CodingKeys: String, CodingKey {
        case workspace, journal, generators, sampleSets, classifiers, selections, directions, jobs
    }

    init(workspace: String) { self.workspace = workspace }
}

extension Session {
    /// What the workspace holds: generators, latents, scores, selections, directions, last jobs.
    ///
    /// - Parameter journal: The journal that the database is given first; nil leaves it as it is.
    /// - Returns: What was found.
    /// - Throws: ``Core/Failure`` when there is a database that can't be read, or its journal can't be changed.
    public func status(journal: Journal? = nil) throws -> StatusResult {
        var result = StatusResult(workspace: workspace.path)
        let names = (try? FileManager.default.subpathsOfDirectory(atPath: workspace.directions)) ?? []
        result.directions = names.filter { $0.hasSuffix(".safetensors") }.sorted()
        result.generators = try generatorNames.map { try generatorIdentity($0).record }
        if let journal { _ = try LatentStore.open(workspace.database, journal: journal).journal() }
        guard FileManager.default.fileExists(atPath: workspace.database) else { return result }
        let store = try readOnlyStore()
        result.journal = try store.journal().rawValue
        result.hasDatabase = true
        let imported = Set(result.generators.map(\.sha256))
        result.generators += try store.generators().map(\.record).filter { !imported.contains($0.sha256) }
        result.sampleSets = try store.sampleSets().map {
            .init(
                id: $0.set.id, seed: $0.set.seed, psi: $0.set.psi, latents: $0.count,
                steering: try store.steering(of: $0.set)?.direction)
        }
        result.classifiers = try store.classifiers().map {
            .init(name: $0.name, sha256: $0.sha256, scored: $0.scored)
        }
        result.selections = try store.selections()
        result.jobs = try store.jobRuns(limit: 5)
        return result
    }
}
