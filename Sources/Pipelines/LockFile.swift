import Core
import Foundation

/// What is known of finished stages: a YAML file beside the pipeline's, sorted, so that equal states are equal bytes.
public struct LockFile: Sendable, Equatable {
    /// One finished stage.
    public struct Entry: Sendable, Equatable {
        /// The words it ran.
        public var command: String
        /// SHA-256 over the command, the inputs and the fingerprints of the stages before it.
        public var fingerprint: String
        /// Path → SHA-256 of what it read.
        public var inputs: [String: String]
        /// Path or SQL → SHA-256 of what it left.
        public var outputs: [String: String]

        public init(command: String, fingerprint: String, inputs: [String: String], outputs: [String: String]) {
            self.command = command
            self.fingerprint = fingerprint
            self.inputs = inputs
            self.outputs = outputs
        }
    }

    /// Finished stages by name.
    public var stages: [String: Entry] = [:]

    public init() {}

    /// The lock's path for a pipeline file: `faces.yaml` → `faces.lock`.
    public static func path(for pipeline: String) -> String {
        (pipeline as NSString).deletingPathExtension + ".lock"
    }

    /// Reads a lock file; one that does not exist is empty.
    ///
    /// - Throws: ``Failure`` naming the file when it can't be understood.
    public static func read(_ path: String) throws -> LockFile {
        guard FileManager.default.fileExists(atPath: path) else { return LockFile() }
        let text = String(decoding: try AtomicFile.read(path), as: UTF8.self)
        let advice = "delete it; the stages then run again and find their own finished work"
        let top = (try? YAMLNode.parse(text, name: path)).flatMap { $0.fields }
        guard let top, let version = top["version"]?.scalar.flatMap({ Int($0) }), let stages = top["stages"]?.fields
        else { throw Failure(path, "is not a lock file of this program", advice) }
        guard version == 1 else { throw Failure(path, "has lock version \(version), this program knows 1", advice) }
        var lock = LockFile()
        for (name, node) in stages {
            guard let entry = Entry(node) else {
                throw Failure("\(path):\(node.line)", "is not a stage of a lock file of this program", advice)
            }
            lock.stages[name] = entry
        }
        return lock
    }

    /// Writes the lock whole or not at all.
    ///
    /// - Throws: ``Failure`` naming the file.
    public func write(to path: String) throws {
        let note =
            "# Written by `directions run`. Deleting it is safe: stages run again and find their own finished work.\n"
        try AtomicFile.write(
            note + YAMLText.lines(["version": .integer(1), "stages": .mapping(stages.mapValues(\.text))]), to: path)
    }
}

extension LockFile.Entry {
    /// What a lock file says of a stage; nil where it says something else.
    fileprivate init?(_ node: YAMLNode) {
        guard let fields = node.fields, let command = fields["command"]?.scalar,
            let fingerprint = fields["fingerprint"]?.scalar, let inputs = fields["inputs"]?.texts,
            let outputs = fields["outputs"]?.texts
        else { return nil }
        self.init(command: command, fingerprint: fingerprint, inputs: inputs, outputs: outputs)
    }

    fileprivate var text: YAMLText.Value {
        .mapping([
            "command": .text(command), "fingerprint": .text(fingerprint),
            "inputs": .mapping(inputs.mapValues { .text($0) }), "outputs": .mapping(outputs.mapValues { .text($0) }),
        ])
    }
}

extension YAMLNode {
    /// A mapping's values by their keys; nil for other values.
    fileprivate var fields: [String: YAMLNode]? {
        mapping.map { pairs in
            Dictionary(pairs.map { ($0.key.scalar ?? "", $0.value) }, uniquingKeysWith: { first, _ in first })
        }
    }

    /// A mapping of texts; nil for other values.
    fileprivate var texts: [String: String]? {
        guard let fields else { return nil }
        let texts = fields.compactMapValues(\.scalar)
        return texts.count == fields.count ? texts : nil
    }
}
