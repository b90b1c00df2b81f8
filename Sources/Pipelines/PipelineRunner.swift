import Core
import Foundation

/// Runs the stages of a pipeline that are not up to date, in order, each as the verb a person would type.
public struct PipelineRunner {
    /// How a run went.
    public struct Summary: Sendable, Equatable {
        /// Stages that ran, or with `dryRun` would run, with the reason.
        public var ran: [(stage: String, reason: String)] = []
        /// Stages that were up to date.
        public var skipped: [String] = []

        public static func == (a: Summary, b: Summary) -> Bool {
            a.skipped == b.skipped && a.ran.map(\.stage) == b.ran.map(\.stage)
        }
    }

    /// The pipeline's file, for the lock beside it.
    public let path: String
    /// The stages.
    public let pipeline: PipelineFile
    /// Answers a read-only SQL statement of the latent database as text.
    public var answer: (String) throws -> String
    /// Runs one verb with its words; throws when it fails.
    public var execute: (Stage) throws -> Void
    /// Told of each decision before it is acted upon.
    public var tell: (String) -> Void
    /// Asked whether to stop between stages.
    public var context: RunContext

    public init(
        path: String, pipeline: PipelineFile, answer: @escaping (String) throws -> String,
        execute: @escaping (Stage) throws -> Void, tell: @escaping (String) -> Void, context: RunContext = .silent
    ) {
        self.path = path
        self.pipeline = pipeline
        self.answer = answer
        self.execute = execute
        self.tell = tell
        self.context = context
    }

    /// Runs what has to run; the lock is written after every stage, so a killed run goes on where it was.
    ///
    /// - Parameters:
    ///   - dryRun: Only decide and tell.
    ///   - forced: Stages to run in any case.
    /// - Returns: What ran and what was up to date.
    /// - Throws: ``Failure`` of the first stage that fails; those before it stay finished.
    @discardableResult
    public func run(dryRun: Bool = false, forced: Set<String> = []) throws -> Summary {
        try PipelineRunner.check(forced, of: pipeline, path: path)
        let lockPath = LockFile.path(for: path)
        var lock = try LockFile.read(lockPath)
        let planner = Planner(lock: lock, forced: forced, answer: answer)
        var summary = Summary()
        var fingerprints: [String: String] = [:]
        for stage in pipeline.stages {
            try context.check()
            let rerun = Set(summary.ran.map(\.stage))
            let decision = try planner.decide(stage, fingerprints: fingerprints, rerun: rerun)
            fingerprints[stage.name] = decision.fingerprint
            guard let reason = decision.reason else {
                tell("\(stage.name): up to date")
                summary.skipped.append(stage.name)
                continue
            }
            tell(
                "\(stage.name): \(dryRun ? "would run" : "running") (\(reason)): directions \(stage.arguments.joined(separator: " "))"
            )
            summary.ran.append((stage.name, reason))
            if dryRun { continue }
            try execute(stage)
            lock.stages[stage.name] = LockFile.Entry(
                command: stage.arguments.joined(separator: " "), fingerprint: decision.fingerprint,
                inputs: decision.inputs, outputs: try planner.outputs(of: stage))
            try lock.write(to: lockPath)
        }
        return summary
    }

    /// - Throws: ``Failure`` (usage) when a stage that is to be forced does not exist.
    static func check(_ forced: Set<String>, of pipeline: PipelineFile, path: String) throws {
        if let unknown = forced.first(where: { name in !pipeline.stages.contains { $0.name == name } }) {
            let names = pipeline.stages.map(\.name).joined(separator: ", ")
            throw Failure(unknown, "is not a stage of \(path)", "the stages are \(names)", kind: .usage)
        }
    }
}
