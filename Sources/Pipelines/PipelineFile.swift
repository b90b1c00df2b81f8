import Core
import Foundation

/// One step of a pipeline: a verb with its flags, what it reads and what it leaves behind.
public struct Stage: Sendable, Equatable {
    /// Unique in its pipeline.
    public let name: String
    /// The verb and its fixed words, such as `["import", "default"]`.
    public let verb: [String]
    /// Flags without dashes and their values, sorted by flag; `true` means a flag without a value.
    public let parameters: [(flag: String, value: String)]
    /// Stages that must have finished before, by name.
    public let after: [String]
    /// Files and folders the stage reads besides what earlier stages left.
    public let inputs: [String]
    /// What the stage leaves: files, folders, or answers of the latent database.
    public let outputs: [Output]
    /// How many tasks share its work on a cluster; nil for one.
    ///
    /// A local run does the whole.
    public let tasks: Int?
    /// What it asks a cluster for.
    public let resources: SlurmResources
    /// Line of the stage in its file, from 1.
    public let line: Int

    /// Something by which a finished stage is known.
    public enum Output: Sendable, Equatable {
        /// A file or folder.
        case path(String)
        /// The answer of a read-only SQL statement.
        case sql(String)
    }

    /// The words after the program's name: verb, then the flags in sorted order.
    public var arguments: [String] {
        verb + parameters.flatMap { $0.value == "true" ? ["--\($0.flag)"] : ["--\($0.flag)", $0.value] }
    }

    public static func == (a: Stage, b: Stage) -> Bool {
        a.name == b.name && a.arguments == b.arguments && a.after == b.after && a.inputs == b.inputs
            && a.outputs == b.outputs && a.tasks == b.tasks && a.resources == b.resources
    }
}

/// A pipeline as a YAML file states it.
///
/// ```yaml
/// name: faces
/// stages:
///   generator:
///     run: import default
///     outputs: ["{workspace}/models/default/model.json"]
///   latents:
///     run: sample
///     with: { count: 4000, seed: 0 }
///     after: generator
///     outputs: [{ sql: "SELECT count(*) FROM latents" }]
/// ```
///
/// `{workspace}` in a value stands for the workspace folder. See `docs/pipelines.md` for the whole format.
public struct PipelineFile: Sendable {
    /// The pipeline's name.
    public let name: String
    /// The stages, each after those it needs, otherwise in the file's order.
    public let stages: [Stage]
    /// What all stages ask a cluster for, where they don't say otherwise.
    public let resources: SlurmResources

    /// Reads and checks a pipeline file.
    ///
    /// - Throws: ``Failure`` naming file and line: YAML errors, unknown keys, unknown or circular `after`.
    public static func read(_ path: String, workspace: Workspace) throws -> PipelineFile {
        let text = String(decoding: try AtomicFile.read(path), as: UTF8.self)
        return try parse(text, name: path, workspace: workspace)
    }

    /// Parses a pipeline's text; `name` stands in error messages.
    ///
    /// - Throws: As ``read(_:workspace:)``.
    public static func parse(_ text: String, name: String, workspace: Workspace) throws -> PipelineFile {
        let reader = NodeReader(file: name, workspace: workspace)
        guard let root = try YAMLNode.parse(text, name: name) else {
            throw Failure(name, "is empty", "write a pipeline with `name` and `stages`")
        }
        let top = try reader.mapping(root, "the pipeline", keys: ["name", "slurm", "stages"])
        guard let stagesNode = top["stages"] else {
            throw reader.failure(root, "has no `stages`", "list the stages under `stages:`")
        }
        let entries = try reader.entries(stagesNode, "`stages`")
        let stages = try entries.map { try reader.stage(name: $0.key, $0.value, line: $0.line) }
        let title = try top["name"].map { try reader.string($0, "`name`") }
        let resources = try top["slurm"].map { try reader.slurm($0, hasTasks: false).resources } ?? SlurmResources()
        let ordered = try order(stages, file: name)
        let pipeline = PipelineFile(name: title ?? name, stages: ordered, resources: resources)
        try pipeline.checkTasks(file: name)
        return pipeline
    }

    /// Refuses stages of several tasks whose results could not be put together again.
    private func checkTasks(file: String) throws {
        for stage in stages {
            guard let tasks = stage.tasks else { continue }
            func refuse(_ problem: String, _ advice: String) -> Failure {
                Failure("\(file):\(stage.line)", "stage \(stage.name) \(problem)", advice)
            }
            guard ["sample", "score"].contains(stage.verb.first) else {
                throw refuse("has \(tasks) tasks; only sample and score can be divided", "leave `tasks` out")
            }
            if let flag = stage.parameters.first(where: { ["limit", "workspace"].contains($0.flag) })?.flag {
                throw refuse("has \(tasks) tasks and `\(flag)`, which each would take for itself", "leave one out")
            }
            let before = drawing(before: stage)
            if stage.verb.first == "score", before?.tasks != tasks {
                let what = before.map { "\($0.name), which has \($0.tasks ?? 1)" } ?? "no sample"
                throw refuse(
                    "has \(tasks) tasks and comes after \(what)", "give the sample before it as many tasks")
            }
        }
    }

    /// The `sample` that a stage comes after, directly or by way of others; the nearest of several.
    func drawing(before stage: Stage) -> Stage? {
        let before = stage.after.compactMap { name in stages.first { $0.name == name } }
        if let found = before.first(where: { $0.verb.first == "sample" }) { return found }
        return before.lazy.compactMap { drawing(before: $0) }.first
    }

    /// Stages in an order in which each comes after those it names, the file's order otherwise.
    private static func order(_ stages: [Stage], file: String) throws -> [Stage] {
        let names = Set(stages.map(\.name))
        for stage in stages {
            if let unknown = stage.after.first(where: { !names.contains($0) }) {
                let near = Attribute.nearest(to: unknown, among: names.sorted()).joined(separator: ", ")
                throw Failure(
                    "\(file):\(stage.line)", "stage \(stage.name) comes after \(unknown), which is no stage",
                    "did you mean \(near)?")
            }
        }
        var result: [Stage] = []
        var placed: Set<String> = []
        var rest = stages
        while !rest.isEmpty {
            guard let next = rest.firstIndex(where: { $0.after.allSatisfy(placed.contains) }) else {
                throw Failure(
                    "\(file):\(rest[0].line)",
                    "stages wait for each other in a circle: \(rest.map(\.name).joined(separator: ", "))",
                    "remove one `after`")
            }
            placed.insert(rest[next].name)
            result.append(rest.remove(at: next))
        }
        return result
    }
}
