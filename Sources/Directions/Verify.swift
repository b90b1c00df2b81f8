import Core
import DirectionFiles
import Foundation
import Generators

/// Which files to check.
public struct VerifyRequest: Sendable {
    /// Packs (folder or .zip), direction files, or names; all directions of the workspace when empty.
    public var items: [String]
    /// The generator that directions must belong to, by its name in the workspace; nil for any.
    public var generator: String?

    /// Asks whether files are as they were written.
    public init(_ items: [String] = [], generator: String? = nil) {
        self.items = items
        self.generator = generator
    }
}

/// What checking one item found.
public struct VerifyResult: Sendable, Encodable {
    /// The item, as it was named.
    public let item: String
    /// What is wrong with it; empty when all is well.
    public let problems: [String]
}

extension Session {
    /// Checks direction files and packs: checksums, unit length, matching generator.
    ///
    /// - Returns: A result an item, in their order.
    /// - Throws: ``Core/Failure`` when the generator that is named is not there; damaged items are results, not failures.
    public func verify(_ request: VerifyRequest = .init()) throws -> [VerifyResult] {
        let identity = try request.generator.map { try generatorIdentity($0) }
        let all = directionVersions().flatMap { direction in
            direction.versions.map { "\(direction.attribute)@v\($0)" }
        }
        return (request.items.isEmpty ? all : request.items).map {
            VerifyResult(item: $0, problems: problems($0, identity: identity))
        }
    }

    private func problems(_ item: String, identity: GeneratorIdentity?) -> [String] {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: item, isDirectory: &isFolder)
        if exists, isFolder.boolValue || item.hasSuffix(".zip") {
            return DirectionPack.problems(at: item).map(\.description)
        }
        do {
            let file = try identity.map { try library(of: $0).load(item) } ?? newest(item, generator: nil)
            if let identity { try file.requireGenerator(sha256: identity.sha256, name: identity.name) }
            return []
        } catch {
            return ["\(error)"]
        }
    }
}
