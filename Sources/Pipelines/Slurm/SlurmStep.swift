import Core
import Foundation

/// How far a run has come.
struct Outcome {
    /// Whether nothing is left to do.
    var isFinished = false
    /// Whether something is missing that may only be late, so that another look is due soon.
    var isUnsure = false
    /// For a person.
    var line = ""
}

extension SlurmRunner {
    /// How a task stands.
    private enum Standing {
        case live, done, unsure
        /// Ended by itself with this status, which is not 0.
        case failed(Int)
        /// Ended from outside, with Slurm's word for it.
        case killed(String)
    }

    /// Looks after one stage that was submitted: submits killed tasks again, then the merge, and records its end.
    mutating func advance(
        _ name: String, _ state: inout SlurmState, _ lock: inout LockFile, entries: [SlurmCommands.Entry]?
    ) throws {
        guard var flight = state.flights[name] else { return }
        guard let stage = pipeline.stages.first(where: { $0.name == name }),
            stage.arguments.joined(separator: " ") == flight.command
        else {
            throw Failure(
                "stage \(name)", "is queued as `\(flight.command)`, which \(path) no longer says",
                "wait with the old file, or end it with --cancel")
        }
        let job = job(of: stage, isMerge: flight.isMerging)
        var (again, isLive): ([Int], Bool) = ([], false)
        for index in flight.tasks.indices where !flight.tasks[index].isDone {
            adopt(&flight, index, entries: entries)
            switch standing(name, flight, index, entries: entries) {
            case .live, .unsure: isLive = true
            case .done: flight.tasks[index].isDone = true
            case .failed(let status):
                flight.tasks[index].isDone = true
                let log = logTail(job, flight, index)
                flight.failure = flight.failure ?? "\(label(job, index)) ended with status \(status)\(log)"
            case .killed(let how):
                if flight.tasks[index].attempts <= job.resources.retries ?? SlurmRunner.defaultRetries {
                    again.append(index)
                    tell("\(label(job, index)) was killed (\(how)); it is submitted again")
                } else {
                    let times = "\(flight.tasks[index].attempts) times, at last \(how)"
                    flight.tasks[index].isDone = true
                    flight.failure =
                        flight.failure ?? "\(label(job, index)) was killed \(times)\(logTail(job, flight, index))"
                }
            }
        }
        state.flights[name] = flight
        if flight.failure != nil {
            if !isLive { try end(name, &state) }
        } else if !again.isEmpty {
            try submit(job, again, name, &state)
        } else if flight.tasks.allSatisfy(\.isDone) {
            try complete(stage, &state, &lock)
        }
    }

    private static var defaultRetries: Int { 2 }

    /// Finds the number of a job whose submission was cut short.
    private func adopt(_ flight: inout SlurmState.Flight, _ index: Int, entries: [SlurmCommands.Entry]?) {
        let submission = flight.tasks[index].submission
        guard flight.submissions[submission].number == nil else { return }
        let comment = flight.submissions[submission].comment
        flight.submissions[submission].number = entries?.first { $0.comment == comment }?.job
    }

    private mutating func standing(
        _ name: String, _ flight: SlurmState.Flight, _ index: Int, entries: [SlurmCommands.Entry]?
    ) -> Standing {
        let key = "\(flight.token)/\(flight.isMerging)/\(index)/\(flight.tasks[index].attempts)"
        let file = "\(flight.statusFolder)/\(index)"
        if let text = try? String(contentsOfFile: file, encoding: .utf8), text.hasSuffix("\n"),
            let status = Int(text.dropLast())
        {
            return status == 0 ? .done : status > 128 ? .killed("signal \(status - 128)") : .failed(status)
        }
        guard let entries else { return .unsure }
        let number = flight.submissions[flight.tasks[index].submission].number
        let isArray = !flight.isMerging && (pipeline.stages.first { $0.name == name }?.tasks != nil)
        if let entry = entries.first(where: { $0.job == number && (!isArray || $0.task == index) }) {
            if !entry.hasEnded { return .live }
            return entry.state == "COMPLETED" ? .done : .killed(entry.state.lowercased())
        }
        // The queue has forgotten it, and it left no status: killed, unless the file is only late.
        return isOverdue(key) ? .killed("it left the queue without a trace") : .unsure
    }

    /// Whether what is missing has been missing for longer than the patience allows.
    private mutating func isOverdue(_ key: String) -> Bool {
        let since = missed[key] ?? Date()
        missed[key] = since
        return Date().timeIntervalSince(since) > settings.patience
    }

    private func label(_ job: SlurmJob, _ index: Int) -> String {
        "stage \(job.name)" + (job.tasks == nil ? "" : ", task \(index),")
    }

    /// The last lines of a task's log, and where it is.
    private func logTail(_ job: SlurmJob, _ flight: SlurmState.Flight, _ index: Int) -> String {
        guard let number = flight.submissions[flight.tasks[index].submission].number else { return "" }
        let path = job.log(job: number, task: index)
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return " (\(path))" }
        let lines = text.split(separator: "\n").suffix(3).joined(separator: "; ")
        return lines.isEmpty ? " (\(path))" : ": \(lines) (\(path))"
    }

    /// Submits tasks of a stage; what is to be submitted is written down before, its number after.
    private func submit(_ job: SlurmJob, _ indices: [Int], _ name: String, _ state: inout SlurmState) throws {
        guard var flight = state.flights[name] else { return }
        let comment = "directions-\(flight.token)-\(flight.submissions.count)"
        for index in indices {
            unlink("\(flight.statusFolder)/\(index)")
            flight.tasks[index].attempts += 1
            flight.tasks[index].submission = flight.submissions.count
        }
        flight.submissions.append(.init(number: nil, comment: comment))
        let before = state
        state.flights[name] = flight
        try save(state)
        do {
            let number = try slurm.submit(job.words(indices: indices, status: flight.statusFolder, comment: comment))
            state.flights[name]?.submissions[flight.submissions.count - 1].number = number
        } catch {
            state = before
            if flight.submissions.count == 1 { state.flights[name] = nil }
            try save(state)
            throw error
        }
        try save(state)
    }

    /// After the last task: the merge, or the end of the stage.
    private mutating func complete(_ stage: Stage, _ state: inout SlurmState, _ lock: inout LockFile) throws {
        guard var flight = state.flights[stage.name] else { return }
        if stage.tasks != nil && !flight.isMerging {
            flight.isMerging = true
            flight.tasks = [.init()]
            flight.statusFolder += "-merge"
            try AtomicFile.makeFolder(flight.statusFolder)
            state.flights[stage.name] = flight
            return try submit(job(of: stage, isMerge: true), [0], stage.name, &state)
        }
        let planner = Planner(lock: lock, forced: [], answer: answer)
        do {
            lock.stages[stage.name] = LockFile.Entry(
                command: flight.command, fingerprint: flight.fingerprint, inputs: flight.inputs,
                outputs: try planner.outputs(of: stage))
        } catch let failure as Failure {
            if !isOverdue("\(flight.token)/outputs") { return }
            state.flights[stage.name]?.failure = "\(failure)"
            return try end(stage.name, &state)
        }
        try lock.write(to: LockFile.path(for: path))
        settled[stage.name] = flight.fingerprint
        state.ran.append(stage.name)
        state.forced.removeAll { $0 == stage.name }
        try end(stage.name, &state)
        tell("\(stage.name): finished")
    }

    /// Forgets a stage that has ended; its failure becomes the run's.
    private func end(_ name: String, _ state: inout SlurmState) throws {
        guard let flight = state.flights.removeValue(forKey: name) else { return }
        state.failure = state.failure ?? flight.failure
        let folder = flight.isMerging ? String(flight.statusFolder.dropLast("-merge".count)) : flight.statusFolder
        for path in [folder, folder + "-merge"] { try? FileManager.default.removeItem(atPath: path) }
        try save(state)
    }

    /// Submits every stage whose predecessors have finished and that is not up to date.
    mutating func startStages(_ state: inout SlurmState, lock: LockFile) throws {
        let planner = Planner(lock: lock, forced: Set(state.forced), answer: answer)
        for stage in pipeline.stages where settled[stage.name] == nil && state.flights[stage.name] == nil {
            if state.ran.contains(stage.name), let known = lock.stages[stage.name] {
                settled[stage.name] = known.fingerprint
                continue
            }
            guard stage.after.allSatisfy({ settled[$0] != nil }) else { continue }
            let decision = try planner.decide(stage, fingerprints: settled, rerun: Set(state.ran))
            guard let reason = decision.reason else {
                settled[stage.name] = decision.fingerprint
                summary.skipped.append(stage.name)
                tell("\(stage.name): up to date")
                continue
            }
            summary.ran.append((stage.name, reason))
            let token = String(UInt32.random(in: 0 ... .max), radix: 16)
            let status = "\(folder)/\(SlurmJob.fileName(stage.name))-\(token)"
            try AtomicFile.makeFolder(status)
            if let tasks = stage.tasks { try SlurmJob.makeShards(tasks, in: place.workspace) }
            state.flights[stage.name] = SlurmState.Flight(
                command: stage.arguments.joined(separator: " "), fingerprint: decision.fingerprint,
                inputs: decision.inputs, statusFolder: status, token: token,
                tasks: Array(repeating: .init(), count: stage.tasks ?? 1))
            try submit(job(of: stage, isMerge: false), Array(0..<(stage.tasks ?? 1)), stage.name, &state)
            let number = state.flights[stage.name]?.submissions.last?.number ?? "?"
            let tasks = stage.tasks.map { ", \($0) tasks" } ?? ""
            tell(
                "\(stage.name): job \(number)\(tasks) (\(reason)): directions \(stage.arguments.joined(separator: " "))"
            )
        }
    }

    /// How far the run has come, in one line.
    func outcome(_ state: SlurmState, entries: [SlurmCommands.Entry]?) -> Outcome {
        var parts: [String] = []
        var isUnsure = entries == nil
        for (name, flight) in state.flights.sorted(by: { $0.key < $1.key }) {
            var (running, waiting, reasons) = (0, 0, Set<String>())
            for task in flight.tasks.indices where !flight.tasks[task].isDone {
                let number = flight.submissions[flight.tasks[task].submission].number
                let entry = entries?.first { $0.job == number && ($0.task == nil || $0.task == task) && !$0.hasEnded }
                if entry == nil && missed.keys.contains(where: { $0.hasPrefix(flight.token) }) { isUnsure = true }
                if let entry, entry.state != "PENDING" {
                    running += 1
                } else {
                    waiting += 1
                    if let reason = entry?.reason, reason != "None" { reasons.insert(reason) }
                }
            }
            if flight.tasks.allSatisfy(\.isDone) { isUnsure = true }
            let done = flight.tasks.count - running - waiting
            var counts = flight.tasks.count > 1 ? ["\(done) of \(flight.tasks.count) done"] : []
            if running > 0 { counts.append(flight.tasks.count > 1 ? "\(running) running" : "running") }
            if waiting > 0 {
                let why = reasons.isEmpty ? "" : " (\(reasons.sorted().joined(separator: ", ")))"
                counts.append((flight.tasks.count > 1 ? "\(waiting) " : "") + "queued" + why)
            }
            if flight.resubmitted > 0 { counts.append("\(flight.resubmitted) submitted again") }
            parts.append("\(name)\(flight.isMerging ? "-merge" : ""): " + counts.joined(separator: ", "))
        }
        parts.append("\(settled.count) of \(pipeline.stages.count) stages finished")
        return Outcome(isUnsure: isUnsure, line: parts.joined(separator: "; "))
    }
}
