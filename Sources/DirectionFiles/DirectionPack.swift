import Core
import Foundation
import Weights

/// A set of directions to hand on: a folder, or one `.zip`, of a manifest, direction files, previews and a model card.
public struct DirectionPack: Sendable {
    /// What is in it.
    public let manifest: PackManifest
    /// Every file but the manifest, by path.
    public let files: [String: Data]

    /// The most bytes of all files of a pack together.
    public static let maximumBytes = 256 << 20

    /// Makes a pack.
    ///
    /// - Parameters:
    ///   - name: What it is called.
    ///   - directions: At least one, all of one generator.
    ///   - previews: PNG files by direction label (`eyeglasses@v2`).
    ///   - metrics: JSON files of measurements by direction label.
    ///   - generator: The generator they belong to.
    ///   - licence: What may be done with the pack.
    ///   - created: ISO 8601 date for the manifest.
    ///   - measurements: A section of the model card, in Markdown.
    ///   - hints: A paragraph of the model card on how to use the directions, in Markdown.
    /// - Throws: `Failure` (usage) when there is no direction, one stands in it twice, or one belongs to another generator.
    public init(
        name: String, directions: [DirectionFile], previews: [String: Data] = [:], metrics: [String: Data] = [:],
        generator: PackManifest.Generator, licence: String, created: String, measurements: String = "",
        hints: String = ""
    ) throws {
        try DirectionFile.checkName(name)
        guard !directions.isEmpty else {
            throw Failure(name, "would be an empty pack", "fit some directions first", kind: .usage)
        }
        guard Set(directions.map(\.attribute)).count == directions.count else {
            throw Failure(name, "would hold two directions of one attribute", "name one version of each", kind: .usage)
        }
        var files: [String: Data] = [:]
        var contents: [PackManifest.Item] = []
        func add(_ path: String, _ kind: PackManifest.Kind, _ data: Data, _ direction: DirectionFile?) {
            files[path] = data
            contents.append(
                PackManifest.Item(
                    path: path, kind: kind, bytes: data.count, sha256: Hashing.sha256(data),
                    attribute: direction?.attribute, version: direction?.version))
        }
        for direction in directions {
            try direction.requireGenerator(sha256: generator.sha256, name: generator.name)
            let stem = "\(direction.attribute)/v\(direction.version)"
            add(stem + ".safetensors", .direction, try direction.encoded(), direction)
            if let data = metrics[direction.label] { add(stem + ".metrics.json", .metrics, data, direction) }
            if let data = previews[direction.label] {
                add("previews/\(direction.attribute).png", .preview, data, direction)
            }
        }
        let card = ModelCard(
            name: name, directions: directions, hasPreview: { previews[$0.label] != nil }, generator: generator,
            licence: licence, created: created, measurements: measurements, hints: hints)
        add("README.md", .card, Data(card.text.utf8), nil)
        contents.sort { $0.path < $1.path }
        manifest = PackManifest(
            name: name, created: created, program: "directions \(Version.current)", licence: licence,
            generator: generator, contents: contents)
        self.files = files
    }

    /// Reads a pack and checks all of it.
    ///
    /// - Parameter path: The folder, or the `.zip`.
    /// - Throws: `Failure` with the first of ``problems(at:)``.
    public init(at path: String) throws {
        let source = try PackSource(path)
        manifest = try PackManifest.decode(source.manifest(), name: source.name(PackManifest.fileName))
        var files: [String: Data] = [:]
        if let problem = try source.structureProblems(manifest).first { throw problem }
        for item in manifest.contents { files[item.path] = try source.checked(item) }
        self.files = files
        _ = try directions()
    }

    /// The directions, in the manifest's order.
    ///
    /// - Throws: `Failure` naming the file that is no sound direction, not the one that the manifest says, or of another generator
    ///   than the manifest's.
    public func directions() throws -> [DirectionFile] {
        try manifest.contents.filter { $0.kind == .direction }.map { item in
            guard let data = files[item.path] else { throw Failure(item.path, "is missing", "get the pack again") }
            return try DirectionPack.direction(item, data, of: manifest)
        }
    }

    private static func direction(
        _ item: PackManifest.Item, _ data: Data, of manifest: PackManifest
    ) throws -> DirectionFile {
        let file = try DirectionFile.decode(data, name: item.path)
        guard file.attribute == item.attribute, file.version == item.version else {
            throw Failure(item.path, "says it is \(file.label)", "the manifest says otherwise; get the pack again")
        }
        guard file.metadata.generator?.sha256 == manifest.generator.sha256 else {
            throw Failure(
                item.path, "belongs to another generator than \(manifest.generator.name), which the manifest names",
                "the pack was put together wrongly, or changed; get it again")
        }
        return file
    }

    /// Everything that is wrong with a pack: damaged, missing and foreign files, wrong checksums, unsound directions,
    /// directions of another generator than the manifest's.
    ///
    /// Empty when it is as it was written, to the bit.
    public static func problems(at path: String) -> [Failure] {
        func caught(_ error: any Error) -> Failure { error as? Failure ?? Failure(path, "\(error)") }
        do {
            let source = try PackSource(path)
            let manifest = try PackManifest.decode(source.manifest(), name: source.name(PackManifest.fileName))
            var problems = try source.structureProblems(manifest)
            for item in manifest.contents {
                do {
                    let data = try source.checked(item)
                    guard item.kind == .direction else { continue }
                    _ = try direction(item, data, of: manifest)
                } catch { problems.append(caught(error)) }
            }
            return problems
        } catch { return [caught(error)] }
    }
}

// MARK: - Writing

extension DirectionPack {
    /// Writes the pack as a folder, whole or not at all; a pack that was there before is replaced.
    ///
    /// - Throws: `Failure` naming what can't be written, or a folder in the way that is no pack.
    public func write(folder: String) throws {
        let manager = FileManager.default
        if manager.fileExists(atPath: folder), !manager.fileExists(atPath: "\(folder)/\(PackManifest.fileName)") {
            throw Failure(folder, "exists and is no pack", "choose another name, or remove it", kind: .conflict)
        }
        let mark = "\(getpid()).\(UInt32.random(in: 0 ... .max))"
        let (fresh, old) = ("\(folder).\(mark).tmp", "\(folder).\(mark).old")
        defer { for path in [fresh, old] { try? manager.removeItem(atPath: path) } }
        for (path, data) in files { try AtomicFile.write(data, to: "\(fresh)/\(path)") }
        try AtomicFile.write(manifest.encoded(), to: "\(fresh)/\(PackManifest.fileName)")
        let replaces = rename(folder, old) == 0
        guard rename(fresh, folder) == 0 else {
            let failure = AtomicFile.systemFailure(folder, "cannot be written")
            if replaces { rename(old, folder) }
            throw failure
        }
    }

    /// Writes the pack as one `.zip`, whole or not at all.
    ///
    /// - Throws: `Failure` naming the file.
    public func write(zip path: String) throws {
        try AtomicFile.write(try DirectionPack.archive(manifest, files: files), to: path)
    }

    /// The bytes of a pack's archive, which its contents determine.
    static func archive(_ manifest: PackManifest, files: [String: Data]) throws -> Data {
        var writer = ZipWriter()
        try writer.add(name: PackManifest.fileName, manifest.encoded())
        for item in manifest.contents { try writer.add(name: item.path, files[item.path] ?? Data()) }
        return writer.finish()
    }
}
