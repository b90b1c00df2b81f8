import Core
import Foundation
import Pipelines

/// A pipeline of three stages, two of them divided, on a stand-in for Slurm whose jobs end when the queue is looked at.
final class SlurmFixture {
    /// How a task ends.
    enum End: Sendable, CustomStringConvertible {
        /// By itself, with a status.
        case exit(Int)
        /// From outside, as the queue then says.
        case ended(String)
        /// From outside, and the queue no longer knows it.
        case forgotten

        var description: String {
            switch self {
            case .exit(let status): "status \(status)"
            case .ended(let state): state
            case .forgotten: "forgotten"
            }
        }
    }

    let folder: String
    let cluster: Cluster
    var told: [String] = []

    init() throws {
        folder = NSTemporaryDirectory() + "slurm-\(UUID().uuidString)"
        cluster = Cluster(folder: folder)
        try AtomicFile.makeFolder(folder)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    static let text = """
        slurm: { partition: short, account: lab, time: 60, memory: 1G }
        stages:
          drawn: { run: sample, with: { count: 9 }, slurm: { tasks: 3 } }
          scored: { run: score, after: drawn, slurm: { tasks: 3 } }
          chosen: { run: select, after: scored, outputs: ["{workspace}/chosen"], slurm: { memory: 2G } }
        """

    /// Settings without waiting.
    var settings: SlurmRunner.Settings {
        var settings = SlurmRunner.Settings()
        settings.pause = 0.001...0.002
        settings.patience = 0.05
        return settings
    }

    func runner(_ settings: SlurmRunner.Settings) throws -> SlurmRunner {
        let (cluster, place) = (cluster, Workspace(folder))
        return SlurmRunner(
            path: folder + "/p.yaml",
            pipeline: try PipelineFile.parse(SlurmFixture.text, name: "p.yaml", workspace: place), workspace: place,
            program: "/bin/directions", settings: settings, slurm: SlurmCommands { try cluster.call($0) },
            answer: { _ in "" }, tell: { self.told.append($0) }, progress: { _ in })
    }

    func run(settings: SlurmRunner.Settings? = nil, forced: Set<String> = []) throws -> PipelineRunner.Summary {
        var settings = settings ?? self.settings
        settings.forced = forced
        var runner = try runner(settings)
        return try runner.run()
    }

    /// The same pipeline without Slurm; no stage may run.
    func runHere() throws -> PipelineRunner.Summary {
        let pipeline = try PipelineFile.parse(SlurmFixture.text, name: "p.yaml", workspace: Workspace(folder))
        return try PipelineRunner(
            path: folder + "/p.yaml", pipeline: pipeline, answer: { _ in "" },
            execute: { throw Failure($0.name, "must not run") }, tell: { _ in }
        ).run()
    }

    /// The value of an option in a call.
    func value(_ option: String, of words: [String]) -> String? {
        words.first { $0.hasPrefix("--\(option)=") }.map { String($0.dropFirst(option.count + 3)) }
    }

    /// How many jobs of a name were submitted.
    func count(_ name: String) -> Int { cluster.submissions.filter { value("job-name", of: $0) == name }.count }
}

extension SlurmFixture {
    /// What stands in for `sbatch`, `squeue` and `scancel`.
    final class Cluster: @unchecked Sendable {
        private struct Job {
            let number: Int
            let name: String
            let comment: String
            let status: String
            let isArray: Bool
            var live: [Int]
            var ended: [(task: Int, state: String)] = []
        }

        /// The calls of `sbatch`, in order.
        private(set) var submissions: [[String]] = []
        private(set) var cancelled: [String] = []
        /// How a task ends, by its job's name, its index and how often it was submitted.
        var script: (String, Int, Int) -> End = { _, _, _ in .exit(0) }
        /// Whether all nodes are taken, so that nothing ends.
        var isBusy = false
        /// How many calls of `squeue` fail from now on.
        var silentCalls = 0
        var leavesOutputs = true
        private let folder: String
        private var jobs: [Job] = []
        private var attempts: [String: Int] = [:]

        init(folder: String) { self.folder = folder }

        func call(_ words: [String]) throws -> String {
            switch words[0] {
            case "sbatch": return submit(words)
            case "squeue": return try queue()
            case "scancel": cancelled += words.dropFirst()
            default: throw Failure(words[0], "is no program of Slurm")
            }
            return ""
        }

        private func submit(_ words: [String]) -> String {
            submissions.append(words)
            func value(_ option: String) -> String? {
                words.first { $0.hasPrefix("--\(option)=") }.map { String($0.dropFirst(option.count + 3)) }
            }
            let array = value("array")
            var tasks = [0]
            if let array, array.contains("-") { tasks = Array(0...(Int(array.dropFirst(2)) ?? 0)) }
            if let array, !array.contains("-") { tasks = array.split(separator: ",").compactMap { Int($0) } }
            let status = value("wrap")?.firstMatch(of: /> ([^ ;]+)\/[^\/;]+; exit/)?.1
            let job = Job(
                number: submissions.count, name: value("job-name") ?? "", comment: value("comment") ?? "",
                status: status.map(String.init) ?? "", isArray: array != nil, live: tasks)
            jobs.append(job)
            return "\(job.number)\n"
        }

        private func queue() throws -> String {
            if silentCalls > 0 {
                silentCalls -= 1
                throw Failure("squeue", "timed out")
            }
            if !isBusy { for index in jobs.indices { try end(&jobs[index]) } }
            return jobs.flatMap { job in
                (job.live.map { ($0, "PENDING") } + job.ended).map { task, state in
                    "\(job.number)|\(job.isArray ? "\(task)" : "N/A")|\(state)|None|\(job.comment)\n"
                }
            }.joined()
        }

        private func end(_ job: inout Job) throws {
            for task in job.live {
                attempts["\(job.name)/\(task)", default: 0] += 1
                switch script(job.name, task, attempts["\(job.name)/\(task)", default: 0]) {
                case .exit(let status):
                    if !job.status.isEmpty { try AtomicFile.write("\(status)\n", to: "\(job.status)/\(task)") }
                    job.ended.append((task, status == 0 ? "COMPLETED" : "FAILED"))
                    if leavesOutputs && status == 0 { try AtomicFile.write(job.name, to: "\(folder)/\(job.name)") }
                case .ended(let state): job.ended.append((task, state))
                case .forgotten: break
                }
            }
            job.live = []
        }
    }
}
