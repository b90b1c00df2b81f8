import Core
import Foundation

/// Runs the stages of a pipeline that are not up to date as jobs of the Slurm workload manager.
///
/// A stage of several tasks becomes an array, each task with a workspace of its own that shares the models, and a merge of
/// their databases. A stage is submitted when those before it have finished; what finished goes into the same lock file as
/// that of a local run. Tasks that were killed are submitted again, a bounded number of times.
///
/// What was submitted is kept in the workspace (``SlurmState``), so that another run finds what is queued or done. Several
/// may run at once: they take turns.
public struct SlurmRunner {
    /// What a run is asked for.
    public struct Settings: Sendable {
        /// What flags ask Slurm for: they come before the pipeline file.
        public var resources = SlurmResources()
        /// Stages to run in any case.
        public var forced: Set<String> = []
        /// Whether to return once jobs are queued; further jobs then go on by themselves.
        public var isDetached = false
        /// Whether this is such a job: it adds nothing to what the person asked for.
        public var isContinuation = false
        /// Seconds between looks at the queue: at first, and at most.
        public var pause: ClosedRange<Double> = 1...20
        /// Seconds until a task that has left the queue without a trace counts as killed, and a missing output as missing:
        /// other machines may see a file late.
        public var patience: Double = 45

        public init() {}
    }

    /// The pipeline's file, for the lock beside it.
    public let path: String
    /// The stages.
    public let pipeline: PipelineFile
    let place: SlurmJob.Place
    let settings: Settings
    let slurm: SlurmCommands
    let answer: (String) throws -> String
    let tell: (String) -> Void
    let progress: (String) -> Void
    private let context: RunContext

    /// Fingerprints of the stages that are finished or up to date.
    var settled: [String: String] = [:]
    var summary = PipelineRunner.Summary()
    /// When something was first missed that may only be late.
    var missed: [String: Date] = [:]
    private var silence = 0

    /// - Parameters:
    ///   - path: The pipeline's file, for the lock beside it.
    ///   - pipeline: What the file says.
    ///   - workspace: The workspace; a relative path is taken from the current folder.
    ///   - program: The `directions` binary as the nodes see it.
    ///   - settings: How the run was asked for.
    ///   - slurm: Slurm's commands.
    ///   - answer: Answers a read-only SQL statement of the latent database as text.
    ///   - tell: Told of each decision.
    ///   - progress: Told, over and over, in one line how far the run has come.
    ///   - context: Asked whether to stop waiting.
    public init(
        path: String, pipeline: PipelineFile, workspace: Workspace, program: String, settings: Settings,
        slurm: SlurmCommands = SlurmCommands(), answer: @escaping (String) throws -> String,
        tell: @escaping (String) -> Void, progress: @escaping (String) -> Void, context: RunContext = .silent
    ) {
        self.path = path
        self.pipeline = pipeline
        let folder = FileManager.default.currentDirectoryPath
        let absolute = workspace.path.hasPrefix("/") ? workspace.path : folder + "/" + workspace.path
        place = SlurmJob.Place(
            workspace: Workspace((absolute as NSString).standardizingPath), givenWorkspace: workspace.path,
            program: program, folder: folder)
        self.settings = settings
        self.slurm = slurm
        self.answer = answer
        self.tell = tell
        self.progress = progress
        self.context = context
    }

    var folder: String { "\(place.workspace.path)/slurm" }
    private var name: String { SlurmRunner.name(of: path) }
    private static func name(of path: String) -> String {
        SlurmJob.fileName(((path as NSString).lastPathComponent as NSString).deletingPathExtension)
    }
    private var statePath: String { "\(folder)/\(name).json" }

    /// Runs what has to run, and waits for it unless the settings say otherwise.
    ///
    /// - Throws: ``Failure`` of the first stage that fails, once its jobs have ended; those before it stay finished.
    public mutating func run() throws -> PipelineRunner.Summary {
        try PipelineRunner.check(settings.forced, of: pipeline, path: path)
        try AtomicFile.makeFolder(folder)
        try AtomicFile.makeFolder("\(place.workspace.path)/logs")
        var isFirst = !settings.isContinuation
        var pause = settings.pause.lowerBound
        var last = ""
        while true {
            let outcome = try inTurn { try step(isFirst: isFirst) }
            isFirst = false
            if outcome.isFinished { return summary }
            progress(outcome.line)
            if settings.isDetached && !outcome.isUnsure { return summary }
            pause = outcome.line == last ? min(pause * 1.25, settings.pause.upperBound) : settings.pause.lowerBound
            last = outcome.line
            try wait(pause)
        }
    }

    /// Ends the jobs that are queued or running, and forgets them; what they finished is kept.
    ///
    /// - Returns: The numbers of the jobs.
    /// - Throws: ``Failure`` with the message of `scancel`.
    public func cancel() throws -> [String] {
        guard FileManager.default.fileExists(atPath: folder) else { return [] }
        return try inTurn {
            guard let state = try SlurmState.read(statePath) else { return [] }
            let known = Set(state.flights.values.flatMap(\.submissions).compactMap(\.number))
                .union(state.continuation.map { [$0] } ?? [])
            let live = Set(try slurm.entries().filter { !$0.hasEnded }.map(\.job)).intersection(known)
            let jobs = live.sorted { (Int($0) ?? 0) < (Int($1) ?? 0) }
            try slurm.cancel(jobs)
            for flight in state.flights.values { try? FileManager.default.removeItem(atPath: flight.statusFolder) }
            try SlurmState().write(to: statePath)
            return jobs
        }
    }

    /// Shows the calls of `sbatch` that a run would make, with names for numbers that are not known yet.
    ///
    /// - Throws: ``Failure`` naming a missing input.
    public func show() throws {
        let planner = Planner(
            lock: try LockFile.read(LockFile.path(for: path)), forced: settings.forced, answer: answer)
        var fingerprints: [String: String] = [:]
        var last: [String: String] = [:]
        for stage in pipeline.stages {
            let decision = try planner.decide(stage, fingerprints: fingerprints, rerun: Set(last.keys))
            fingerprints[stage.name] = decision.fingerprint
            guard let reason = decision.reason else {
                tell("\(stage.name): up to date")
                continue
            }
            tell("\(stage.name): would run (\(reason))")
            let status = "\(folder)/\(SlurmJob.fileName(stage.name))"
            func show(_ job: SlurmJob, after: [String]) {
                let words = job.words(
                    indices: Array(0..<(job.tasks ?? 1)), status: status, comment: "directions", after: after)
                tell(words.map(SlurmJob.quoted).joined(separator: " "))
                last[stage.name] = job.name
            }
            show(job(of: stage, isMerge: false), after: stage.after.compactMap { last[$0] }.map { "<\($0)>" })
            if stage.tasks != nil { show(job(of: stage, isMerge: true), after: ["<\(stage.name)>"]) }
        }
    }

    /// The job of a stage or of its merge, with what the file and the flags ask for.
    func job(of stage: Stage, isMerge: Bool) -> SlurmJob {
        let resources = pipeline.resources.overridden(by: stage.resources).overridden(by: settings.resources)
        if isMerge, let tasks = stage.tasks {
            return SlurmJob(mergeOf: stage, tasks: tasks, place: place, resources: resources)
        }
        var drawing: Stage?
        if stage.tasks != nil && stage.verb.first != "sample" { drawing = pipeline.drawing(before: stage) }
        return SlurmJob(stage: stage, drawing: drawing, place: place, resources: resources)
    }

    /// - Throws: ``Failure`` when jobs of the pipeline are queued or running, or were when last looked at.
    public static func requireNothingQueued(path: String, workspace: Workspace) throws {
        let record = "\(workspace.path)/slurm/\(name(of: path)).json"
        guard let flights = try SlurmState.read(record)?.flights.keys.sorted(), !flights.isEmpty else { return }
        throw Failure(
            path, "has jobs on Slurm: \(flights.joined(separator: ", "))",
            "wait for them with --executor slurm, or end them with --executor slurm --cancel; \(record) is the record")
    }

    /// One look at the queue: records what has ended, submits what can be, says how far it is.
    private mutating func step(isFirst: Bool) throws -> Outcome {
        var state = try SlurmState.read(statePath) ?? SlurmState()
        if settings.isContinuation && state == SlurmState() { return Outcome(isFinished: true) }
        if isFirst {
            if let failure = state.failure { tell("the last run failed: \(failure)") }
            state.failure = nil
            state.forced = Set(state.forced).union(settings.forced).sorted()
            state.ran.removeAll(where: settings.forced.contains)
        }
        let entries = try queue(for: state)
        var lock = try LockFile.read(LockFile.path(for: path))
        for name in state.flights.keys.sorted() { try advance(name, &state, &lock, entries: entries) }
        if state.failure == nil { try startStages(&state, lock: lock) }
        if state.flights.isEmpty { return try finish(&state) }
        if settings.isDetached { try goOnLater(&state, entries: entries) }
        try save(state)
        return outcome(state, entries: entries)
    }

    private func finish(_ state: inout SlurmState) throws -> Outcome {
        let failure = state.failure
        state = SlurmState()
        state.failure = failure
        try save(state)
        if let failure { throw Failure(pipeline.name, failure, "the same command goes on from there") }
        return Outcome(isFinished: true)
    }

    func save(_ state: SlurmState) throws { try state.write(to: statePath) }

    /// What the queue shows; nil when it can't be asked just now.
    ///
    /// - Throws: ``Failure`` when it could not be asked twenty times in a row.
    private mutating func queue(for state: SlurmState) throws -> [SlurmCommands.Entry]? {
        if state.flights.isEmpty { return [] }
        do {
            let entries = try slurm.entries()
            silence = 0
            return entries
        } catch {
            silence += 1
            if silence >= 20 { throw error }
            return nil
        }
    }

    /// Submits a job that waits for the others and goes on with the run, unless one is there.
    private func goOnLater(_ state: inout SlurmState, entries: [SlurmCommands.Entry]?) throws {
        let own = ProcessInfo.processInfo.environment["SLURM_JOB_ID"]
        if let number = state.continuation, number != own || !settings.isContinuation,
            entries?.contains(where: { $0.job == number && !$0.hasEnded }) ?? true
        {
            return
        }
        let jobs = Set(
            state.flights.values.flatMap { flight in
                flight.tasks.filter { !$0.isDone }.compactMap { flight.submissions[$0.submission].number }
            })
        var command = [place.program, "run", path, "--workspace", place.givenWorkspace, "--executor", "slurm"]
        command += ["--detach", "--continuation"] + settings.resources.flags
        let resources = pipeline.resources.overridden(by: settings.resources)
        var words = SlurmJob.words(
            name: "\(name)-next", log: "\(place.workspace.path)/logs/\(name)-next-%j.log", place: place)
        words += resources.words + ["--dependency=afterany:" + jobs.sorted().joined(separator: ":")]
        words.append("--wrap=" + command.map(SlurmJob.quoted).joined(separator: " "))
        state.continuation = try slurm.submit(words)
    }

    /// Runs `body` while no other run of this pipeline in this workspace does.
    private func inTurn<Result>(_ body: () throws -> Result) throws -> Result {
        let descriptor = open("\(folder)/\(name).turn", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw AtomicFile.systemFailure("\(folder)/\(name).turn", "cannot be written") }
        defer { close(descriptor) }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else { throw AtomicFile.systemFailure("\(folder)/\(name).turn", "cannot be locked") }
            try checkWaiting()
        }
        return try body()
    }

    private func wait(_ seconds: Double) throws {
        let end = Date().addingTimeInterval(seconds)
        while Date() < end {
            try checkWaiting()
            usleep(100_000)
        }
        try checkWaiting()
    }

    private func checkWaiting() throws {
        if context.isCancelled {
            throw Failure(
                "stopped", "waiting on request; what is queued stays so",
                "run the same command again to go on, with --detach to let the jobs go on alone, or with --cancel to end them",
                kind: .cancelled)
        }
    }
}
