import Core
import Foundation

/// What a run has in Slurm's queue: a JSON file in the workspace, so that the next run finds what this one submitted.
struct SlurmState: Codable, Equatable {
    /// One call of `sbatch`.
    struct Submission: Codable, Equatable {
        /// The job's number; nil until `sbatch` has answered.
        var number: String?
        /// What marks the job in the queue.
        let comment: String
    }

    /// One task of a stage, or of its merge.
    struct Task: Codable, Equatable {
        /// How many times it was submitted.
        var attempts = 0
        /// The newest submission, by its place in the stage's list.
        var submission = 0
        var isDone = false
    }

    /// A stage that was submitted and is not recorded as finished.
    struct Flight: Codable, Equatable {
        /// The words that the stage runs.
        let command: String
        let fingerprint: String
        let inputs: [String: String]
        /// Folder of the files with exit statuses.
        var statusFolder: String
        /// Names this flight among all.
        let token: String
        /// Whether the tasks are done and the merge is under way.
        var isMerging = false
        /// Why the stage fails once its last task has ended.
        var failure: String?
        var tasks: [Task]
        var submissions: [Submission] = []

        /// How many times a task was submitted again.
        var resubmitted: Int { tasks.reduce(0) { $0 + max(0, $1.attempts - 1) } }
    }

    /// Stages under way, by name.
    var flights: [String: Flight] = [:]
    /// Stages that have finished since the run began: those after them run again.
    var ran: [String] = []
    /// Stages to run in any case.
    var forced: [String] = []
    /// Why the run ended without having finished.
    var failure: String?
    /// The job that goes on with a detached run.
    var continuation: String?

    init() {}

    /// Reads the file; nil when there is none.
    ///
    /// - Throws: ``Failure`` naming the file when it can't be understood.
    static func read(_ path: String) throws -> SlurmState? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        do {
            return try JSONDecoder().decode(SlurmState.self, from: AtomicFile.read(path))
        } catch is DecodingError {
            throw Failure(
                path, "is not a record of this program's jobs",
                "look for them with `squeue --me`, end them with `scancel`, and delete the file")
        }
    }

    /// Writes the file whole or not at all; one with nothing to tell is removed.
    ///
    /// - Throws: ``Failure`` naming the file.
    func write(to path: String) throws {
        if self == SlurmState() {
            unlink(path)
            return
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try AtomicFile.write(encoder.encode(self), to: path)
    }
}
