import Core
import Foundation
import Yams

/// What is known of finished stages: a YAML file beside the pipeline's, sorted, so that equal states are equal bytes.
public struct LockFile: Sendable, Equatable {
    /// One finished stage.
    public struct Entry: Codable, Sendable, Equatable {
        /// The words it ran.
        public var command: String
        /// SHA-256 over the command, the inputs and the fingerprints of the stages before it.
        public var fingerprint: String
        /// Path → SHA-256 of what it read.
        public var inputs: [String: String]
        /// Path or SQL → SHA-256 of what it left.
        public var outputs: [String: String]
    }

    private struct Document: Codable {
        var version: Int
        var stages: [String: Entry]
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
        do {
            let document = try YAMLDecoder().decode(Document.self, from: text)
            guard document.version == 1 else {
                throw Failure(path, "has lock version \(document.version), this program knows 1", advice)
            }
            var lock = LockFile()
            lock.stages = document.stages
            return lock
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(path, "is not a lock file of this program", advice)
        }
    }

    /// Writes the lock whole or not at all.
    ///
    /// - Throws: ``Failure`` naming the file.
    public func write(to path: String) throws {
        let encoder = YAMLEncoder()
        encoder.options.sortKeys = true
        encoder.options.width = -1
        let note =
            "# Written by `directions run`. Deleting it is safe: stages run again and find their own finished work.\n"
        try AtomicFile.write(note + encoder.encode(Document(version: 1, stages: stages)), to: path)
    }
}
