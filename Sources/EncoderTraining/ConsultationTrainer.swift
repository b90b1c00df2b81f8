import Core
import Encoders
import Faces
import Foundation
import Generators
import Images
import Inversion
import Latents
import Networks
import Objectives
import Tensors

/// What a consultation is trained with and on.
public struct ConsultationPlan: Sendable {
    /// How it is trained.
    public var settings: ConsultationSettings
    /// Its name, which is its encoder's.
    public var name: String
    /// Aligned photographs in colour to learn from.
    public var photographs: [String]
    /// Aligned photographs in colour to choose by.
    public var validation: [String]
    /// Where checkpoint, codes and metrics go.
    public var folder: String
    /// SHA-256 of the encoder's file.
    public var encoder: String
    /// What may be done with the weights.
    public var licence: String
    /// A consultation's file of the same shape to begin from; nil begins anew.
    public var start: String?

    /// - Parameters:
    ///   - settings: How it is trained.
    ///   - name: Its name, which is its encoder's.
    ///   - photographs: Aligned photographs in colour to learn from.
    ///   - validation: Aligned photographs in colour to choose by.
    ///   - folder: Where checkpoint, codes and metrics go.
    ///   - encoder: SHA-256 of the encoder's file.
    ///   - licence: What may be done with the weights.
    public init(
        _ settings: ConsultationSettings, name: String, photographs: [String], validation: [String], folder: String,
        encoder: String, licence: String
    ) {
        self.settings = settings
        self.name = name
        self.photographs = photographs
        self.validation = validation
        self.folder = folder
        self.encoder = encoder
        self.licence = licence
    }
}

/// Trains HFGI's consultation encoder and alignment (Wang and others, 2022) on a generator and an encoder that stay as they are.
///
/// The residual of a photograph and its code's face goes through the consultation encoder onto the generator's features, and the
/// face that comes out is compared with the photograph. Of some photographs the residual is seen askew first, and the alignment has
/// to undo that; edited faces are never seen. A run lives in a folder: `checkpoint.safetensors`, from which it goes on;
/// `steps.jsonl`, a line a validation; codes of the photographs; and the best so far, `best.consultation.safetensors`.
public final class ConsultationTrainer: TrainingLoop {
    typealias Position = TrainingPosition<ConsultationRecord>

    let plan: ConsultationPlan
    var folder: String { plan.folder }
    var settings: ConsultationSettings { plan.settings }
    let generator: Generator
    let synthesizer: any FeatureSynthesizer
    let judges: EncoderTrainer.Judges
    let configuration: ConsultationConfiguration
    let network: ConsultationNetwork
    let average: ConsultationNetwork
    let optimiser: Optimiser
    let device: Device
    let context: RunContext
    let codes: CodeCache
    let validationCodes: CodeCache?
    var position = Position()

    private static let domain: UInt32 = 0x10E

    /// Prepares a run.
    ///
    /// - Parameters:
    ///   - plan: What it is trained with and on.
    ///   - generator: Whose features it changes.
    ///   - encoder: Gives the photographs' codes.
    ///   - judges: Networks that the losses need.
    ///   - device: Where networks and, on CUDA, the generator compute.
    ///   - context: Whether to stop, and whom to tell of progress.
    /// - Throws: ``Core/Failure`` for settings out of range, a generator without such features, or when memory runs out.
    public init(
        _ plan: ConsultationPlan, generator: Generator, encoder: any PhotographEncoder,
        judges: EncoderTrainer.Judges, device: Device = .cpu, context: RunContext = .silent
    ) throws {
        let settings = plan.settings
        try settings.validate()
        try ConsultationTrainer.check(settings, judges)
        guard !plan.photographs.isEmpty else {
            throw Failure("photographs", "are none", "name a folder of aligned photographs", kind: .usage)
        }
        self.plan = plan
        self.generator = generator
        self.judges = judges
        self.device = device
        self.context = context
        try FileManager.default.createDirectory(atPath: plan.folder, withIntermediateDirectories: true)
        synthesizer = try generator.featureSynthesizer(device: device)
        let configuration = try ConsultationTrainer.configuration(settings, generator, synthesizer)
        self.configuration = configuration
        network = try ConsultationNetwork(configuration, seed: settings.seed, device: device)
        average = try ConsultationNetwork(configuration, seed: settings.seed, device: device)
        if let start = plan.start {
            let (card, found) = try ConsultationFile.read(start)
            guard card.generator == generator.identity.sha256, card.configuration == configuration else {
                throw Failure(
                    start, "is of another generator or another shape", "begin from one that is alike, or anew",
                    kind: .conflict)
            }
            for network in [network, average] { try network.load(found.state(), from: start) }
        }
        optimiser = try Optimiser(of: network, weightDecay: settings.weightDecay)
        func cache(_ files: [String], _ name: String) throws -> CodeCache {
            let key = CodeCache.key(files, encoder: plan.encoder)
            return try CodeCache(
                files, encoder: encoder, side: configuration.size, rows: generator.identity.styleGAN2Layers,
                size: generator.identity.latentSize, path: "\(plan.folder)/\(name)-\(key).bin")
        }
        codes = try cache(plan.photographs, "codes")
        validationCodes = plan.validation.isEmpty ? nil : try cache(plan.validation, "validation")
    }

    private static func check(_ settings: ConsultationSettings, _ judges: EncoderTrainer.Judges) throws {
        if settings.losses.id > 0 && judges.embedder == nil {
            throw Failure(
                "id \(settings.losses.id)", "needs the face-recognition network", "run `directions import identity`",
                kind: .notFound)
        }
        if settings.losses.lpips > 0 && judges.perceptual == nil {
            throw Failure(
                "lpips \(settings.losses.lpips)", "needs the perceptual network", "run `directions import lpips`",
                kind: .notFound)
        }
    }

    /// The shape for a generator: features at a quarter of 256 pixels, or of what it has.
    private static func configuration(
        _ settings: ConsultationSettings, _ generator: Generator, _ synthesizer: any FeatureSynthesizer
    ) throws -> ConsultationConfiguration {
        let size = min(256, generator.identity.resolution)
        guard let channels = synthesizer.featureChannels(side: size / 4) else {
            throw Failure(
                "generator \(generator.identity.name)", "has no features of \(size / 4) pixels",
                "use one that has", kind: .conflict)
        }
        let sample = try LatentCodes(
            generator.latents(seed: 0, indices: 0..<8), rows: 1, size: generator.identity.latentSize)
        let features = try synthesizer.features(sample, side: size / 4, noise: .none).values
        let square = features.reduce(0.0) { $0 + Double($1 * $1) } / Double(features.count)
        // Rounded, so that it does not depend on a processor's last bits.
        let deviation = max(1, (16 * Float(square.squareRoot())).rounded()) / 16
        var result = ConsultationConfiguration(settings.residuals, channels: channels, deviation: deviation)
        (result.size, result.side) = (size, size / 4)
        return result
    }

    /// Trains to the last step, saving a checkpoint every few minutes and on a stop.
    ///
    /// - Parameter seconds: Seconds from one checkpoint to the next.
    /// - Returns: The card of the best consultation, which lies in the folder.
    /// - Throws: ``Core/Failure``: a stop was asked for, the disk is full, the loss is no number any more.
    @discardableResult
    public func run(checkpointEvery seconds: Double = 180) throws -> ConsultationCard {
        try train(
            "train-consultation", total: settings.steps, interval: settings.validationInterval,
            checkpointEvery: seconds)
        return card()
    }

    // MARK: A step

    /// Some photographs with what their codes show.
    struct Sample {
        let targets: ImageBatch
        let codes: LatentCodes
        /// Photographs less what their codes show.
        let distortion: ImageBatch
        let reconstructions: ImageBatch
    }

    /// The sample of some photographs, each with its residual.
    func sample(
        _ indices: [Int], of cache: CodeCache, residuals: [ConsultationConfiguration.Residual]
    ) throws -> Sample {
        let side = configuration.size
        let pictures = try indices.map(cache.photograph)
        let codes = try cache.codes(
            indices.indices.map { (indices[$0], pictures[$0], residuals[$0].isGrey) })
        let shown = try synthesizer.synthesize(codes, size: side, noise: .none)
        var distortion: [Float] = []
        for place in indices.indices {
            distortion += residuals[place].distortion(pictures[place], shown[place..<place + 1]).planes
        }
        return Sample(
            targets: ImageBatch(pictures.flatMap(\.planes), side: side), codes: codes,
            distortion: ImageBatch(distortion, side: side), reconstructions: shown)
    }

    func tensor(_ images: ImageBatch) throws -> Tensor {
        try Tensor(images.planes, shape: [images.count, 3, images.side, images.side], device: device)
    }

    func step() throws -> Double {
        var random = CounterRandom(
            seed: settings.seed, domain: ConsultationTrainer.domain, position: UInt64(position.step) << 32)
        let count = settings.batch
        let indices = (0..<count).map { _ in random.index(plan.photographs.count) }
        let residuals = (0..<count).map { place in
            settings.residuals[(position.step * count + place) % settings.residuals.count]
        }
        let sample = try sample(indices, of: codes, residuals: residuals)
        let isWarped = (0..<count).map { _ in random.chance(settings.warped) }
        let (residual, alignmentLoss) = try seen(sample, isWarped, random: &random)
        let (scale, shift) = try network.change(residual)
        let (value, loss) = try consulted(sample, scale, shift)
        var total = loss
        if let alignmentLoss {
            total = try total.added(to: alignmentLoss.scaled(by: Double(settings.losses.alignment)))
        }
        try total.backward()
        try optimiser.update(rate: settings.rate(step: position.step), clip: settings.clip)
        try follow(decay: settings.averageDecay)
        let alignment = try alignmentLoss.map { try Double($0.detached().item()) } ?? 0
        return value + alignment * Double(settings.losses.alignment)
    }

    /// The residuals as the consultation encoder sees them: those that were seen askew aligned again, with what that cost.
    private func seen(
        _ sample: Sample, _ isWarped: [Bool], random: inout CounterRandom
    ) throws -> (residual: Tensor, loss: Tensor?) {
        let warped = isWarped.indices.filter { isWarped[$0] }
        let plain = isWarped.indices.filter { !isWarped[$0] }
        guard !warped.isEmpty else { return (try tensor(sample.distortion), nil) }
        let wanted = sample.distortion.gathered(warped)
        var planes: [Float] = []
        for place in 0..<wanted.count {
            planes += PerspectiveWarp(distortion: settings.distortion, random: &random)
                .applied(to: wanted[place..<place + 1].planes, side: wanted.side)
        }
        let aligned = try network.aligned(
            tensor(ImageBatch(planes, side: wanted.side)), to: tensor(sample.reconstructions.gathered(warped)))
        let loss = try aligned.subtracting(tensor(wanted)).absolute().mean()
        if plain.isEmpty { return (aligned, loss) }
        let all = try Tensor.concatenated([tensor(sample.distortion.gathered(plain)), aligned], axis: 0)
        let order = isWarped.indices.map { place in
            isWarped[place]
                ? plain.count + (warped.firstIndex(of: place) ?? 0) : plain.firstIndex(of: place) ?? 0
        }
        return (try all.selecting(axis: 0, order), loss)
    }

    /// The mean loss of the faces with changed features, and a tensor with its gradient history.
    private func consulted(_ sample: Sample, _ scale: Tensor, _ shift: Tensor) throws -> (Double, Tensor) {
        func maps(_ tensor: Tensor) throws -> FeatureMaps {
            FeatureMaps(
                try tensor.detached().to(device: .cpu).contiguous().floats(), channels: configuration.channels,
                side: configuration.side)
        }
        let change = try FeatureChange(side: configuration.side, scale: maps(scale), shift: maps(shift))
        let recorded = try synthesizer.record(sample.codes, size: configuration.size, noise: .none, change: change)
        let found = try objective(sample.targets).evaluate(recorded.images)
        let gradients = try recorded.backward(found.gradients)
        func cotangent(_ maps: FeatureMaps) throws -> Tensor {
            try Tensor(
                maps.values, shape: [maps.count, maps.channels, maps.side, maps.side], device: device)
        }
        let count = Double(sample.codes.count)
        let slopes = try scale.multiplied(by: cotangent(gradients.scale)).sum()
            .added(to: shift.multiplied(by: cotangent(gradients.shift)).sum())
        return (found.total / count, try slopes.scaled(by: 1 / count))
    }

    private func objective(_ targets: ImageBatch) throws -> any Objective {
        let losses = settings.losses
        var parts: [(any Objective, weight: Float)] = [
            (PixelLoss(targets: targets, side: targets.side), losses.l2)
        ]
        if losses.lpips > 0, let perceptual = judges.perceptual {
            parts.append((try LPIPS(perceptual, targets: targets), losses.lpips))
        }
        if losses.id > 0, let embedder = judges.embedder {
            parts.append((try IdentityObjective(embedder, faces: targets), losses.id))
        }
        return CombinedObjective(parts)
    }
}
