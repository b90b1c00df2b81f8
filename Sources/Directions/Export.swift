import Core
import Generators

/// Which generator to write in another program's layout.
public struct ExportRequest: Sendable {
    /// The generator's name in the workspace.
    public var generator: String
    /// The .pt file to write.
    public var path: String

    /// Asks for a generator in the layout of rosinality's stylegan2-pytorch.
    public init(generator: String, path: String) {
        self.generator = generator
        self.path = path
    }

    /// Checks what can be checked before anything is loaded.
    ///
    /// - Throws: ``Core/Failure`` (usage) for an empty name.
    public func validate() throws { try Session.checkName(generator) }
}

/// What ``Session/exportGenerator(_:)`` wrote.
public struct ExportResult: Sendable, Encodable {
    /// The file.
    public let path: String
    /// What the layout can't say of the network, for people; nil when it says everything.
    public let lost: String?
}

extension Session {
    /// Writes a StyleGAN2 generator in the layout of rosinality's stylegan2-pytorch, which pSp, e4e and HFGI load.
    ///
    /// - Throws: ``Core/Failure``: there is no such generator, the layout can't express it, or the file can't be written.
    @discardableResult
    public func exportGenerator(_ request: ExportRequest) throws -> ExportResult {
        try request.validate()
        let lost = try Generator.exportRosinality(folder: generatorFolder(request.generator), to: request.path)
        return ExportResult(path: request.path, lost: lost)
    }
}
