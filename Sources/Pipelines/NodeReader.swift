import Core
import Foundation
import Yams

/// Turns YAML nodes into checked values; every complaint names file and line.
struct NodeReader {
    let file: String
    let workspace: Workspace

    func failure(_ node: Node, _ problem: String, _ advice: String = "") -> Failure {
        Failure("\(file):\(node.mark?.line ?? 1)", problem, advice)
    }

    func string(_ node: Node, _ what: String) throws -> String {
        guard let scalar = node.scalar else { throw failure(node, "\(what) must be a single value") }
        return scalar.string.replacingOccurrences(of: "{workspace}", with: workspace.path)
    }

    /// A list of strings; a single value is a list of one.
    func strings(_ node: Node, _ what: String) throws -> [String] {
        if node.scalar != nil { return [try string(node, what)] }
        guard let sequence = node.sequence else { throw failure(node, "\(what) must be a value or a list of values") }
        return try sequence.map { try string($0, what) }
    }

    func entries(_ node: Node, _ what: String) throws -> [(key: String, value: Node, line: Int)] {
        guard let mapping = node.mapping else { throw failure(node, "\(what) must be a list of names with values") }
        return try mapping.map { (try string($0.key, "a key of \(what)"), $0.value, $0.key.mark?.line ?? 1) }
    }

    func mapping(_ node: Node, _ what: String, keys: [String]) throws -> [String: Node] {
        var result: [String: Node] = [:]
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

    func stage(name: String, _ node: Node, line: Int) throws -> Stage {
        let fields = try mapping(node, "a stage", keys: ["run", "with", "after", "inputs", "outputs"])
        guard let run = fields["run"] else { throw failure(node, "stage \(name) has no `run`", "name the verb to run") }
        let verb = try string(run, "`run`").split(separator: " ").map(String.init)
        if verb.isEmpty { throw failure(run, "stage \(name) runs nothing", "name the verb to run") }
        let parameters = try fields["with"].map { try entries($0, "`with`") } ?? []
        let values = try parameters.map {
            (flag: $0.key, value: try strings($0.value, "`\($0.key)`").joined(separator: ","))
        }
        return Stage(
            name: name, verb: verb, parameters: values.sorted { $0.flag < $1.flag },
            after: try fields["after"].map { try strings($0, "`after`") } ?? [],
            inputs: try fields["inputs"].map { try strings($0, "`inputs`") } ?? [],
            outputs: try fields["outputs"].map { try outputs($0) } ?? [], line: line)
    }

    private func outputs(_ node: Node) throws -> [Stage.Output] {
        let items = node.sequence.map { Array($0) } ?? [node]
        return try items.map { item in
            if item.scalar != nil { return .path(try string(item, "an output")) }
            guard let sql = try mapping(item, "an output", keys: ["sql"])["sql"] else {
                throw failure(item, "an output is a path or `sql: SELECT …`")
            }
            return .sql(try string(sql, "`sql`"))
        }
    }
}
