import Core
import Encoders
import Foundation
import Images
import Networks
import Objectives
import Tensors
import Weights

/// What a validation measured.
public struct EncoderRecord: Sendable, Codable, Equatable {
    /// Steps that were made.
    public var step: Int
    /// The mean loss since the last validation.
    public var loss: Double
    /// L2 and LPIPS (0 without its network) at 256² of colour photographs.
    public var l2: Double
    public var lpips: Double
    /// The same of grey photographs, against their colours.
    public var greyL2: Double
    public var greyLPIPS: Double
    /// Passes over the photographs that were made; nil where there are none.
    public var epoch: Double?
}

extension EncoderTrainer {
    static let (format, kind) = ("directions.encoder-checkpoint", "an encoder")

    var identity: [String: String] {
        get throws { ["settings": try TrainingState.encode(settings), "generator": generator.identity.sha256] }
    }

    /// The best encoder so far.
    public var bestPath: String { "\(plan.folder)/best.encoder.safetensors" }

    /// What validations measured so far.
    public var records: [EncoderRecord] { position.history }

    /// Goes back to where the checkpoint in the folder stands.
    ///
    /// Steps, rates and what the losses count may have changed since; the network's shape and the generator may not.
    ///
    /// - Throws: ``Core/Failure`` when the file is damaged, of another kind, or of another network or generator (conflict).
    public func resume() throws {
        let file = try checkpoint()
        let before = try saved(EncoderSettings.self, "settings", in: file)
        guard before.configuration == settings.configuration, before.seed == settings.seed,
            file.metadata["generator"] == generator.identity.sha256
        else { throw foreign("network, seed or generator") }
        try restore(file)
    }

    /// Measures the running average on the validation photographs, and keeps it where it is the best so far.
    func validate() throws {
        var record = EncoderRecord(
            step: position.step, loss: takeLoss(), l2: 0, lpips: 0, greyL2: 0, greyLPIPS: 0, epoch: epoch)
        if !plan.validation.isEmpty {
            let encoder = try FaceEncoder(
                card: card(), network: copy(), coordinates: coordinates, synthesizer: synthesizer)
            (record.l2, record.lpips) = try figures(encoder, isGrey: false)
            (record.greyL2, record.greyLPIPS) = try figures(encoder, isGrey: true)
        }
        try note(record, score: score(record)) {
            try EncoderFile.write(card(), weights: average.state(), coordinates: coordinates, to: bestPath)
        }
        try validated?(position.history)
        context.notice(
            String(
                format: "step %d: loss %.4f; colour L2 %.4f, LPIPS %.4f; grey L2 %.4f, LPIPS %.4f", record.step,
                record.loss, record.l2, record.lpips, record.greyL2, record.greyLPIPS))
    }

    /// The running average as a network of its own.
    func copy() throws -> sending EncoderNetwork {
        let result = try EncoderNetwork(settings.configuration, seed: nil, device: device)
        try result.load(average.state(), from: plan.folder)
        return result
    }

    private func figures(_ encoder: FaceEncoder, isGrey: Bool) throws -> (l2: Double, lpips: Double) {
        var (l2, lpips) = (0.0, 0.0)
        let size = generator.size(256)
        for start in stride(from: 0, to: plan.validation.count, by: 8) {
            try context.check()
            let files = plan.validation[start..<min(plan.validation.count, start + 8)]
            let faces = ImageBatch(try files.map { try Image.read($0).centredSquare(size: size) }, side: size)
            let told = settings.configuration.condition?.values(of: faces)
            let codes = try encoder.codes(of: isGrey ? faces.grey() : faces, told: told)
            var (images, targets) = (try synthesizer.synthesize(codes, size: size, noise: .none), faces)
            if settings.target == .grey { (images, targets) = (images.grey(), faces.grey()) }
            l2 += try PixelLoss(targets: targets, side: size).evaluate(images).total
            if let perceptual = judges.perceptual {
                lpips += try LPIPS(perceptual, targets: targets).distances(images).reduce(0) { $0 + Double($1) }
            }
        }
        return (l2 / Double(plan.validation.count), lpips / Double(plan.validation.count))
    }

    /// Whether an encoder's file says that it was trained to show greys alone.
    ///
    /// - Parameter path: The file.
    /// - Returns: False as well for files that can't be read, and those that other programs made.
    public static func isOfGreys(_ path: String) -> Bool {
        guard let settings = (try? EncoderFile.card(path))?.training["settings"] else { return false }
        return (try? TrainingState.decode(EncoderSettings.self, settings, path))?.target == .grey
    }

    /// What an encoder of the run says of itself.
    func card() -> EncoderCard {
        var card = EncoderCard(
            name: plan.name, configuration: settings.configuration, generator: generator.identity.sha256,
            generatorName: generator.identity.name)
        card.training = [
            "steps": "\(position.step)", "settings": (try? TrainingState.encode(settings)) ?? "",
            "photographs": "\(plan.photographs.count)",
        ]
        if let last = position.history.last {
            card.figures = [
                "validation L2": last.l2, "validation LPIPS": last.lpips, "validation L2, grey": last.greyL2,
                "validation LPIPS, grey": last.greyLPIPS,
            ]
        }
        card.licence = plan.licence
        return card
    }

}
