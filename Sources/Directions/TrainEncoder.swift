import Core
import EncoderTraining
import Encoders
import Faces
import Foundation
import Generators
import Networks
import Reporting
import Tensors

/// What encoder to train, on what.
public struct TrainEncoderRequest: Sendable {
    /// On what it is trained, and where; no photographs to learn from trains on generated faces alone.
    public var run: TrainingRun
    /// The encoder's name in the workspace.
    public var name = "faces"
    /// How codes are read off.
    public var kind = EncoderConfiguration.Kind.restyle
    /// The backbone's architecture, by name.
    public var backbone = "efficientnet_lite0"
    /// Pixels along a side of what the encoder sees, a multiple of 32.
    public var inputSize = 192
    /// Weights of the backbone: a file, `imagenet` or `none`; nil takes ImageNet's where there are some (EfficientNet-Lite's).
    public var weights: String?
    /// Encoder files of the same shape to begin from the mean of, or `shipped`; none begins anew.
    public var starts: [String] = []
    /// Colours that it is told besides the picture; nil for none.
    public var condition: EncoderCondition?
    /// How it is trained; what it is comes from the fields above and the generator.
    public var settings: EncoderSettings

    /// - Parameter photographs: Folders or files of aligned photographs to learn from; none trains on generated faces alone.
    public init(_ photographs: [String] = []) {
        run = TrainingRun(photographs, validationCount: 64)
        let backbone = Architecture(EfficientNetLiteConfiguration(name: backbone, inputSize: inputSize))
        settings = EncoderSettings(EncoderConfiguration(kind, backbone: backbone, rows: 18, latentSize: 512))
    }

    /// The settings for a generator.
    func settings(_ identity: GeneratorIdentity) throws -> EncoderSettings {
        var architecture = try Architecture.named(backbone)
        architecture.inputSize = inputSize
        var settings = settings
        settings.configuration = EncoderConfiguration(
            kind, backbone: architecture, rows: identity.styleGAN2Layers, latentSize: identity.latentSize)
        settings.configuration.reconstructionSize = min(128, identity.resolution)
        settings.configuration.condition = condition
        settings.imageSize = min(settings.imageSize, identity.resolution)
        if kind != .restyle { settings.passes = 1 }
        try settings.validate()
        return settings
    }

    /// Checks what can be checked before anything is loaded.
    ///
    /// - Throws: ``Core/Failure`` (usage) naming the first value out of range.
    public func validate() throws {
        try Session.checkName(name)
        guard 64...512 ~= inputSize, inputSize % 32 == 0 else {
            throw Failure("size \(inputSize)", "must be a multiple of 32 from 64 to 512", kind: .usage)
        }
        try run.validate(needsPhotographs: false)
    }
}

extension Session {
    /// Trains an encoder of a generator and writes it to `models/NAME.encoder.safetensors`.
    ///
    /// A stop loses nothing: the same request with `resumes` goes on where it was.
    ///
    /// - Throws: ``Core/Failure``: a request out of range (usage), a run of this name that is there (conflict), no generator or
    ///   networks of the losses (not found), or a stop.
    @discardableResult
    public func trainEncoder(_ request: TrainEncoderRequest) throws -> EncoderCard {
        try request.validate()
        Torch.keepFreedMemory()
        let run = request.run
        let generator = try generator(run.generator)
        let files = try begin(run, name: "\(request.name).encoder")
        let settings = try request.settings(generator.identity)
        var plan = EncoderPlan(
            settings, name: request.name, photographs: files.photographs, validation: files.validation,
            folder: files.folder, backboneWeights: nil, licence: run.licence)
        if !run.resumes {
            plan.starts = request.starts.map { $0 == "shipped" ? FaceEncoder.shippedPath ?? $0 : $0 }
            if plan.starts.isEmpty {
                plan.backboneWeights = try backboneWeights(request.weights, of: request.backbone)
            }
        }
        let embedder = settings.losses.id > 0 ? try FaceEmbedder(.read(workspace.identityNetwork)) : nil
        let perceptual =
            settings.losses.lpips > 0
            ? try perceptualNetwork(settings.perceptual ?? .alexnet, device: run.device) : nil
        let trainer = try EncoderTrainer(
            plan, generator: generator, judges: .init(perceptual: perceptual, embedder: embedder),
            device: run.device, context: context)
        trainer.validated = { try AtomicFile.write(Session.curves(of: $0), to: "\(files.folder)/curve.svg") }
        if run.resumes { try trainer.resume() }
        try trainer.run()
        let path = workspace.encoder(request.name)
        try AtomicFile.write(AtomicFile.read("\(files.folder)/best.encoder.safetensors"), to: path)
        return try EncoderFile.read(path).card
    }

    /// Loss and figures of a run over its steps, as a picture of two plots.
    static func curves(of records: [EncoderRecord]) -> String {
        func curve(_ name: String, _ value: (EncoderRecord) -> Double) -> Plots.Curve {
            Plots.Curve(
                name: name,
                points: records.map { (x: Double($0.step), y: value($0), low: value($0), high: value($0)) })
        }
        let figures = [
            curve("L2", \.l2), curve("LPIPS", \.lpips), curve("L2, grey", \.greyL2), curve("LPIPS, grey", \.greyLPIPS),
        ]
        let plots = [
            Plots.curves([curve("loss", \.loss)], x: "step", y: "loss", title: "Loss"),
            Plots.curves(figures, x: "step", y: "distance", title: "Validation"),
        ]
        let shifted = plots.enumerated().map { "<g transform=\"translate(0 \(250 * $0.offset))\">\($0.element)</g>" }
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"470\" height=\"500\">\(shifted.joined())</svg>\n"
    }
}
