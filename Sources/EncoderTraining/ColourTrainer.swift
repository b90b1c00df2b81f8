import ColourNetworks
import Colourisation
import Core
import Foundation
import Generators
import Images
import Networks
import Tensors
import Weights

/// What a colouriser is trained with and on.
public struct ColourPlan: Sendable {
    /// How it is trained.
    public var settings: ColourSettings
    /// The colouriser's name.
    public var name: String
    /// The backbone's architecture, by name.
    public var backbone = "efficientnet_lite0"
    /// Aligned photographs in colour to learn from.
    public var photographs: [String]
    /// Aligned photographs in colour to choose by.
    public var validation: [String]
    /// Where checkpoint and metrics go.
    public var folder: String
    /// Published weights of the backbone; nil begins from fresh ones.
    public var backboneWeights: String?
    /// A colouriser's file to begin from, whatever its input size; nil begins anew.
    public var start: String?
    /// What may be done with the weights.
    public var licence: String

    /// - Parameters:
    ///   - settings: How it is trained.
    ///   - name: The colouriser's name.
    ///   - photographs: Aligned photographs in colour to learn from.
    ///   - validation: Aligned photographs in colour to choose by.
    ///   - folder: Where checkpoint and metrics go.
    ///   - backboneWeights: Published weights of the backbone; nil begins from fresh ones.
    ///   - licence: What may be done with the weights.
    public init(
        _ settings: ColourSettings, name: String, photographs: [String], validation: [String], folder: String,
        backboneWeights: String?, licence: String
    ) {
        self.settings = settings
        self.name = name
        self.photographs = photographs
        self.validation = validation
        self.folder = folder
        self.backboneWeights = backboneWeights
        self.licence = licence
    }
}

/// What a validation of a colouriser measured.
public struct ColourRecord: Sendable, Codable, Equatable {
    /// Steps that were made.
    public var step: Int
    /// The mean loss since the last validation.
    public var loss: Double
    /// The loss on the validation photographs.
    public var validation: Double
    /// The mean distance of colours from the true ones, in 8-bit steps of Cb and Cr.
    public var error: Double
    /// The mean distance of colours from grey, as a share of the true ones'.
    public var vividness: Double
}

/// Trains a network that colours grey faces: Zhang and others' classification of colours with rare ones counting more (2016).
///
/// A run lives in a folder: `checkpoint.safetensors`, from which it goes on; `steps.jsonl`, a line a validation; and the best so far,
/// `best.colorizer.safetensors`.
public final class ColourTrainer: TrainingLoop {
    typealias Position = TrainingPosition<ColourRecord>

    let plan: ColourPlan
    var folder: String { plan.folder }
    var settings: ColourSettings { plan.settings }
    let configuration: ColourConfiguration
    /// What each colour counts.
    let weights: [Float]
    let network: ColourNetwork
    let average: ColourNetwork
    let optimiser: Optimiser
    let device: Device
    let context: RunContext
    private let pool: PairPool?
    var position = Position()

    private static let domain: UInt32 = 0x10D
    /// Pixels along a side of kept generated faces.
    private static let faceSide = 192

    /// Prepares a run: counts colours, and draws weights.
    ///
    /// - Parameters:
    ///   - plan: What it is trained with and on.
    ///   - generator: Makes faces to learn from; nil where the settings ask for none.
    ///   - device: Where the network computes.
    ///   - context: Whether to stop, and whom to tell of progress.
    /// - Throws: ``Core/Failure`` for settings out of range, pictures that can't be read, or weights that do not fit.
    public init(
        _ plan: ColourPlan, generator: Generator? = nil, device: Device = .cpu, context: RunContext = .silent
    ) throws {
        let settings = plan.settings
        try settings.validate()
        guard !plan.photographs.isEmpty else {
            throw Failure("photographs", "are none", "name a folder of aligned photographs", kind: .usage)
        }
        self.plan = plan
        self.device = device
        self.context = context
        try FileManager.default.createDirectory(atPath: plan.folder, withIntermediateDirectories: true)
        pool = try generator.flatMap { generator in
            if settings.generated == 0 { return nil }
            return try PairPool(
                generator, seed: settings.seed, side: ColourTrainer.faceSide, limit: settings.faces,
                path: "\(plan.folder)/faces.bin")
        }
        guard settings.generated == 0 || pool != nil else {
            throw Failure("generated \(settings.generated)", "needs a generator", "import one", kind: .notFound)
        }
        var architecture = try Architecture.named(plan.backbone)
        architecture.inputSize = settings.inputSize
        var frequencies = ColourFrequencies()
        // From all of the folders, whichever is named first.
        let counted = min(settings.counted, plan.photographs.count)
        for file in (0..<counted).map({ plan.photographs[$0 * plan.photographs.count / counted] }) {
            try context.check()
            frequencies.add(Chroma(of: try Image.read(file).centredSquare(size: settings.inputSize / 4)))
        }
        let start = try plan.start.map { (path: $0, file: try ColourFile.read($0)) }
        let bins = try start?.file.card.configuration.bins ?? frequencies.bins()
        weights = frequencies.weights(of: bins, uniform: 1 - settings.balance)
        var configuration = ColourConfiguration(architecture, bins: bins)
        configuration.temperature = settings.temperature
        self.configuration = configuration
        network = try ColourNetwork(configuration, seed: settings.seed, device: device)
        if let file = plan.backboneWeights { try network.loadBackbone(PublishedWeights.read(file), from: file) }
        if let start { try network.load(start.file.network.state(), from: start.path) }
        average = try ColourNetwork(configuration, seed: settings.seed, device: device)
        try average.load(network.state(), from: plan.folder)
        optimiser = try Optimiser(of: network, weightDecay: settings.weightDecay)
    }

    /// Trains to the last step, saving a checkpoint every few minutes and on a stop.
    ///
    /// - Parameter seconds: Seconds from one checkpoint to the next.
    /// - Returns: The card of the best colouriser, which lies in the folder.
    /// - Throws: ``Core/Failure``: a stop was asked for, the disk is full, the loss is no number any more.
    @discardableResult
    public func run(checkpointEvery seconds: Double = 180) throws -> ColourCard {
        pool?.start()
        defer { pool?.stop() }
        try train(
            "train-colorizer", total: settings.steps, interval: settings.validationInterval, checkpointEvery: seconds)
        return card()
    }

    func step() throws -> Double {
        var random = CounterRandom(
            seed: settings.seed, domain: ColourTrainer.domain, position: UInt64(position.step) << 32)
        let side = settings.inputSize
        var (seen, targets): ([Float], [Chroma]) = ([], [])
        for image in try pictures(random: &random) {
            let square = ColourTrainer.cut(image, side: side, random: &random)
            targets.append(Chroma(of: square.resized(width: configuration.side, height: configuration.side)))
            var planes = ImageBatch([square], side: side).planes
            PhotographChanges.apply(&planes, side: side, isGrey: true, random: &random)
            seen += planes
        }
        let pictures = try Tensor(seen, shape: [settings.batch, 3, side, side], device: device)
        let loss = try loss(network.logits(pictures.contiguous(channelsLast: true)), targets)
        try loss.backward()
        try optimiser.update(rate: settings.rate(step: position.step), clip: settings.clip)
        try follow(decay: settings.averageDecay)
        return Double(try loss.detached().item())
    }

    /// Photographs and generated faces of a step.
    private func pictures(random: inout CounterRandom) throws -> [Image] {
        var result = try (0..<settings.batch - settings.generated).map { _ in
            try Image.read(plan.photographs[random.index(plan.photographs.count)])
        }
        if let pool {
            let known = min(settings.faces, settings.firstFaces + 4 * position.step)
            let indices = (0..<settings.generated).map { _ in random.index(known) }
            result += try pool.pictures(indices, context: context).images
        }
        return result
    }

    /// A picture a little nearer or farther off and beside, half of them mirrored: as faces lie that were not aligned well.
    private static func cut(_ image: Image, side: Int, random: inout CounterRandom) -> Image {
        let length = min(image.width, image.height)
        let size = Int(Float(length) * random.uniform(0.82, 1))
        let (x, y) = (random.index(image.width - size + 1), random.index(image.height - size + 1))
        let square = image.cropped(x: x, y: y, width: size, height: size).centredSquare(size: side)
        return random.chance(0.5) ? square.mirrored() : square
    }

    /// The weighted cross-entropy of logits and soft colours.
    private func loss(_ logits: Tensor, _ targets: [Chroma]) throws -> Tensor {
        let (colours, area) = (configuration.bins.count, configuration.side * configuration.side)
        var wanted = [Float](repeating: 0, count: targets.count * colours * area)
        var shares = [Float](repeating: 0, count: colours)
        for (index, target) in targets.enumerated() {
            for i in 0..<area {
                for k in 0..<colours { shares[k] = 0 }
                configuration.bins.add(SIMD2(target.cb.values[i], target.cr.values[i]), to: &shares)
                var weight: Float = 0
                for k in 0..<colours where shares[k] > 0 { weight += shares[k] * weights[k] }
                for k in 0..<colours where shares[k] > 0 {
                    wanted[(index * colours + k) * area + i] = weight * shares[k]
                }
            }
        }
        let tensor = try Tensor(
            wanted, shape: [targets.count, colours, configuration.side, configuration.side], device: device)
        return try ColourNetwork.logShares(logits).multiplied(by: tensor).sum()
            .scaled(by: -1 / Double(targets.count * area))
    }

    /// Measures the running average on the validation photographs, and keeps it where it is the best so far.
    func validate() throws {
        var record = ColourRecord(
            step: position.step, loss: takeLoss(), validation: 0, error: 0, vividness: 0)
        var (found, real) = (0.0, 0.0)
        let count = Double(plan.validation.count)
        for file in plan.validation {
            try context.check()
            let square = try Image.read(file).centredSquare(size: settings.inputSize)
            let target = Chroma(of: square.resized(width: configuration.side, height: configuration.side))
            let (value, colours) = try measured(square, target)
            record.validation += value / count
            let area = configuration.side * configuration.side
            for i in 0..<area {
                let own = SIMD2(colours[i], colours[area + i])
                let wanted = SIMD2(target.cb.values[i], target.cr.values[i])
                func length(_ d: SIMD2<Float>) -> Double { Double((d * d).sum().squareRoot()) }
                record.error += length(own - wanted) / (Double(area) * count)
                found += length(own)
                real += length(wanted)
            }
        }
        record.vividness = real > 0 ? found / real : 0
        try note(record, score: plan.validation.isEmpty ? record.loss : record.validation) {
            try ColourFile.write(card(), weights: average.state(), to: bestPath)
        }
        context.notice(
            String(
                format: "step %d: loss %.4f; validation %.4f, colours off by %.2f steps, vividness %.2f", record.step,
                record.loss, record.validation, record.error, record.vividness))
    }

    /// The loss of the running average on a picture, and the colours that it gives, [2, side, side].
    private func measured(_ square: Image, _ target: Chroma) throws -> (loss: Double, colours: [Float]) {
        let side = settings.inputSize
        return try Torch.withoutGradients {
            let grey = try Tensor(
                ImageBatch([square], side: side).luma().planes, shape: [1, 1, side, side], device: device)
            let logits = try average.logits(grey.expanded([1, 3, side, side]).contiguous(channelsLast: true))
            let value = try loss(logits, [target]).item()
            return (Double(value), try average.colours(logits).to(device: .cpu).contiguous().floats())
        }
    }

    /// What a colouriser of the run says of itself.
    func card() -> ColourCard {
        var card = ColourCard(name: plan.name, configuration: configuration)
        card.training = [
            "steps": "\(position.step)", "settings": (try? TrainingState.encode(settings)) ?? "",
            "photographs": "\(plan.photographs.count)",
        ]
        if let last = position.history.last {
            card.figures = [
                "validation loss": last.validation, "validation error of Cb and Cr": last.error,
                "validation vividness": last.vividness,
            ]
        }
        card.licence = plan.licence
        return card
    }
}

extension ColourTrainer {
    static let (format, kind) = ("directions.colorizer-checkpoint", "a colouriser")

    var identity: [String: String] {
        get throws {
            [
                "settings": try TrainingState.encode(settings),
                "configuration": try TrainingState.encode(configuration),
            ]
        }
    }

    /// The best colouriser so far.
    public var bestPath: String { "\(plan.folder)/best.colorizer.safetensors" }

    /// What validations measured so far.
    public var records: [ColourRecord] { position.history }

    /// Goes back to where the checkpoint in the folder stands.
    ///
    /// - Throws: ``Core/Failure`` when the file is damaged, of another kind, or of another network or photographs (conflict).
    public func resume() throws {
        let file = try checkpoint()
        let shape = try saved(ColourConfiguration.self, "configuration", in: file)
        let before = try saved(ColourSettings.self, "settings", in: file)
        guard shape.backbone == configuration.backbone, shape.bins == configuration.bins, before.seed == settings.seed
        else { throw foreign("network, seed or photographs") }
        try restore(file)
    }
}
