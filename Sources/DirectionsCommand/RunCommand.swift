import ArgumentParser
import CommandSupport
import Directions
import Foundation

/// `directions run FILE`: the stages of a pipeline that are not up to date.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run the stages of a pipeline file, skipping what is up to date.",
        discussion: """
            Each stage is a verb with its flags. A lock file beside the pipeline records what each finished stage ran, read \
            and left; a stage runs again when one of these changed, and says which.

            --executor slurm runs the stages as jobs of a cluster and waits for them. Another run finds what is queued or \
            done. --detach returns at once; the jobs then go on alone.

            Examples:
              directions run Pipelines/faces.yaml --dry-run
              directions run Pipelines/paper-500k-slurm.yaml --executor slurm --time 4:00:00 --dry-run
            """)

    /// Where stages run.
    enum Executor: String, ExpressibleByArgument, CaseIterable {
        case local, slurm
    }

    @Argument(help: "The pipeline file (YAML).") var file: String
    @OptionGroup var workspace: WorkspaceOption
    @Flag(help: "Only say what would run, and why.") var dryRun = false

    @Option(help: "Run this stage, and those after it, even when it is up to date; may be repeated.")
    var force: [String] = []

    @Option(help: "Where stages run: local, or slurm (jobs by sbatch; a stage of several tasks becomes an array).")
    var executor: Executor = .local

    @OptionGroup(title: "With --executor slurm") var slurm: SlurmOptions

    private var request: RunRequest {
        get throws {
            RunRequest(file, program: try RunRequest.ownProgram(), isDryRun: dryRun, forced: Set(force))
        }
    }

    func validate() throws {
        if executor == .local { return try slurm.refuse() }
        _ = try slurm.settings(forced: [])
    }

    func run() throws {
        if executor == .slurm { return try runOnSlurm() }
        let result = try workspace.session.run(request) { print($0) }
        close(ran: result.ran, skipped: result.skipped)
    }

    private func runOnSlurm() throws {
        let line = StatusLine()
        var runner = try workspace.session.slurmRunner(
            request, settings: slurm.settings(forced: Set(force)), told: { line.print($0) },
            progress: { line.show($0) })
        if slurm.cancel {
            let jobs = try runner.cancel()
            return print(jobs.isEmpty ? "no jobs are queued" : "ended jobs \(jobs.joined(separator: ", "))")
        }
        if dryRun { return try runner.show() }
        defer { line.end() }
        let summary = try runner.run()
        line.end()
        if slurm.detach && !slurm.continuation && !summary.ran.isEmpty {
            print("the jobs go on alone; the same command without --detach waits for them")
        }
        close(ran: summary.ran.map(\.stage), skipped: summary.skipped)
    }

    private func close(ran: [String], skipped: [String]) {
        if ran.isEmpty && !skipped.isEmpty { print("nothing to do: all \(skipped.count) stages are up to date") }
    }
}

/// What `run --executor slurm` takes besides.
struct SlurmOptions: ParsableArguments {
    @Flag(help: "Return once jobs are queued; they go on alone. A later run finds them.") var detach = false
    @Flag(help: "End this pipeline's jobs, queued and running, and do nothing else.") var cancel = false

    @Option(help: "The partition; this and what follows come before what the pipeline file says.")
    var partition: String?

    @Option(help: "The account that is charged.") var account: String?
    @Option(help: "The quality of service.") var qos: String?
    @Option(help: "The time limit of a task, such as 4:00:00.") var time: String?
    @Option(help: "Memory of a task, such as 8G.") var memory: String?
    @Option(help: "Processors of a task.") var cpus: Int?
    @Option(help: "How many times a task that was killed is submitted again (default: 2).") var retries: Int?

    @Option(
        name: .customLong("sbatch-option"), parsing: .unconditionalSingleValue,
        help: "Another option of sbatch, such as --sbatch-option=--gres=gpu:1; may be repeated.")
    var options: [String] = []

    @Flag(help: .hidden) var continuation = false

    private var resources: SlurmResources {
        var result = SlurmResources()
        result.partition = partition
        result.account = account
        result.qos = qos
        result.time = time
        result.memory = memory
        result.cpus = cpus
        result.retries = retries
        result.options = options
        return result
    }

    /// The settings of a run.
    ///
    /// - Throws: `Failure` (usage) for a value that Slurm would not understand.
    func settings(forced: Set<String>) throws -> SlurmRunner.Settings {
        if let problem = resources.problem {
            let flag = problem.key == "options" ? "sbatch-option" : problem.key
            throw Failure("--\(flag) \(problem.value)", "is not understood", problem.advice, kind: .usage)
        }
        var settings = SlurmRunner.Settings()
        settings.resources = resources
        settings.forced = forced
        settings.isDetached = detach
        settings.isContinuation = continuation
        return settings
    }

    /// - Throws: `Failure` (usage) when one of these was given for a local run.
    func refuse() throws {
        guard resources == SlurmResources(), !detach, !cancel else {
            throw Failure(
                "--executor local", "takes no options of Slurm", "add --executor slurm, or leave them out",
                kind: .usage)
        }
    }
}

/// One line on standard error that is drawn anew on a terminal; elsewhere it is printed when it changes, at most every
/// ten seconds.
private final class StatusLine {
    private let isTerminal = isatty(2) == 1
    private var shown = ""
    private var isOpen = false
    private var last = Date.distantPast

    func show(_ text: String) {
        if text == shown || (!isTerminal && Date().timeIntervalSince(last) < 10) { return }
        shown = text
        last = Date()
        isOpen = isTerminal
        FileHandle.standardError.write(Data((isTerminal ? "\r\u{1B}[K\(text)" : text + "\n").utf8))
    }

    /// Prints a line of its own.
    func print(_ text: String) {
        if isOpen { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
        isOpen = false
        shown = ""
        Swift.print(text)
        fflush(nil)
    }

    /// Ends the line, once.
    func end() {
        if isOpen { FileHandle.standardError.write(Data("\n".utf8)) }
        isOpen = false
    }
}
