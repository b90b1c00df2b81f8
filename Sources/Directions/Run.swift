import Core
import Foundation
import LatentStore
import Pipelines

/// Which pipeline to run here.
public struct RunRequest: Sendable {
    /// The pipeline file (YAML).
    public var file: String
    /// The `directions` program, which runs each stage as the verb a person would type.
    public var program: String
    /// Whether only to say what would run, and why.
    public var isDryRun: Bool
    /// Stages to run, with those after them, even when they are up to date.
    public var forced: Set<String>

    /// Asks for a pipeline's stages that are not up to date.
    public init(_ file: String, program: String, isDryRun: Bool = false, forced: Set<String> = []) {
        self.file = file
        self.program = program
        self.isDryRun = isDryRun
        self.forced = forced
    }
}

/// What ``Session/run(_:told:)`` did.
public struct RunResult: Sendable, Encodable {
    /// Stages that ran, or would run.
    public let ran: [String]
    /// Stages that were up to date.
    public let skipped: [String]
}

extension Session {
    /// Runs the stages of a pipeline file that are not up to date, one after another.
    ///
    /// - Parameters:
    ///   - request: What is asked for.
    ///   - told: Told of each decision, a line a stage, before it is acted upon.
    /// - Returns: What ran and what was up to date.
    /// - Throws: ``Core/Failure``: a file that can't be understood, a stage that is none (usage), or the first stage
    ///   that fails.
    @discardableResult
    public func run(_ request: RunRequest, told: (String) -> Void = { _ in }) throws -> RunResult {
        let pipeline = try PipelineFile.read(request.file, workspace: workspace)
        if !request.isDryRun { try SlurmRunner.requireNothingQueued(path: request.file, workspace: workspace) }
        let summary = try withoutActuallyEscaping(told) { told in
            let runner = PipelineRunner(
                path: request.file, pipeline: pipeline,
                answer: { try readOnlyStore().answer($0) },
                execute: { stage in
                    try execute([request.program] + stage.arguments(in: workspace), stage: stage.name)
                },
                tell: told, context: context)
            return try runner.run(dryRun: request.isDryRun, forced: request.forced)
        }
        return RunResult(ran: summary.ran.map(\.stage), skipped: summary.skipped)
    }

    /// What runs a pipeline's stages as jobs of Slurm in this workspace.
    ///
    /// - Parameters:
    ///   - request: The pipeline; whether it is a dry run and what is forced is the settings' matter.
    ///   - settings: What Slurm is asked for, and how long it is waited for.
    ///   - told: Told of each decision, a line a stage.
    ///   - progress: Told, over and over, in one line how far the run has come.
    /// - Returns: The runner, not yet started.
    /// - Throws: ``Core/Failure`` for a file that can't be understood.
    public func slurmRunner(
        _ request: RunRequest, settings: SlurmRunner.Settings, told: @escaping (String) -> Void = { _ in },
        progress: @escaping (String) -> Void = { _ in }
    ) throws -> SlurmRunner {
        let database = workspace.database
        warnOfJournal(database)
        return SlurmRunner(
            path: request.file, pipeline: try PipelineFile.read(request.file, workspace: workspace),
            workspace: workspace, program: request.program, settings: settings,
            answer: { try LatentStore.openReadOnly(database).answer($0) }, tell: told, progress: progress,
            context: context)
    }

    /// Runs a stage's words as a process of their own.
    private func execute(_ words: [String], stage: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: words[0])
        process.arguments = Array(words.dropFirst())
        fflush(nil)
        try process.run()
        process.waitUntilExit()
        try context.check()
        if process.terminationStatus != 0 {
            throw Failure(
                "stage \(stage)", "ended with status \(process.terminationStatus)",
                "see its message above; the same command goes on from here")
        }
    }
}

extension RunRequest {
    /// The running program's own file, so that stages are run by the same version.
    ///
    /// - Throws: ``Core/Failure`` (not found) on a system without /proc.
    public static func ownProgram() throws -> String {
        do {
            return try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        } catch {
            throw Failure("/proc/self/exe", "cannot be read", "run this on Linux with /proc mounted", kind: .notFound)
        }
    }
}
