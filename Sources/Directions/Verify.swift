import Core
import DirectionFiles
import Foundation
import Generators

/// Which files to check.
public struct VerifyRequest: Sendable {
    /// Packs (folder or .zip, also by their names in the workspace), direction files, or names; all directions of the
    /// workspace when empty.
    public var items: [String]
    /// The generator that directions must belong to, by its name in the workspace; nil for any.
    public var generator: String?
    /// Whether directions of known attributes are tried on a few faces.
    public var isMeasured: Bool

    /// Asks whether files are as they were written.
    public init(_ items: [String] = [], generator: String? = nil, isMeasured: Bool = false) {
        self.items = items
        self.generator = generator
        self.isMeasured = isMeasured
    }
}

/// What checking one item found.
public struct VerifyResult: Sendable, Encodable {
    /// The item, as it was named.
    public let item: String
    /// What is wrong with it; empty when all is well.
    public internal(set) var problems: [String]
    /// What was measured, a line a direction; empty where nothing was asked for.
    public internal(set) var measurements: [String] = []
}

extension Session {
    /// Checks direction files and packs: checksums, unit length, matching generator; on request what directions do.
    ///
    /// - Returns: A result an item, in their order.
    /// - Throws: ``Core/Failure`` when the generator that is named is not there, or a stop; damaged items are results, not
    ///   failures.
    public func verify(_ request: VerifyRequest = .init()) throws -> [VerifyResult] {
        let identity = try request.generator.map { try generatorIdentity($0) }
        let all = directionVersions().flatMap { direction in
            direction.versions.map { "\(direction.attribute)@v\($0)" }
        }
        var meters: [String: ResponseMeter] = [:]
        return try (request.items.isEmpty ? all : request.items).map { item in
            try context.check()
            var result = VerifyResult(item: item, problems: [])
            do {
                let files = try sound(item, identity: identity, problems: &result.problems)
                guard request.isMeasured else { return result }
                for file in files { try measure(file, &meters, &result) }
            } catch let failure as Failure where failure.kind != .cancelled {
                result.problems.append("\(failure)")
            }
            return result
        }
    }

    /// The directions of an item, once they are found sound.
    private func sound(
        _ item: String, identity: GeneratorIdentity?, problems: inout [String]
    ) throws -> [DirectionFile] {
        if let pack = try packPath(item) {
            problems = DirectionPack.problems(at: pack).map(\.description)
            guard problems.isEmpty else { return [] }
            let files = try DirectionPack(at: pack).directions()
            if let identity {
                for file in files { try file.requireGenerator(sha256: identity.sha256, name: identity.name) }
            }
            return files
        }
        let file = try identity.map { try library(of: $0).load(item) } ?? newest(item, generator: nil)
        if let identity { try file.requireGenerator(sha256: identity.sha256, name: identity.name) }
        return [file]
    }

    /// Where the pack of a path, or of a name in the workspace, lies; nil for what is no pack.
    private func packPath(_ item: String) throws -> String? {
        func isPack(_ path: String) -> Bool {
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
                && (isFolder.boolValue || path.hasSuffix(".zip"))
        }
        if isPack(item) { return item }
        if !library.versions(of: Attribute.normalised(item)).isEmpty { return nil }
        let places = ["\(workspace.path)/\(item)", "\(workspace.packs)/\(item)", "\(workspace.packs)/\(item).zip"]
        if let found = places.first(where: isPack) { return found }
        guard item.hasSuffix(".zip") else { return nil }
        let name = ((item as NSString).lastPathComponent as NSString).deletingPathExtension
        let packs = ((try? FileManager.default.contentsOfDirectory(atPath: workspace.packs)) ?? []).sorted()
        throw Failure(
            item, "is not there",
            isPack("\(workspace.packs)/\(name)")
                ? "its folder is: name it as \(name), or write the archive with `directions pack [name \(name)] [zip]`"
                : "packs of the workspace are \(packs.isEmpty ? "none" : packs.joined(separator: ", ")); make one with "
                    + "`directions pack [name \(name)] [zip]`", kind: .notFound)
    }

    /// Tries a direction on a few faces of the generator that it belongs to.
    private func measure(
        _ file: DirectionFile, _ meters: inout [String: ResponseMeter], _ result: inout VerifyResult
    ) throws {
        let stored = file.metadata.response
        guard let subject = ResponseSubject(file) else {
            result.measurements.append("\(file.label): not measured: \(file.attribute) is no attribute that is known")
            return
        }
        let name = try ownerName(of: file)
        if meters[name] == nil {
            meters[name] = try ResponseMeter(generator(name), judge: classifier(nil), context: context)
        }
        guard let found = try meters[name]?.response(of: file, attribute: subject.attribute) else { return }
        let before = stored.map { "; at its import \($0.perSigma)" } ?? ""
        result.measurements.append("\(file.label): \(found.summary)\(before)")
        if let problem = found.problem(isLowered: subject.isLowered) {
            result.problems.append("\(file.label): \(problem)")
        }
    }

    /// The name in the workspace of the generator that a direction belongs to.
    private func ownerName(of file: DirectionFile) throws -> String {
        guard let own = file.metadata.generator, !own.sha256.isEmpty else { return "default" }
        guard let name = generatorNames.first(where: { (try? generatorIdentity($0).sha256) == own.sha256 }) else {
            throw Failure(
                file.label, "can't be measured: its generator \(own.name) (\(own.sha256.prefix(12))…) is not here",
                "import it with `directions import`", kind: .notFound)
        }
        return name
    }
}
