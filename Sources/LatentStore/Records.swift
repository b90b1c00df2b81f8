import Core
import Foundation

/// One line of the log of what was done.
public struct JobRun: Sendable, Codable, Equatable {
    /// Its number.
    public let id: Int64
    /// What ran, such as `sample`.
    public let verb: String
    /// Its parameters as JSON.
    public let parameters: String
    /// `running`, `finished`, `failed` or `stopped`.
    public let status: String
    /// ISO 8601, UTC.
    public let started: String
    /// ISO 8601, UTC; nil while it runs, and after a crash.
    public let ended: String?
}

extension LatentStore {
    /// Notes that a job began, runs it, and notes how it ended.
    ///
    /// - Parameters:
    ///   - verb: The verb that runs.
    ///   - parameters: What it was asked for.
    ///   - inputs: Names of what it reads, with SHA-256.
    ///   - body: The job; returns what it made, by name.
    /// - Throws: What `body` throws.
    public func logged(
        _ verb: String, parameters: [String: String], inputs: [String: String] = [:],
        _ body: () throws -> [String: String]
    ) throws {
        try logged(verb, parameters: parameters, inputs: inputs) { ((), try body()) }
    }

    /// Records a run of a verb whose work has a result of its own.
    ///
    /// - Parameters:
    ///   - verb: The verb that runs.
    ///   - parameters: What it was asked for.
    ///   - inputs: Names of what it reads, with SHA-256.
    ///   - body: Its result, and what the run came to: name to figure or SHA-256.
    /// - Returns: The result of `body`.
    /// - Throws: What `body` throws, after it is recorded; ``Failure`` when the database can't be written.
    public func logged<Result>(
        _ verb: String, parameters: [String: String], inputs: [String: String] = [:],
        _ body: () throws -> (Result, [String: String])
    ) throws -> Result {
        let id = try write { db in
            try db.execute(
                """
                INSERT INTO job_runs (verb, parameters, program_version, inputs, outputs, started, status)
                VALUES (?, ?, ?, ?, '{}', ?, 'running')
                """,
                [
                    verb, try LatentStore.json(parameters), Version.current, try LatentStore.json(inputs),
                    LatentStore.now(),
                ])
            return db.lastInsertedRow
        }
        do {
            let (result, outputs) = try body()
            try end(id, status: "finished", outputs: outputs)
            return result
        } catch {
            try? end(
                id, status: (error as? Failure)?.kind == .cancelled ? "stopped" : "failed",
                outputs: ["error": "\(error)"])
            throw error
        }
    }

    private func end(_ id: Int64, status: String, outputs: [String: String]) throws {
        try write { db in
            try db.execute(
                "UPDATE job_runs SET status = ?, outputs = ?, ended = ? WHERE id = ?",
                [status, try LatentStore.json(outputs), LatentStore.now(), id])
        }
    }

    private static func json(_ values: [String: String]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(values), as: UTF8.self)
    }

    /// The last jobs, the newest first.
    ///
    /// - Throws: ``Failure`` when the database can't be read.
    public func jobRuns(limit: Int) throws -> [JobRun] {
        try read { db in
            try db.map("SELECT * FROM job_runs ORDER BY id DESC LIMIT ?", [limit]) {
                row in
                try JobRun(
                    id: row["id"], verb: row["verb"], parameters: row["parameters"],
                    status: row["status"],
                    started: row["started"], ended: row["ended"])
            }
        }
    }

    /// Notes a direction file; the same file is noted once.
    ///
    /// - Parameters:
    ///   - attribute: What the direction changes.
    ///   - version: The file's version.
    ///   - file: Where the file lies.
    ///   - sha256: Of the file.
    ///   - generator: SHA-256 of the generator's weights.
    ///   - selection: The row of the selection that it was fitted to; nil for none.
    ///   - metadata: The file's metadata.
    /// - Throws: ``Failure`` when the database can't be written.
    public func recordDirection(
        attribute: Attribute, version: Int, path file: String, sha256: String, generator: String, selection: Int64?,
        metadata: [String: String]
    ) throws {
        try write { db in
            try db.execute(
                """
                INSERT OR IGNORE INTO directions
                    (attribute, version, path, sha256, generator_sha256, selection, metadata, created)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
                [
                    attribute.name, version, file, sha256, generator, selection, try LatentStore.json(metadata),
                    LatentStore.now(),
                ])
        }
    }
}
