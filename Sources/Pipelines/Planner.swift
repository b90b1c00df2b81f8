import Core
import Foundation

/// Decides which stages have to run, and says why.
public struct Planner {
    /// What is to be done with a stage.
    public struct Decision: Sendable, Equatable {
        /// The stage.
        public let stage: Stage
        /// Why it has to run, or nil when it is up to date.
        public let reason: String?
        /// The fingerprint the stage will have once it has run.
        public let fingerprint: String
        /// Hashes of its inputs as they are now.
        public let inputs: [String: String]
    }

    private let lock: LockFile
    private let forced: Set<String>
    private let answer: (String) throws -> String

    /// - Parameters:
    ///   - lock: What is known of finished stages.
    ///   - forced: Stages to run in any case.
    ///   - answer: Answers a read-only SQL statement as text; throws when there is no database or no such table.
    public init(lock: LockFile, forced: Set<String>, answer: @escaping (String) throws -> String) {
        self.lock = lock
        self.forced = forced
        self.answer = answer
    }

    /// Looks at one stage: first its definition, then its inputs, then its outputs.
    ///
    /// - Parameters:
    ///   - stage: The stage to look at.
    ///   - fingerprints: Of the stages decided before it.
    ///   - rerun: The stages before it that have to run.
    /// - Returns: Whether it has to run, and why.
    /// - Throws: ``Failure`` naming a missing input.
    public func decide(_ stage: Stage, fingerprints: [String: String], rerun: Set<String>) throws -> Decision {
        var inputs: [String: String] = [:]
        for path in stage.inputs {
            guard let hash = try Planner.hash(path: path) else {
                throw Failure(path, "is missing; stage \(stage.name) reads it", "put it there or correct `inputs`")
            }
            inputs[path] = hash
        }
        let parts =
            [stage.arguments.joined(separator: "\u{1F}")]
            + inputs.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            + stage.after.sorted().map { "\($0)<\(fingerprints[$0] ?? "")" }
        let fingerprint = Hashing.sha256(Data(parts.joined(separator: "\n").utf8))
        let reason = try reason(stage, fingerprint: fingerprint, inputs: inputs, rerun: rerun)
        return Decision(stage: stage, reason: reason, fingerprint: fingerprint, inputs: inputs)
    }

    private func reason(
        _ stage: Stage, fingerprint: String, inputs: [String: String], rerun: Set<String>
    ) throws -> String? {
        if forced.contains(stage.name) { return "forced" }
        guard let known = lock.stages[stage.name] else { return "has not run" }
        let command = stage.arguments.joined(separator: " ")
        if known.command != command { return "was `\(known.command)`, is `\(command)`" }
        if let changed = inputs.keys.sorted().first(where: { known.inputs[$0] != inputs[$0] }) {
            return "input \(changed) changed"
        }
        if let before = stage.after.first(where: rerun.contains) { return "\(before) runs again" }
        if known.fingerprint != fingerprint { return "a stage before it changed" }
        for output in stage.outputs {
            guard let now = try hash(output) else { return "output \(Planner.label(output)) is missing" }
            if known.outputs[Planner.label(output)] != now { return "output \(Planner.label(output)) changed" }
        }
        return nil
    }

    /// Hashes of what a finished stage left.
    ///
    /// - Throws: ``Failure`` naming an output that the stage did not leave.
    public func outputs(of stage: Stage) throws -> [String: String] {
        var result: [String: String] = [:]
        for output in stage.outputs {
            guard let hash = try hash(output) else {
                throw Failure(
                    Planner.label(output), "is an output of stage \(stage.name), which ran but did not leave it",
                    "correct `outputs`")
            }
            result[Planner.label(output)] = hash
        }
        return result
    }

    private func hash(_ output: Stage.Output) throws -> String? {
        switch output {
        case .path(let path): return try Planner.hash(path: path)
        case .sql(let statement):
            guard let text = try? answer(statement) else { return nil }
            return Hashing.sha256(Data(text.utf8))
        }
    }

    private static func label(_ output: Stage.Output) -> String {
        switch output {
        case .path(let path): path
        case .sql(let statement): statement
        }
    }

    /// SHA-256 of a file, of the names and hashes of all files below a folder, or of those that match a path with `*`; nil
    /// when there is nothing.
    static func hash(path: String) throws -> String? {
        if path.contains("*") { return try hash(pattern: path) }
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return nil }
        if !isFolder.boolValue { return try Hashing.sha256(file: path) }
        return Hashing.sha256(Data(try list(path) { _ in true }.utf8))
    }

    /// `*` stands for any part of one name.
    private static func hash(pattern: String) throws -> String? {
        var folder = pattern.split(separator: "/", omittingEmptySubsequences: false)
        let first = folder.firstIndex { $0.contains("*") } ?? folder.endIndex
        let rest = folder[first...].joined(separator: "/")
        folder = Array(folder[..<first])
        let path = folder.isEmpty ? "." : folder.joined(separator: "/")
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let text = try list(path) { fnmatch(rest, $0, FNM_PATHNAME) == 0 }
        return text.isEmpty ? nil : Hashing.sha256(Data(text.utf8))
    }

    /// A line for each file below a folder whose path there is wanted: the path and the file's hash.
    private static func list(_ folder: String, where isWanted: (String) -> Bool) throws -> String {
        var text = ""
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder).sorted() where isWanted(name) {
            var isFolder: ObjCBool = false
            let full = "\(folder)/\(name)"
            if FileManager.default.fileExists(atPath: full, isDirectory: &isFolder), !isFolder.boolValue {
                text += "\(name) \(try Hashing.sha256(file: full))\n"
            }
        }
        return text
    }
}
