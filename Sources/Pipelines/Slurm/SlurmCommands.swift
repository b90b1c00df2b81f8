import Core
import Foundation

/// The programs of Slurm that this one calls: `sbatch`, `squeue`, `scancel`.
public struct SlurmCommands: Sendable {
    /// One task of a job as the queue shows it.
    struct Entry: Sendable, Equatable {
        /// Number of the job, or of the array that the task belongs to.
        let job: String
        /// Index in its array; nil for a single job.
        let task: Int?
        /// Slurm's word, such as `PENDING`.
        let state: String
        /// Why it waits, such as `Resources`.
        let reason: String
        /// What the job was marked with when it was submitted.
        let comment: String

        /// Whether the task has ended, in whatever way.
        var hasEnded: Bool { Entry.ended.contains(state) }

        private static let ended: Set = [
            "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED",
            "REVOKED", "TIMEOUT",
        ]
    }

    /// Runs a program by its words and returns what it printed; throws ``Failure`` with its message when it fails.
    public var call: @Sendable ([String]) throws -> String

    /// - Parameter call: Runs a program; the default runs it for real.
    public init(call: @escaping @Sendable ([String]) throws -> String = SlurmCommands.callProgram) {
        self.call = call
    }

    /// Submits a job.
    ///
    /// - Returns: Its number.
    /// - Throws: ``Failure`` with the message of `sbatch`.
    func submit(_ words: [String]) throws -> String {
        let number = try call(words).trimmingCharacters(in: .whitespacesAndNewlines).prefix { $0 != ";" }
        guard !number.isEmpty, number.allSatisfy(\.isNumber) else {
            throw Failure("sbatch", "answered `\(number)` instead of a job number", "check that sbatch is Slurm's")
        }
        return String(number)
    }

    /// The user's tasks, those that have ended in the last minutes too.
    ///
    /// - Throws: ``Failure`` with the message of `squeue`.
    func entries() throws -> [Entry] {
        let text = try call([
            "squeue", "--noheader", "--array", "--states=all", "--user=\(getuid())", "--format=%F|%K|%T|%r|%k",
        ])
        return text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: "|", omittingEmptySubsequences: false).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            guard fields.count >= 5 else { return nil }
            return Entry(job: fields[0], task: Int(fields[1]), state: fields[2], reason: fields[3], comment: fields[4])
        }
    }

    /// Ends jobs, queued or running.
    ///
    /// - Throws: ``Failure`` with the message of `scancel`.
    func cancel(_ jobs: [String]) throws {
        if !jobs.isEmpty { _ = try call(["scancel"] + jobs) }
    }

    /// Runs a program found on the PATH.
    ///
    /// - Returns: What it printed to standard output.
    /// - Throws: ``Failure`` with what it printed to standard error when its status is not 0.
    public static func callProgram(_ words: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        let (output, errors) = (Pipe(), Pipe())
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        // Messages are short and fit the pipe; the queue's list may not.
        let text = String(decoding: output.fileHandleForReading.readAll(), as: UTF8.self)
        let message = String(decoding: errors.fileHandleForReading.readAll(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            let isMissing = process.terminationStatus == 127
            let lines = message.split(separator: "\n").map(String.init)
            throw Failure(
                words[0],
                isMissing
                    ? "is not on this machine"
                    : "ended with status \(process.terminationStatus): "
                        + (lines.isEmpty ? "no message" : lines.joined(separator: "; ")),
                isMissing ? "run this where Slurm is installed, or use --executor local" : "")
        }
        return text
    }
}
