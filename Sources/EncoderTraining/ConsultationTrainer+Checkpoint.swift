import Core
import Encoders
import Foundation
import Images
import Networks
import Objectives
import Tensors
import Weights

/// What a validation of a consultation measured.
public struct ConsultationRecord: Sendable, Codable, Equatable {
    /// L2 and LPIPS (0 without its network) of faces against the photographs in colour.
    public struct Figures: Sendable, Codable, Equatable {
        public var l2 = 0.0
        public var lpips = 0.0
    }

    /// Steps that were made.
    public var step: Int
    /// The mean loss since the last validation.
    public var loss: Double
    /// Of each residual's name, and `plain …`: the same without the consultation.
    public var figures: [String: Figures]
    /// The mean difference of residuals seen askew from those that they are to become, before the alignment and after it.
    public var askew: Double
    public var aligned: Double
}

extension ConsultationTrainer {
    static let (format, kind) = ("directions.consultation-checkpoint", "a consultation")

    var identity: [String: String] {
        get throws {
            [
                "settings": try TrainingState.encode(settings),
                "configuration": try TrainingState.encode(configuration), "generator": generator.identity.sha256,
                "encoder": plan.encoder,
            ]
        }
    }

    /// The best consultation so far.
    public var bestPath: String { "\(plan.folder)/best.consultation.safetensors" }

    /// What validations measured so far.
    public var records: [ConsultationRecord] { position.history }

    /// Goes back to where the checkpoint in the folder stands.
    ///
    /// Steps, rates and what the losses count may have changed since; the network's shape, the seed and the generator may not. The
    /// encoder may have been trained on: then codes are found anew.
    ///
    /// - Throws: ``Core/Failure`` when the file is damaged, of another kind, or of another network or generator (conflict).
    public func resume() throws {
        let file = try checkpoint()
        let before = try saved(ConsultationSettings.self, "settings", in: file)
        guard try saved(ConsultationConfiguration.self, "configuration", in: file) == configuration,
            before.seed == settings.seed, file.metadata["generator"] == generator.identity.sha256
        else { throw foreign("network, seed or generator") }
        try restore(file)
        if file.metadata["encoder"] != plan.encoder {
            context.notice("train-consultation: the encoder is another than before; codes are found anew")
            position.best = .infinity
        }
    }

    /// Measures the running average on the validation photographs, and keeps it where it is the best so far.
    func validate() throws {
        var record = ConsultationRecord(
            step: position.step, loss: takeLoss(), figures: [:], askew: 0, aligned: 0)
        var score = record.loss
        if let cache = validationCodes {
            let consultation = try FaceConsultation(card: card(), network: copy(), synthesizer: synthesizer)
            for residual in settings.residuals { try measure(consultation, residual, cache, &record) }
            (record.askew, record.aligned) = try alignment(cache)
            let figures = settings.residuals.compactMap { record.figures[$0.rawValue] }
            score = figures.reduce(0) { $0 + $1.l2 + $1.lpips } / Double(figures.count) + 0.1 * record.aligned
        }
        try note(record, score: score) { try ConsultationFile.write(card(), weights: average.state(), to: bestPath) }
        let texts = record.figures.sorted { $0.key < $1.key }.map { name, found in
            String(format: "%@ L2 %.4f, LPIPS %.4f", name, found.l2, found.lpips)
        }
        context.notice(
            String(format: "step %d: loss %.4f; ", record.step, record.loss) + texts.joined(separator: "; ")
                + String(format: "; askew %.4f, aligned %.4f", record.askew, record.aligned))
    }

    /// The running average as a network of its own.
    private func copy() throws -> sending ConsultationNetwork {
        let result = try ConsultationNetwork(configuration, seed: nil, device: device)
        try result.load(average.state(), from: plan.folder)
        return result
    }

    /// L2 and LPIPS with the consultation and without.
    private func measure(
        _ consultation: FaceConsultation, _ residual: ConsultationConfiguration.Residual, _ cache: CodeCache,
        _ record: inout ConsultationRecord
    ) throws {
        var (consulted, plain) = (ConsultationRecord.Figures(), ConsultationRecord.Figures())
        let share = 1 / Double(plan.validation.count)
        for start in stride(from: 0, to: plan.validation.count, by: 4) {
            try context.check()
            let indices = Array(start..<min(plan.validation.count, start + 4))
            let sample = try sample(indices, of: cache, residuals: indices.map { _ in residual })
            let change = try consultation.change(sample.distortion, onto: nil)
            let images = try synthesizer.synthesize(
                sample.codes, size: configuration.size, noise: .none, change: change)
            let perceptual = try judges.perceptual.map { try LPIPS($0, targets: sample.targets) }
            func add(_ found: ImageBatch, to figures: inout ConsultationRecord.Figures) throws {
                let loss = PixelLoss(targets: sample.targets, side: configuration.size)
                figures.l2 += share * (try loss.evaluate(found).total)
                let distances = try perceptual?.distances(found) ?? []
                figures.lpips += share * distances.reduce(0) { $0 + Double($1) }
            }
            try add(images, to: &consulted)
            try add(sample.reconstructions, to: &plain)
        }
        record.figures[residual.rawValue] = consulted
        record.figures["plain \(residual.rawValue)"] = plain
    }

    /// How far residuals seen askew are from what they are to become, before the alignment and after it.
    private func alignment(_ cache: CodeCache) throws -> (askew: Double, aligned: Double) {
        var random = CounterRandom(seed: settings.seed, domain: 0x10C)
        var (askew, aligned) = (0.0, 0.0)
        let indices = Array(0..<min(8, plan.validation.count))
        for index in indices {
            let residual = settings.residuals[index % settings.residuals.count]
            let sample = try sample([index], of: cache, residuals: [residual])
            let warp = PerspectiveWarp(distortion: settings.distortion, random: &random)
            let seen = ImageBatch(
                warp.applied(to: sample.distortion.planes, side: configuration.size), side: configuration.size)
            func difference(_ planes: [Float]) -> Double {
                zip(planes, sample.distortion.planes).reduce(0) { $0 + Double(abs($1.0 - $1.1)) }
                    / Double(planes.count)
            }
            askew += difference(seen.planes)
            let found = try Torch.withoutGradients {
                try average.aligned(tensor(seen), to: tensor(sample.reconstructions)).to(device: .cpu).contiguous()
                    .floats()
            }
            aligned += difference(found)
        }
        return (askew / Double(indices.count), aligned / Double(indices.count))
    }

    /// What a consultation of the run says of itself.
    func card() -> ConsultationCard {
        var card = ConsultationCard(
            name: plan.name, configuration: configuration, generator: generator.identity.sha256,
            generatorName: generator.identity.name, encoder: plan.encoder)
        card.training = [
            "steps": "\(position.step)", "settings": (try? TrainingState.encode(settings)) ?? "",
            "photographs": "\(plan.photographs.count)",
        ]
        for (name, found) in position.history.last?.figures ?? [:] {
            card.figures["validation L2, \(name)"] = found.l2
            card.figures["validation LPIPS, \(name)"] = found.lpips
        }
        card.licence = plan.licence
        return card
    }
}
