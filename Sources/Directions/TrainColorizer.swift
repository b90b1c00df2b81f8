import ColourNetworks
import Core
import EncoderTraining
import Foundation
import Tensors

/// What colouriser to train, on what.
public struct TrainColorizerRequest: Sendable {
    /// On what it is trained, photographs in colour, and where; the generator is for settings that ask for generated faces.
    public var run: TrainingRun
    /// The colouriser's name in the workspace.
    public var name = "faces"
    /// The backbone's architecture, by name.
    public var backbone = "efficientnet_lite0"
    /// Weights of the backbone: a file, `imagenet` or `none`; nil takes ImageNet's where there are some (EfficientNet-Lite's).
    public var weights: String?
    /// A colouriser to begin from, whatever its input size: its name in the workspace, a file, or `shipped`; nil begins anew.
    public var start: String?
    /// How it is trained.
    public var settings = ColourSettings()

    /// - Parameter photographs: Folders or files of aligned photographs in colour to learn from.
    public init(_ photographs: [String]) { run = TrainingRun(photographs, validationCount: 48) }

    /// Checks what can be checked before anything is loaded.
    ///
    /// - Throws: ``Core/Failure`` (usage) naming the first value out of range.
    public func validate() throws {
        try run.validate(needsPhotographs: true)
        try Session.checkName(name)
        try settings.validate()
    }
}

extension Session {
    /// Trains a network that colours grey faces and writes it to `models/NAME.colorizer.safetensors`.
    ///
    /// A stop loses nothing: the same request with `resumes` goes on where it was.
    ///
    /// - Throws: ``Core/Failure``: a request out of range (usage), a run of this name that is there (conflict), pictures that can't be
    ///   read, or a stop.
    public func trainColorizer(_ request: TrainColorizerRequest) throws -> ColourCard {
        try request.validate()
        let run = request.run
        let files = try begin(run, name: "\(request.name).colorizer")
        var plan = ColourPlan(
            request.settings, name: request.name, photographs: files.photographs, validation: files.validation,
            folder: files.folder, backboneWeights: nil, licence: run.licence)
        if !run.resumes, request.start == nil {
            plan.backboneWeights = try backboneWeights(request.weights, of: request.backbone)
        }
        plan.backbone = request.backbone
        plan.start = try request.start.map(colorizerFile)
        let generator = request.settings.generated > 0 ? try generator(run.generator) : nil
        let trainer = try ColourTrainer(plan, generator: generator, device: run.device, context: context)
        if run.resumes { try trainer.resume() }
        try trainer.run()
        let path = workspace.colorizer(request.name)
        try AtomicFile.write(AtomicFile.read(trainer.bestPath), to: path)
        return try ColourFile.read(path).card
    }

    /// The file of a colouriser's name, a file itself, or the one that comes with the program.
    private func colorizerFile(_ name: String) throws -> String {
        if name == "shipped", let shipped = FaceColours.shippedPath { return shipped }
        let path = workspace.colorizer(name)
        if FileManager.default.fileExists(atPath: path) { return path }
        if FileManager.default.fileExists(atPath: name) { return name }
        throw Failure(
            "colouriser \(name)", "is not in \(workspace.models)", "train one with `directions train-colorizer`",
            kind: .notFound)
    }

    /// The network that colours faces: one of the workspace, else the one that comes with the program; nil without one.
    ///
    /// - Throws: ``Core/Failure`` naming a file that is damaged.
    func faceColours() throws -> FaceColours? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: workspace.models)) ?? []
        let own = names.filter { $0.hasSuffix(".colorizer.safetensors") }.sorted().map { "\(workspace.models)/\($0)" }
        return try (own + [FaceColours.shippedPath].compactMap(\.self)).first.map { try FaceColours($0) }
    }
}
