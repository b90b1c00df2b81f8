import Core
import Foundation

/// What a stage asks Slurm for; nil leaves it to the cluster's defaults.
///
/// The names follow `sbatch(1)`.
public struct SlurmResources: Sendable, Equatable {
    /// The partition (queue).
    public var partition: String?
    /// The account that is charged.
    public var account: String?
    /// The quality of service.
    public var qos: String?
    /// The time limit of a task, such as `4:00:00` or `1-12`; minutes when it is one number.
    public var time: String?
    /// Memory of a node, such as `8G`; megabytes when it is one number.
    public var memory: String?
    /// Processors of a task.
    public var cpus: Int?
    /// How many times a task that was killed is submitted again.
    public var retries: Int?
    /// Other options of `sbatch`, such as `--gres=gpu:1`.
    public var options: [String] = []

    public init() {}

    /// These with everything that `other` states in its place; options of both.
    public func overridden(by other: SlurmResources) -> SlurmResources {
        var result = self
        result.partition = other.partition ?? partition
        result.account = other.account ?? account
        result.qos = other.qos ?? qos
        result.time = other.time ?? time
        result.memory = other.memory ?? memory
        result.cpus = other.cpus ?? cpus
        result.retries = other.retries ?? retries
        result.options = options + other.options
        return result
    }

    /// The options for `sbatch`.
    var words: [String] {
        var words: [String] = []
        for (option, value) in [
            ("partition", partition), ("account", account), ("qos", qos), ("time", time), ("mem", memory),
            ("cpus-per-task", cpus.map { "\($0)" }),
        ] {
            if let value { words.append("--\(option)=\(value)") }
        }
        return words + options
    }

    /// These as flags of `directions run`.
    var flags: [String] {
        var flags: [String] = []
        for (flag, value) in [
            ("partition", partition), ("account", account), ("qos", qos), ("time", time), ("memory", memory),
            ("cpus", cpus.map { "\($0)" }), ("retries", retries.map { "\($0)" }),
        ] {
            if let value { flags += ["--\(flag)", value] }
        }
        return flags + options.flatMap { ["--sbatch-option=\($0)"] }
    }

    /// What is wrong with a value, by its key, or nil.
    public var problem: (key: String, value: String, advice: String)? {
        for (key, name) in [("partition", partition), ("account", account), ("qos", qos)] {
            if let name, name.isEmpty || name.hasPrefix("-") || name.contains(where: \.isWhitespace) {
                return (key, name, "give one name")
            }
        }
        if let time, time.wholeMatch(of: /\d+(:\d+){0,2}|\d+-\d+(:\d+){0,2}|UNLIMITED/.ignoresCase()) == nil {
            return ("time", time, "give minutes, hours:minutes:seconds or days-hours, such as 4:00:00")
        }
        if let memory, memory.wholeMatch(of: /\d+[KMGT]?/.ignoresCase()) == nil {
            return ("memory", memory, "give megabytes, or a number with K, M, G or T, such as 8G")
        }
        if let cpus, !(1...4096).contains(cpus) { return ("cpus", "\(cpus)", "give 1 to 4096") }
        if let retries, !(0...100).contains(retries) { return ("retries", "\(retries)", "give 0 to 100") }
        for option in options {
            let name = String(option.prefix { $0 != "=" })
            if !option.hasPrefix("--") || option.count < 3 {
                return ("options", option, "write long options with `=`, such as --gres=gpu:1")
            }
            if SlurmResources.reserved.contains(name) {
                return ("options", option, "leave it out: this program sets \(name) itself")
            }
        }
        return nil
    }

    private static let reserved: Set = [
        "--array", "--chdir", "--comment", "--dependency", "--job-name", "--open-mode", "--output", "--parsable",
        "--wait", "--wrap",
    ]
}
