import ArgumentParser
import Directions
import Foundation
import Pipelines

/// `directions run FILE`: the stages of a pipeline that are not up to date.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run the stages of a pipeline file, skipping what is up to date.",
        discussion: """
            Each stage is a verb with its flags. A lock file beside the pipeline records what each finished stage ran, read \
            and left; a stage runs again when one of these changed, and says which.

            Example: directions run Pipelines/faces.yaml --dry-run
            """)

    /// Where stages run.
    enum Executor: String, ExpressibleByArgument, CaseIterable {
        case local, slurm
    }

    @Argument(help: "The pipeline file (YAML).")
    var file: String

    @OptionGroup var workspace: WorkspaceOption

    @Flag(help: "Only say what would run, and why.")
    var dryRun = false

    @Option(help: "Run this stage, and those after it, even when it is up to date; may be repeated.")
    var force: [String] = []

    @Option(help: "Where stages run: local, or slurm (array jobs by sbatch, one shard database a task).")
    var executor: Executor = .local

    func run() throws {
        let program = try RunCommand.programPath()
        if executor == .slurm {
            let pipeline = try PipelineFile.read(file, workspace: workspace.value)
            let plan = SlurmPlan(pipeline: pipeline, workspace: workspace.value, program: program)
            return try plan.submit(dryRun: dryRun) { print($0) }
        }
        let result = try workspace.session.run(
            RunRequest(file, program: program, isDryRun: dryRun, forced: Set(force))
        ) { print($0) }
        if result.ran.isEmpty { print("nothing to do: all \(result.skipped.count) stages are up to date") }
    }

    /// The running program's own file, so that stages are run by the same version.
    static func programPath() throws -> String {
        do {
            return try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        } catch {
            throw Failure("/proc/self/exe", "cannot be read", "run this on Linux with /proc mounted")
        }
    }
}
