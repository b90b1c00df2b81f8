import ArgumentParser
import Core
import Foundation
import LatentStore
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
        let pipeline = try PipelineFile.read(file, workspace: workspace.value)
        let program = try RunCommand.programPath()
        if executor == .slurm {
            let plan = SlurmPlan(pipeline: pipeline, workspace: workspace.value, program: program)
            return try plan.submit(dryRun: dryRun) { print($0) }
        }
        let place = workspace.value
        let runner = PipelineRunner(
            path: file, pipeline: pipeline,
            answer: { statement in
                let store = try LatentStore.openReadOnly(place.database)
                return try store.answer(statement)
            },
            execute: { stage in
                try RunCommand.execute([program] + stage.arguments + ["--workspace", place.path], stage: stage.name)
            },
            tell: { print($0) }, context: Terminal.context)
        let summary = try runner.run(dryRun: dryRun, forced: Set(force))
        if summary.ran.isEmpty { print("nothing to do: all \(summary.skipped.count) stages are up to date") }
    }

    /// The running program's own file, so that stages are run by the same version.
    static func programPath() throws -> String {
        do {
            return try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        } catch {
            throw Failure("/proc/self/exe", "cannot be read", "run this on Linux with /proc mounted")
        }
    }

    private static func execute(_ words: [String], stage: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: words[0])
        process.arguments = Array(words.dropFirst())
        fflush(nil)
        try process.run()
        process.waitUntilExit()
        try Terminal.context.check()
        if process.terminationStatus != 0 {
            throw Failure(
                "stage \(stage)", "ended with status \(process.terminationStatus)",
                "see its message above; the same command goes on from here")
        }
    }
}
