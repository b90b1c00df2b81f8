import Core
import Foundation

/// Turns YAML nodes into checked values; every complaint names file and line.
struct NodeReader {
    let file: String
    let workspace: Workspace

    func failure(_ node: YAMLNode, _ problem: String, _ advice: String = "") -> Failure {
        Failure("\(file):\(node.line)", problem, advice)
    }

    func string(_ node: YAMLNode, _ what: String) throws -> String {
        guard let scalar = node.scalar else { throw failure(node, "\(what) must be a single value") }
        return scalar.replacingOccurrences(of: "{workspace}", with: workspace.path)
    }

    /// A list of strings; a single value is a list of one.
    func strings(_ node: YAMLNode, _ what: String) throws -> [String] {
        if node.scalar != nil { return [try string(node, what)] }
        guard let sequence = node.sequence else { throw failure(node, "\(what) must be a value or a list of values") }
        return try sequence.map { try string($0, what) }
    }

    func entries(_ node: YAMLNode, _ what: String) throws -> [(key: String, value: YAMLNode, line: Int)] {
        guard let mapping = node.mapping else { throw failure(node, "\(what) must be a list of names with values") }
        return try mapping.map { (try string($0.key, "a key of \(what)"), $0.value, $0.key.line) }
    }

    func mapping(_ node: YAMLNode, _ what: String, keys: [String]) throws -> [String: YAMLNode] {
        var result: [String: YAMLNode] = [:]
        for entry in try entries(node, what) {
            guard keys.contains(entry.key) else {
                throw Failure(
                    "\(file):\(entry.line)", "\(what) has no `\(entry.key)`",
                    "the keys are \(keys.joined(separator: ", "))")
            }
            result[entry.key] = entry.value
        }
        return result
    }

    func stage(name: String, _ node: YAMLNode, line: Int) throws -> Stage {
        let fields = try mapping(node, "a stage", keys: ["run", "with", "after", "inputs", "outputs", "slurm"])
        guard let run = fields["run"] else { throw failure(node, "stage \(name) has no `run`", "name the verb to run") }
        let verb = try string(run, "`run`").split(separator: " ").map(String.init)
        if verb.isEmpty { throw failure(run, "stage \(name) runs nothing", "name the verb to run") }
        let parameters = try fields["with"].map { try entries($0, "`with`") } ?? []
        let values = try parameters.filter { $0.key != "shard" }.map {
            (flag: $0.key, value: try strings($0.value, "`\($0.key)`").joined(separator: ","))
        }
        var (tasks, resources) = try fields["slurm"].map { try slurm($0, hasTasks: true) } ?? (nil, SlurmResources())
        if let shard = parameters.first(where: { $0.key == "shard" })?.value {
            guard tasks == nil else { throw failure(shard, "`shard` and `tasks` say the same", "leave `shard` out") }
            tasks = try shards(shard)
        }
        return Stage(
            name: name, verb: verb, parameters: values.sorted { $0.flag < $1.flag },
            after: try fields["after"].map { try strings($0, "`after`") } ?? [],
            inputs: try fields["inputs"].map { try strings($0, "`inputs`") } ?? [],
            outputs: try fields["outputs"].map { try outputs($0) } ?? [], tasks: tasks,
            resources: resources, line: line)
    }

    /// What a `slurm` key asks for.
    func slurm(_ node: YAMLNode, hasTasks: Bool) throws -> (tasks: Int?, resources: SlurmResources) {
        let names = ["partition", "account", "qos", "time", "memory", "cpus", "retries", "options"]
        let fields = try mapping(node, "`slurm`", keys: (hasTasks ? ["tasks"] : []) + names)
        func text(_ key: String) throws -> String? { try fields[key].map { try string($0, "`\(key)`") } }
        func number(_ key: String) throws -> Int? {
            guard let node = fields[key] else { return nil }
            guard let value = Int(try string(node, "`\(key)`")) else {
                throw failure(node, "`\(key)` must be a number")
            }
            return value
        }
        var resources = SlurmResources()
        resources.partition = try text("partition")
        resources.account = try text("account")
        resources.qos = try text("qos")
        resources.time = try text("time")
        resources.memory = try text("memory")
        resources.cpus = try number("cpus")
        resources.retries = try number("retries")
        resources.options = try fields["options"].map { try strings($0, "`options`") } ?? []
        if let problem = resources.problem {
            throw failure(
                fields[problem.key] ?? node, "`\(problem.key)` cannot be `\(problem.value)`", problem.advice)
        }
        let tasks = try number("tasks")
        if let tasks, !(1...10_000).contains(tasks), let node = fields["tasks"] {
            throw failure(node, "`tasks` must be 1 to 10000")
        }
        return (tasks, resources)
    }

    /// The number of parts in `0/64`, the older spelling of `tasks: 64`.
    private func shards(_ node: YAMLNode) throws -> Int {
        let parts = try string(node, "`shard`").split(separator: "/").map { Int($0) }
        guard parts.count == 2, parts[0] == 0, let count = parts[1], (1...10_000).contains(count) else {
            throw failure(node, "`shard` must be 0/ and the number of tasks", "for example 0/64")
        }
        return count
    }

    private func outputs(_ node: YAMLNode) throws -> [Stage.Output] {
        let items = node.sequence ?? [node]
        return try items.map { item in
            if item.scalar != nil { return .path(try string(item, "an output")) }
            guard let sql = try mapping(item, "an output", keys: ["sql"])["sql"] else {
                throw failure(item, "an output is a path or `sql: SELECT …`")
            }
            return .sql(try string(sql, "`sql`"))
        }
    }
}
