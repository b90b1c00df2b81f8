import Core
import Foundation

/// A pipeline as jobs of the Slurm workload manager: one job a stage, each waiting for those it comes after; a stage with
/// a `shard` parameter is an array of tasks, each with a workspace of its own that shares the models, and a merge of their
/// databases.
///
/// Jobs write their own logs; the lock file is left to `directions run` on the finished workspace, which then finds each
/// stage's work done. See `sbatch(1)` for the options used.
public struct SlurmPlan: Sendable {
    /// One call of `sbatch`.
    public struct Job: Sendable, Equatable {
        /// The stage, with `-merge` for the merge after an array.
        public let name: String
        /// Jobs that must have succeeded before, by name.
        public let after: [String]
        /// Number of array tasks, or nil for a single job.
        public let tasks: Int?
        /// The command of each task, as a shell line.
        public let command: String
    }

    /// The jobs, in an order in which they can be submitted.
    public let jobs: [Job]
    private let logs: String

    /// - Parameters:
    ///   - program: The `directions` binary as the nodes see it.
    public init(pipeline: PipelineFile, workspace: Workspace, program: String) {
        logs = workspace.path + "/logs"
        var jobs: [Job] = []
        var last: [String: String] = [:]
        for stage in pipeline.stages {
            let after = stage.after.map { last[$0] ?? $0 }
            let tasks = stage.parameters.first { $0.flag == "shard" }.flatMap {
                Int($0.value.split(separator: "/").last ?? "")
            }
            let place = tasks == nil ? workspace.path : workspace.path + "/shards/$SLURM_ARRAY_TASK_ID"
            var words = [SlurmPlan.quoted(program)] + stage.verb.map(SlurmPlan.quoted)
            for (flag, value) in stage.parameters {
                // Only `sample` divides its work itself; the others work on what lies in their task's workspace.
                if flag == "shard", let tasks {
                    if stage.verb.first == "sample" { words += ["--shard", "$SLURM_ARRAY_TASK_ID/\(tasks)"] }
                    continue
                }
                words.append("--\(flag)")
                if value != "true" {
                    words.append(SlurmPlan.quoted(value))
                }
            }
            words += ["--workspace", tasks == nil ? SlurmPlan.quoted(place) : "\"\(place)\""]
            let command = words.joined(separator: " ")
            let models = SlurmPlan.quoted(workspace.models)
            let prepare = "mkdir -p \"\(place)\" && ln -sfn \(models) \"\(place)/models\" && "
            jobs.append(
                Job(name: stage.name, after: after, tasks: tasks, command: tasks == nil ? command : prepare + command))
            last[stage.name] = stage.name
            if let tasks {
                let shards = (0..<tasks).map { SlurmPlan.quoted("\(workspace.path)/shards/\($0)/latents.sqlite") }
                let merge =
                    [SlurmPlan.quoted(program), "merge"] + shards + ["--workspace", SlurmPlan.quoted(workspace.path)]
                let name = stage.name + "-merge"
                jobs.append(Job(name: name, after: [stage.name], tasks: nil, command: merge.joined(separator: " ")))
                last[stage.name] = name
            }
        }
        self.jobs = jobs
    }

    /// Submits the jobs with `sbatch`, or with `dryRun` only shows the calls.
    ///
    /// - Parameter tell: Told of each call and the number it got.
    /// - Throws: ``Failure`` when `sbatch` is missing or refuses a job; jobs before it stay submitted.
    public func submit(dryRun: Bool, tell: (String) -> Void) throws {
        if !dryRun { try AtomicFile.makeFolder(logs) }
        var numbers: [String: String] = [:]
        for job in jobs {
            var words = ["sbatch", "--parsable", "--job-name=\(job.name)", "--output=\(logs)/\(job.name)-%j.log"]
            if let tasks = job.tasks { words.append("--array=0-\(tasks - 1)") }
            if !job.after.isEmpty {
                words.append(
                    "--dependency=afterok:" + job.after.map { numbers[$0] ?? "<\($0)>" }.joined(separator: ":"))
            }
            words.append("--wrap=\(job.command)")
            if dryRun {
                tell(words.map(SlurmPlan.quoted).joined(separator: " "))
                continue
            }
            let number = try SlurmPlan.call(words)
            numbers[job.name] = number
            tell("\(job.name): job \(number)")
        }
    }

    private static func call(_ words: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readAll()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(
                "sbatch", "ended with status \(process.terminationStatus)",
                process.terminationStatus == 127 ? "run this where Slurm is installed, or run the stages here" : "")
        }
        let text = String(decoding: output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        return String(text.prefix { $0 != ";" })
    }

    /// A word as a POSIX shell reads it back.
    static func quoted(_ word: String) -> String {
        let isPlain = !word.isEmpty && word.allSatisfy { $0.isLetter || $0.isNumber || "-_./,=:@+%".contains($0) }
        return isPlain ? word : "'" + word.replacingOccurrences(of: "'", with: "'\\''") + "'"
    }
}
