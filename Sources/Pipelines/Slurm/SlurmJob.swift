import Core
import Foundation

/// A stage, or the merge after one, as a job of Slurm: what `sbatch` is called with.
///
/// A task writes its exit status into a file when it ends, so that it is known without Slurm's accounting and after the
/// queue has forgotten the job; a task that was killed leaves none. See `sbatch(1)` for the options used.
struct SlurmJob {
    /// Where a pipeline's jobs lie and run.
    struct Place {
        /// The workspace, absolute, as all nodes see it.
        let workspace: Workspace
        /// The workspace's path as the person gave it, which `{workspace}` stands for.
        let givenWorkspace: String
        /// The `directions` binary as all nodes see it.
        let program: String
        /// The folder that relative paths of the pipeline start from, absolute.
        let folder: String
    }

    /// The stage, with `-merge` for the merge after an array.
    let name: String
    /// The command of each task, as a shell line.
    let command: String
    /// Number of array tasks, or nil for a single job.
    let tasks: Int?
    let resources: SlurmResources
    private let place: Place

    /// The job of a stage.
    ///
    /// - Parameters:
    ///   - stage: The stage.
    ///   - drawing: The stage that draws the latents of a divided one: each task draws its own where they are missing,
    ///     as after a local run, and keeps what is there.
    ///   - place: The workspace and the program as the nodes see them.
    ///   - resources: What a task is given.
    init(stage: Stage, drawing: Stage?, place: Place, resources: SlurmResources) {
        self.place = place
        self.resources = resources
        name = stage.name
        tasks = stage.tasks
        let steps = (drawing.map { [$0] } ?? []) + [stage]
        command = steps.map { step in
            var words = ([place.program] + step.arguments).map(SlurmJob.quoted)
            guard let tasks = stage.tasks else {
                return (words + ["--workspace", SlurmJob.quoted(place.workspace.path)]).joined(separator: " ")
            }
            // Only `sample` divides its work itself; `score` works on what lies in its task's workspace.
            if step.verb.first == "sample" { words += ["--shard", "$SLURM_ARRAY_TASK_ID/\(tasks)"] }
            words += ["--workspace", SlurmJob.quoted(place.workspace.path + "/shards/") + "$SLURM_ARRAY_TASK_ID"]
            return words.joined(separator: " ")
        }.joined(separator: " && ")
    }

    /// The merge after a stage of several tasks.
    init(mergeOf stage: Stage, tasks: Int, place: Place, resources: SlurmResources) {
        self.place = place
        self.resources = resources
        name = stage.name + "-merge"
        self.tasks = nil
        let shards = (0..<tasks).map { "\(place.workspace.path)/shards/\($0)/latents.sqlite" }
        command = ([place.program, "merge"] + shards + ["--workspace", place.workspace.path]).map(SlurmJob.quoted)
            .joined(separator: " ")
    }

    /// The call of `sbatch`.
    ///
    /// - Parameters:
    ///   - indices: Tasks of the array to submit; of no meaning to a single job.
    ///   - status: The folder for the files with exit statuses.
    ///   - comment: What marks the job in the queue.
    ///   - after: Numbers of jobs that must have succeeded before, for showing.
    /// - Returns: The command's words.
    func words(indices: [Int], status: String, comment: String, after: [String] = []) -> [String] {
        var words = SlurmJob.words(
            name: name, log: "\(place.workspace.path)/logs/\(fileName)-\(tasks == nil ? "%j" : "%A_%a").log",
            place: place)
        words += ["--comment=\(comment)", "--requeue"] + resources.words
        if let tasks {
            let isWhole = indices.count == tasks
            words.append("--array=" + (isWhole ? "0-\(tasks - 1)" : indices.map(String.init).joined(separator: ",")))
        }
        if !after.isEmpty { words.append("--dependency=afterok:" + after.joined(separator: ":")) }
        let file = SlurmJob.quoted(status + "/") + (tasks == nil ? "0" : "$SLURM_ARRAY_TASK_ID")
        words.append("--wrap=\(command); s=$?; echo $s > \(file); exit $s")
        return words
    }

    /// What every call of `sbatch` begins with.
    static func words(name: String, log: String, place: Place) -> [String] {
        // A percent sign in a path would start one of Slurm's own marks; those at the end are meant.
        let folder = (log as NSString).deletingLastPathComponent.replacingOccurrences(of: "%", with: "%%")
        return [
            "sbatch", "--parsable", "--job-name=\(name)", "--chdir=\(place.folder)",
            "--output=\(folder)/\((log as NSString).lastPathComponent)", "--open-mode=append",
        ]
    }

    /// The log of a task of a job.
    func log(job: String, task: Int) -> String {
        "\(place.workspace.path)/logs/\(fileName)-\(job)\(tasks == nil ? "" : "_\(task)").log"
    }

    private var fileName: String { SlurmJob.fileName(name) }

    /// A name without what file names and Slurm's patterns can't hold.
    static func fileName(_ name: String) -> String {
        String(name.map { $0.isLetter || $0.isNumber || "-_.".contains($0) ? $0 : "_" })
    }

    /// Makes the workspaces of a stage's tasks, each with a link to the models beside all of them.
    ///
    /// The link is relative, so that it holds wherever the workspace is mounted.
    ///
    /// - Throws: ``Failure`` naming the link that can't be made.
    static func makeShards(_ tasks: Int, in workspace: Workspace) throws {
        for task in 0..<tasks {
            let folder = "\(workspace.path)/shards/\(task)"
            try AtomicFile.makeFolder(folder)
            let (link, target) = ("\(folder)/models", "../../models")
            let found = try? FileManager.default.destinationOfSymbolicLink(atPath: link)
            if found == target { continue }
            if found != nil { unlink(link) }
            guard symlink(target, link) == 0 else {
                throw errno == EEXIST
                    ? Failure(link, "is no link to the workspace's models", "move it away")
                    : AtomicFile.systemFailure(link, "cannot be made")
            }
        }
    }

    /// A word as a POSIX shell reads it back.
    static func quoted(_ word: String) -> String {
        let isPlain =
            !word.isEmpty
            && word.unicodeScalars.allSatisfy {
                $0.isASCII
                    && ($0.properties.isAlphabetic || ("0"..."9").contains($0)
                        || "-_./,=:@+%".unicodeScalars.contains($0))
            }
        return isPlain ? word : "'" + word.replacingOccurrences(of: "'", with: "'\\''") + "'"
    }
}
