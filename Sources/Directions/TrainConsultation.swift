import Core
import EncoderTraining
import Encoders
import Faces
import Foundation
import Generators
import Inversion
import Networks
import Tensors

/// What consultation to train, on what.
public struct TrainConsultationRequest: Sendable {
    /// On what it is trained, photographs in colour, and where.
    public var run: TrainingRun
    /// The encoder whose reconstructions are completed: its name in the workspace, a file, or `shipped`.
    public var encoder = "faces"
    /// The consultation's name in the workspace; nil for the encoder's.
    public var name: String?
    /// A consultation file of the same shape to begin from, or `shipped`; nil begins anew.
    public var start: String?
    /// How it is trained.
    public var settings = ConsultationSettings()

    /// - Parameter photographs: Folders or files of aligned photographs in colour to learn from.
    public init(_ photographs: [String]) { run = TrainingRun(photographs, validationCount: 24) }

    /// The name that files get.
    var fileName: String {
        if let name { return name }
        if encoder == "shipped" { return "faces" }
        let file = (encoder as NSString).lastPathComponent
        return file.components(separatedBy: ".").first ?? file
    }

    /// Checks what can be checked before anything is loaded.
    ///
    /// - Throws: ``Core/Failure`` (usage) naming the first value out of range.
    public func validate() throws {
        try run.validate(needsPhotographs: true)
        try Session.checkName(fileName)
        try settings.validate()
    }
}

extension Session {
    /// Trains a consultation of an encoder, everything else frozen, and writes it to `models/NAME.consultation.safetensors`.
    ///
    /// A stop loses nothing: the same request with `resumes` goes on where it was.
    ///
    /// - Throws: ``Core/Failure``: a request out of range (usage), a run of this name that is there (conflict), no generator, encoder
    ///   or networks (not found), pictures that can't be read, or a stop.
    public func trainConsultation(_ request: TrainConsultationRequest) throws -> ConsultationCard {
        try request.validate()
        let run = request.run
        let generator = try generator(run.generator)
        let name = request.fileName
        let files = try begin(run, name: "\(name).consultation")
        let encoderPath = try encoderFile(request.encoder)
        var plan = ConsultationPlan(
            request.settings, name: name, photographs: files.photographs, validation: files.validation,
            folder: files.folder, encoder: try Hashing.sha256(file: encoderPath), licence: run.licence)
        if !run.resumes, let start = request.start {
            plan.start = start == "shipped" ? FaceConsultation.shippedPath ?? start : start
        }
        let losses = request.settings.losses
        let embedder = losses.id > 0 ? try FaceEmbedder(.read(workspace.identityNetwork)) : nil
        let perceptual = losses.lpips > 0 ? try perceptualNetwork() : nil
        let trainer = try ConsultationTrainer(
            plan, generator: generator, encoder: FaceEncoder(encoderPath, generator: generator, device: run.device),
            judges: .init(perceptual: perceptual, embedder: embedder), device: run.device, context: context)
        if run.resumes { try trainer.resume() }
        try trainer.run()
        let path = workspace.consultation(name)
        try AtomicFile.write(AtomicFile.read(trainer.bestPath), to: path)
        return try ConsultationFile.card(path)
    }

    /// The file of an encoder's name, a file itself, or the one that comes with the program.
    private func encoderFile(_ name: String) throws -> String {
        let path = workspace.encoder(name)
        if name != "shipped", FileManager.default.fileExists(atPath: path) { return path }
        if FileManager.default.fileExists(atPath: name), name.hasSuffix(".safetensors") { return name }
        if ["shipped", "faces"].contains(name), let shipped = FaceEncoder.shippedPath { return shipped }
        throw Failure(
            "encoder \(name)", "is not in \(workspace.models)", "train one with `directions train-encoder`",
            kind: .notFound)
    }

    /// The consultation that a generator's encoder has; nil without one, or where it was trained on other photographs.
    ///
    /// - Parameters:
    ///   - generator: Whose features are changed.
    ///   - isGrey: Whether it is for photographs without colours.
    /// - Returns: That of the workspace beside the encoder, else the one that comes with the program.
    /// - Throws: ``Core/Failure`` naming a file that is damaged.
    func consultation(for generator: Generator, isGrey: Bool) throws -> FaceConsultation? {
        guard let path = consultationPath(for: generator.identity, isGrey: isGrey) else { return nil }
        return try FaceConsultation(path, generator: generator)
    }

    /// The file of ``consultation(for:isGrey:)``.
    func consultationPath(for identity: GeneratorIdentity, isGrey: Bool) -> String? {
        guard let encoder = encoderPath(for: identity) else { return nil }
        let (folder, name) = ((encoder as NSString).deletingLastPathComponent, (encoder as NSString).lastPathComponent)
        let own = "\(folder)/\(name.replacingOccurrences(of: ".encoder.", with: ".consultation."))"
        // The program's own belongs to its own encoder, also where that was trained on under its name.
        let shipped = name == "faces.encoder.safetensors" ? FaceConsultation.shippedPath : nil
        return [own, shipped].compactMap(\.self).first { path in
            guard let card = try? ConsultationFile.card(path) else { return false }
            return card.generator == identity.sha256 && card.configuration.residual(isGrey: isGrey) != nil
        }
    }
}
