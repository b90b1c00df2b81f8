import Core
import Encoders
import Faces
import Fitting
import Foundation
import Generators
import Images
import Latents
import Networks
import Objectives
import Tensors
import Weights

/// What an encoder is trained with and on.
public struct EncoderPlan: Sendable {
    /// How it is trained.
    public var settings: EncoderSettings
    /// The encoder's name.
    public var name: String
    /// Aligned photographs to learn from; none trains on generated faces alone.
    public var photographs: [String]
    /// Aligned photographs to choose by.
    public var validation: [String]
    /// Where checkpoint, pairs and metrics go.
    public var folder: String
    /// Published weights of the backbone; nil begins from fresh ones.
    public var backboneWeights: String?
    /// Encoder files of the same shape and generator to begin from the mean of; none begins anew.
    public var starts: [String] = []
    /// What may be done with the weights.
    public var licence: String

    /// - Parameters:
    ///   - settings: How it is trained.
    ///   - name: The encoder's name.
    ///   - photographs: Aligned photographs to learn from.
    ///   - validation: Aligned photographs to choose by.
    ///   - folder: Where checkpoint, pairs and metrics go.
    ///   - backboneWeights: Published weights of the backbone; nil begins from fresh ones.
    ///   - licence: What may be done with the weights.
    public init(
        _ settings: EncoderSettings, name: String, photographs: [String], validation: [String], folder: String,
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

/// Trains an encoder of a generator: Richardson and others' pSp losses through the generator's own gradients, after a start on
/// pairs that the generator makes itself.
///
/// A run lives in a folder: `checkpoint.safetensors`, from which it goes on; `steps.jsonl`, a line per validation; `pairs.bin`;
/// and the best encoder so far, `best.encoder.safetensors`.
public final class EncoderTrainer: TrainingLoop {
    typealias Position = TrainingPosition<EncoderRecord>

    /// Networks that the losses need.
    public struct Judges {
        /// Of the perceptual loss; needed where that counts.
        public let perceptual: PerceptualNetwork?
        /// Of the identity loss; needed where that counts.
        public let embedder: FaceEmbedder?

        /// - Parameters:
        ///   - perceptual: Of the perceptual loss.
        ///   - embedder: Of the identity loss.
        public init(perceptual: PerceptualNetwork?, embedder: FaceEmbedder?) {
            self.perceptual = perceptual
            self.embedder = embedder
        }
    }

    let plan: EncoderPlan
    var folder: String { plan.folder }
    var settings: EncoderSettings { plan.settings }
    let generator: Generator
    let synthesizer: any GradientSynthesizer
    let judges: Judges
    let coordinates: PrincipalCoordinates
    let network: EncoderNetwork
    let average: EncoderNetwork
    let optimiser: Optimiser
    let pool: PairPool
    let device: Device
    let context: RunContext
    /// [1, 1, size]: what a coordinate's squared error counts, by its deviation.
    let coordinateWeights: Tensor
    /// What the mean latent shows, [3, s, s].
    let meanFace: ImageBatch
    var position = Position()
    /// Told all that validations measured, after each.
    public var validated: (([EncoderRecord]) throws -> Void)?

    /// Latents that W's measure is taken from.
    private static let samples: UInt64 = 10_000
    static let domain: UInt32 = 0x10A

    /// Prepares a run.
    ///
    /// - Parameters:
    ///   - plan: What it is trained with and on.
    ///   - generator: Whose codes it learns.
    ///   - judges: Networks that the losses need.
    ///   - device: Where encoder and generator compute.
    ///   - context: Whether to stop, and whom to tell of progress.
    /// - Throws: ``Core/Failure`` for settings out of range, weights that do not fit, or when memory runs out.
    public init(
        _ plan: EncoderPlan, generator: Generator, judges: Judges, device: Device = .cpu,
        context: RunContext = .silent
    ) throws {
        let settings = plan.settings
        try settings.validate()
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
        guard settings.latentSteps + settings.imageSteps > 0 || !plan.starts.isEmpty else {
            throw Failure("steps", "are none", "give some, or an encoder to begin from", kind: .usage)
        }
        let sizes = [settings.imageSize, settings.configuration.reconstructionSize]
        if let size = sizes.first(where: { $0 > generator.identity.resolution }) {
            throw Failure(
                "size \(size)", "is more than the generator's \(generator.identity.resolution) pixels",
                "give a smaller one", kind: .usage)
        }
        self.plan = plan
        self.generator = generator
        self.judges = judges
        self.device = device
        self.context = context
        try FileManager.default.createDirectory(atPath: plan.folder, withIntermediateDirectories: true)
        synthesizer = try generator.gradientSynthesizer(device: device)
        let size = generator.identity.latentSize
        coordinates = try EncoderTrainer.coordinates(generator, plan)
        network = try EncoderNetwork(
            settings.configuration, seed: settings.seed, device: device, precision: settings.convolutionType)
        try EncoderTrainer.begin(network, from: plan.starts)
        if let weights = plan.backboneWeights {
            try network.loadBackbone(PublishedWeights.read(weights), from: weights)
        }
        average = try EncoderNetwork(settings.configuration, seed: nil, device: device)
        try average.load(network.state(), from: plan.folder)
        optimiser = try Optimiser(of: network, weightDecay: settings.weightDecay)
        pool = try PairPool(
            generator, seed: settings.seed, side: settings.configuration.backbone.inputSize, limit: settings.pairs,
            path: settings.keepsPairs ?? true ? "\(plan.folder)/pairs.bin" : nil, device: device)
        let mean = coordinates.deviations.reduce(0, +) / Float(size)
        coordinateWeights = try Tensor(coordinates.deviations.map { $0 / mean }, shape: [1, 1, size], device: device)
        let centre = coordinates.latents([Float](repeating: 0, count: size))
        meanFace = try synthesizer.synthesize(
            LatentCodes(centre, rows: 1, size: size), size: settings.configuration.reconstructionSize, noise: .none)
    }

    /// Begins from the mean of some encoders, or anew of none: the mean of several that are as good is often better than each
    /// (Wortsman and others, "Model soups", 2022).
    ///
    /// - Throws: ``Core/Failure`` naming the file: damaged, or of another shape (conflict).
    private static func begin(_ network: EncoderNetwork, from starts: [String]) throws {
        let states = try starts.map { try EncoderFile.read($0).network.state() }
        guard var mean = states.first else { return }
        for (name, tensor) in mean where states.count > 1 {
            var sum = try tensor.floats()
            for (state, start) in zip(states, starts).dropFirst() {
                guard let other = state[name], other.shape == tensor.shape else {
                    throw Failure(
                        start, "is of another shape than \(starts[0])", "begin from encoders that are alike",
                        kind: .conflict)
                }
                let values = try other.floats()
                for i in sum.indices { sum[i] += values[i] }
            }
            let share = 1 / Float(states.count)
            mean[name] = TensorData(sum.map { $0 * share }, shape: tensor.shape)
        }
        try network.begin(with: mean, from: starts.joined(separator: ", "))
    }

    /// The coordinates of a run: those of its folder where it has begun, since the axes' signs are free.
    private static func coordinates(_ generator: Generator, _ plan: EncoderPlan) throws -> PrincipalCoordinates {
        let path = "\(plan.folder)/coordinates.safetensors"
        if let file = try? SafetensorsFile.read(path), let mean = try file.tensors["mean"]?.floats(),
            let axes = try file.tensors["axes"]?.floats()
        {
            return try PrincipalCoordinates(mean: mean, axes: axes)
        }
        let size = generator.identity.latentSize
        let starts = try plan.starts.map { start in
            let file = try EncoderFile.read(start)
            guard file.card.generator == generator.identity.sha256,
                plan.settings.configuration.canBegin(from: file.card.configuration)
            else {
                throw Failure(
                    start, "is of another generator or another shape", "begin from one that is alike, or anew",
                    kind: .conflict)
            }
            return file.coordinates
        }
        if let other = starts.firstIndex(where: { $0.mean != starts[0].mean || $0.axes != starts[0].axes }) {
            throw Failure(
                plan.starts[other], "has no ancestor in common with \(plan.starts[0])",
                "begin from encoders of which one was trained on from the other", kind: .conflict)
        }
        let found =
            try starts.first ?? PrincipalCoordinates(generator.latents(seed: 0, indices: 0..<samples), dimension: size)
        try SafetensorsFile(
            tensors: [
                "mean": TensorData(found.mean, shape: [size]), "axes": TensorData(found.axes, shape: [size, size]),
            ], metadata: [:]
        ).write(to: path)
        return found
    }

    /// Trains to the last step, saving a checkpoint every few minutes and on a stop.
    ///
    /// - Parameter seconds: Seconds from one checkpoint to the next.
    /// - Returns: The card of the best encoder, which lies in the folder.
    /// - Throws: ``Core/Failure``: a stop was asked for, the disk is full, the loss is no number any more.
    @discardableResult
    public func run(checkpointEvery seconds: Double = 180) throws -> EncoderCard {
        pool.start()
        defer { pool.stop() }
        let total = settings.latentSteps + settings.imageSteps
        try train(
            "train-encoder", total: total, interval: settings.validationInterval, checkpointEvery: seconds)
        return card()
    }

    // MARK: Steps

    func step() throws -> Double { position.step < settings.latentSteps ? try latentStep() : try imageStep() }

    func random(_ step: Int) -> CounterRandom {
        CounterRandom(seed: settings.seed, domain: EncoderTrainer.domain, position: UInt64(step) << 32)
    }

    /// Whether the picture at a place of a batch loses its colours.
    private func isGrey(_ place: Int) -> Bool {
        switch settings.input {
        case .colour: false
        case .grey: true
        case .both: place % 2 == 1
        }
    }

    /// What the encoder is shown of some pictures.
    private func shown(_ pictures: ImageBatch, random: inout CounterRandom) throws -> Tensor {
        let side = settings.configuration.backbone.inputSize
        let pictures = pictures.resized(to: side)
        var planes: [Float] = []
        planes.reserveCapacity(pictures.planes.count)
        for index in 0..<pictures.count {
            var one = Array(pictures.planes[index * pictures.stride..<(index + 1) * pictures.stride])
            PhotographChanges.apply(&one, side: side, isGrey: isGrey(index), random: &random)
            planes += one
        }
        return try Tensor(planes, shape: [pictures.count, 3, side, side], device: device)
    }

    private func tensor(_ images: ImageBatch) throws -> Tensor {
        try Tensor(images.planes, shape: [images.count, 3, images.side, images.side], device: device)
    }

    /// A step on generated pairs.
    private func latentStep() throws -> Double {
        var random = random(position.step)
        let known = settings.knownPairs(step: position.step)
        let isGrowing = known < settings.pairs
        let indices = (0..<settings.latentBatch).map { place in
            isGrowing && place < settings.freshPairs ? known - 1 - place : random.index(known)
        }
        let wanted = try coordinates.coordinates(pool.codes(indices).values)
        let faces = try pool.pictures(indices, context: context)
        let pictures = try shown(faces, random: &random)
        let shape = [settings.latentBatch, settings.configuration.rows, settings.configuration.latentSize]
        let before = try tensor(meanFace).expanded([settings.latentBatch, 3, meanFace.side, meanFace.side])
        let told = try told(faces, hasOthers: false)
        let found = try network.coordinates(pictures, reconstructions: before, told: told?.values)
        let loss = try found.subtracting(Tensor(wanted, shape: shape, device: device)).squared()
            .multiplied(by: coordinateWeights).mean().scaled(by: Double(settings.losses.latent))
        try loss.backward()
        try update()
        return Double(try loss.detached().item())
    }

    /// A step on photographs and generated faces: for each look at them a step of the optimiser.
    private func imageStep() throws -> Double {
        var random = random(position.step)
        let targets = try photographs(random: &random)
        let pictures = try shown(targets, random: &random)
        let told = try told(targets, hasOthers: true)
        let losses = try objectives(targets.resized(to: settings.imageSize), told)
        let (rows, size) = (settings.configuration.rows, settings.configuration.latentSize)
        var place = [Float](repeating: 0, count: targets.count * rows * size)
        var before = meanFace.gathered(Array(repeating: 0, count: targets.count))
        var value = 0.0
        for _ in 0..<settings.passes {
            let change = try network.coordinates(
                pictures, reconstructions: settings.configuration.kind == .restyle ? tensor(before) : nil,
                told: told?.values)
            let moved = try change.detached().to(device: .cpu).contiguous().floats()
            for i in place.indices { place[i] += moved[i] }
            let found = try evaluate(place, losses)
            let cotangent = try Tensor(found.gradients, shape: [targets.count, rows, size], device: device)
            try change.multiplied(by: cotangent).sum().backward()
            try update()
            value = found.value
            before = found.images
        }
        return value
    }

    /// Photographs and generated faces of a step, as large as the encoder or the losses see them; half of the photographs mirrored.
    private func photographs(random: inout CounterRandom) throws -> ImageBatch {
        let side = max(settings.configuration.backbone.inputSize, settings.imageSize)
        let generated = plan.photographs.isEmpty ? settings.imageBatch : settings.generated
        var images: [Image] = []
        for _ in 0..<settings.imageBatch - generated {
            let image = try Image.read(plan.photographs[random.index(plan.photographs.count)])
            let square = image.centredSquare(size: side)
            images.append(random.chance(0.5) ? square.mirrored() : square)
        }
        var planes = ImageBatch(images, side: side).planes
        if generated > 0 {
            let known = settings.knownPairs(step: position.step)
            let indices = (0..<generated).map { _ in random.index(known) }
            planes += try pool.pictures(indices, context: context).resized(to: side).planes
        }
        return ImageBatch(planes, side: side)
    }

    /// The losses of so many pictures at once as the generator keeps its work on.
    private typealias PartialObjective = (range: Range<Int>, objective: any Objective)

    private func objectives(_ colours: ImageBatch, _ told: Told?) throws -> [PartialObjective] {
        let step = synthesizer.recordedAtOnce > 0 ? synthesizer.recordedAtOnce : colours.count
        return try stride(from: 0, to: colours.count, by: step).map { start in
            let range = start..<min(colours.count, start + step)
            return (range, try objective(colours.gathered(Array(range)), told?.part(range)))
        }
    }

    private func objective(_ colours: ImageBatch, _ told: Told?) throws -> any Objective {
        let losses = settings.losses
        let targets = settings.target == .grey ? colours.grey() : colours
        let side = targets.side
        var parts: [(any Objective, weight: Float)] = [
            (PixelLoss(targets: targets, sizes: [(side, 1), (side / 2, 0.5), (side / 8, 0.5)]), losses.l2)
        ]
        if losses.lpips > 0, let perceptual = judges.perceptual {
            parts.append((try LPIPS(perceptual, targets: targets), losses.lpips))
        }
        if losses.id > 0, let embedder = judges.embedder {
            parts.append((try IdentityObjective(embedder, faces: targets), losses.id))
        }
        let loss = objective(CombinedObjective(parts), targets, told)
        return settings.target == .grey ? GreyObjective(loss, weights: EncoderSettings.greyWeights) : loss
    }

    /// The losses of some places, their mean, and the gradients of that.
    private func evaluate(
        _ place: [Float], _ losses: [PartialObjective]
    ) throws -> (value: Double, gradients: [Float], images: ImageBatch) {
        let (rows, size) = (settings.configuration.rows, settings.configuration.latentSize)
        let codes = try LatentCodes(coordinates.latents(place), rows: rows, size: size)
        var (total, slopes, images): (Double, [Float], [Float]) = (0, [], [])
        for (range, objective) in losses {
            let recorded = try synthesizer.record(codes.slice(range), size: settings.imageSize, noise: .none)
            let found = try objective.evaluate(recorded.images)
            slopes += try recorded.backward(found.gradients)
            total += found.total
            images += recorded.images.resized(to: settings.configuration.reconstructionSize).planes
        }
        var gradients = coordinates.backward(slopes, at: place)
        let priors = CodePriors(wNorm: settings.losses.wNorm, delta: settings.losses.delta, rows: rows, size: size)
        let count = Float(codes.count)
        let prior = priors.add(place, to: &gradients)
        for i in gradients.indices { gradients[i] /= count }
        return (
            (total + prior) / Double(count), gradients,
            ImageBatch(images, side: settings.configuration.reconstructionSize)
        )
    }

    private func update() throws {
        try optimiser.update(rate: settings.rate(step: position.step), clip: settings.clip)
        try follow(decay: settings.averageDecay)
    }
}
