import Core
import Faces
import Foundation
import Generators
import Images
import Latents
import Networks
import Objectives
import Tensors
import Weights

/// How a generator is tuned to one photograph.
public struct TuningSettings: Sendable, Codable, Equatable {
    /// Adam's rate, in shares of each weight's root mean square.
    public var rate: Double = 0.005
    /// The share of the way over which the rate falls to a twentieth; over the first tenth it rises.
    public var fall: Double = 0.4
    /// What the mean squared error at 256² counts.
    public var pixels: Float = 6
    /// What LPIPS counts.
    public var perceptual: Float = 1
    /// What the mean squared error counts at codes around the pivot, where the face is to differ from the photograph as it did
    /// from the pivot's face before: it keeps edits working.
    public var locality: Float = 3
    /// How far those codes are from the pivot, in shares of what sampled w are from their mean.
    public var reach: Float = 0.5
    /// Every so many steps such a code takes part.
    public var interval = 2
    /// The most numbers that are tuned; the smallest weights come first.
    public var numbers = 1_950_000
    /// It ends where both figures are this good.
    public var goodError: Float = 0.0085
    /// LPIPS at which it ends.
    public var goodDistance: Float = 0.08

    public init() {}
}

/// What tuning found: the differences of the generator's weights, and how near the photograph its face comes.
public struct Tuning: Sendable {
    /// float16 differences, by the names of the model's file.
    public let differences: [String: TensorData]
    /// The figures with them, and how long it took.
    public let inversion: Inversion
}

/// Tunes a generator's convolutions so that a code's face is a photograph.
///
/// After Roich and others, "Pivotal Tuning for Latent-based Editing of Real Images", 2021. The scales of styles stay as they are,
/// and edits with them.
///
/// For example:
///
/// ```swift
/// let tuner = try PivotalTuner(generator, inverter: inverter, perceptual: alexnet)
/// let tuned = try tuner.tune(photograph, from: found, budget: InversionBudget(seconds: 240))
/// let own = try generator.adding(tuned.differences, name: "tuning")
/// ```
public struct PivotalTuner: Sendable {
    private let generator: Generator
    private let perceptual: PerceptualNetwork
    private let embedder: FaceEmbedder?
    private let synthesizer: any TunableSynthesizer
    /// The generator as it was.
    private let original: any Synthesizer
    private let settings: TuningSettings

    /// - Parameters:
    ///   - generator: What is tuned.
    ///   - perceptual: The network of the perceptual loss.
    ///   - embedder: The face-recognition network of the figures; nil leaves identity out.
    ///   - device: Where to compute.
    ///   - settings: How to tune.
    /// - Throws: ``Core/Failure`` (conflict) for a generator whose weights can't be exchanged, or when libtorch can't hold it.
    public init(
        _ generator: Generator, perceptual: PerceptualNetwork, embedder: FaceEmbedder? = nil, device: Device = .cpu,
        settings: TuningSettings = .init()
    ) throws {
        guard let synthesizer = try generator.tensorSynthesis(device: device) as? any TunableSynthesizer else {
            throw Failure(
                "generator \(generator.identity.name)",
                "is a \(generator.identity.architecture), which can't be tuned to a photograph",
                "look for codes by the method optimise", kind: .conflict)
        }
        self.generator = generator
        self.perceptual = perceptual
        self.embedder = embedder
        self.synthesizer = synthesizer
        original = try generator.synthesizer(device: device)
        self.settings = settings
    }

    /// A weight that is tuned: its value is the old one plus `scale` times the numbers that move.
    private struct Moving {
        let name: String
        let shape: [Int]
        let start: Tensor
        let scale: Double
        let numbers: Tensor

        func value() throws -> Tensor { try start.added(to: numbers.scaled(by: scale)) }
    }

    /// Tunes the generator to one photograph.
    ///
    /// - Parameters:
    ///   - photograph: One aligned face in FFHQ's frame, RGB in [-1, 1].
    ///   - pivot: Its inversion, whose code stays.
    ///   - budget: When to end.
    ///   - context: Whether to stop, and whom to tell of progress.
    /// - Returns: The differences and the figures.
    /// - Throws: ``Core/Failure``: a budget that is none, memory that runs out, or a stop.
    public func tune(
        _ photograph: ImageBatch, from pivot: Inversion, budget: InversionBudget, context: RunContext = .silent
    ) throws -> Tuning {
        try budget.validate()
        let clock = ContinuousClock()
        let began = clock.now
        func elapsed() -> Double {
            let passed = clock.now - began
            return Double(passed.components.seconds) + Double(passed.components.attoseconds) * 1e-18
        }
        let moving = try chosen()
        let optimiser = try Optimiser(
            .adamW(beta1: 0.9, beta2: 0.99, epsilon: 1e-8), parameters: moving.map(\.numbers),
            decays: moving.map { _ in 0 })
        let loss = try objective(photograph, pivot)
        let styles = try Tensor(
            pivot.own.values, shape: [1, pivot.own.rows, pivot.own.size], device: synthesizer.device)
        let progress = context.progress("tune", unit: "percent", total: 100)
        defer { progress.finish() }
        var (step, shown) = (0, 0)
        while true {
            try context.check()
            let used = budget.used(step: step, seconds: elapsed(), photographs: 1)
            if used >= 1 { break }
            let value = try self.step(styles, moving, loss)
            if value.error < settings.goodError, value.distance < settings.goodDistance { break }
            if step % settings.interval == 0 { try stay(pivot, moving, losses: loss, step: step) }
            try optimiser.update(rate: settings.rate * scale(used))
            step += 1
            progress.advance(Int(100 * used) - shown, note: String(format: "L2 %.4f", value.error))
            shown = Int(100 * used)
        }
        progress.advance(100 - shown)
        let differences = try differences(moving)
        return try Tuning(
            differences: differences,
            inversion: measured(photograph, pivot, differences, steps: step, seconds: elapsed()))
    }

    private func scale(_ used: Double) -> Double {
        // Adam's first steps are of full length whatever the gradients: a slow rise keeps them from spoiling the pivot.
        let rise = min(1, (used + 0.01) / 0.1)
        let share = max(0, (used - (1 - settings.fall)) / settings.fall)
        return rise * (1 - 0.95 * share)
    }

    /// The weights that are tuned, the smallest first, as many as the file may hold.
    private func chosen() throws -> [Moving] {
        var left = settings.numbers
        var result: [Moving] = []
        let weights = try synthesizer.convolutionWeights.sorted { ($0.value.count, $0.key) < ($1.value.count, $1.key) }
        for (name, weight) in weights where weight.count <= left {
            left -= weight.count
            let start = try weight.detached()
            let square = try start.squared().mean().to(device: .cpu).floats()[0]
            let numbers = try Tensor(filledWith: 0, shape: weight.shape, device: synthesizer.device)
                .requiringGradient()
            result.append(
                Moving(
                    name: name, shape: weight.shape, start: start, scale: max(1e-3, Double(square).squareRoot()),
                    numbers: numbers))
        }
        return result
    }

    /// The losses, whose values are told apart.
    private struct Losses {
        let pixels: PixelLoss
        let perceptual: LPIPS
        let side: Int
        /// The photograph less the face of its pivot as the generator made it, at `side`.
        let missing: [Float]
    }

    private func objective(_ photograph: ImageBatch, _ pivot: Inversion) throws -> Losses {
        let targets = photograph.resized(to: Inverter.side)
        let side = synthesizer.sizes.smallest(covering: Inverter.side)
        let before = try original.synthesize(pivot.own, size: side, noise: .none)
        return Losses(
            pixels: PixelLoss(targets: targets, side: Inverter.side),
            perceptual: try LPIPS(perceptual, targets: targets), side: side,
            missing: zip(photograph.resized(to: side).planes, before.planes).map { $0 - $1 })
    }

    /// Makes the face, and leaves the gradients of its losses with the numbers that move.
    private func step(
        _ styles: Tensor, _ moving: [Moving], _ losses: Losses
    ) throws -> (error: Float, distance: Float) {
        let network = try synthesizer.replacing(
            Dictionary(uniqueKeysWithValues: moving.map { ($0.name, try $0.value()) }))
        let face = try network.synthesize(styles, size: losses.side, noise: .none)
        let picture = ImageBatch(try face.detached().to(device: .cpu).floats(), side: losses.side)
        let (error, distance) = (try losses.pixels.evaluate(picture), try losses.perceptual.evaluate(picture))
        let gradient = zip(error.gradients.planes, distance.gradients.planes).map {
            settings.pixels * $0 + settings.perceptual * $1
        }
        let cotangent = try Tensor(gradient, shape: face.shape, device: synthesizer.device)
        try face.multiplied(by: cotangent).sum().backward()
        return (error.values[0], distance.values[0])
    }

    /// Adds the gradients of how a code's face beside the pivot differs otherwise from the photograph than it did from the pivot's.
    private func stay(_ pivot: Inversion, _ moving: [Moving], losses: Losses, step: Int) throws {
        let w = try generator.latents(seed: .max, indices: UInt64(step)..<UInt64(step + 1))
        let mean = generator.meanLatent
        var code = pivot.own
        for i in code.values.indices {
            code.values[i] += settings.reach * (w[i % mean.count] - mean[i % mean.count])
        }
        let wanted = try original.synthesize(code, size: losses.side, noise: .none)
        let planes = zip(wanted.planes, losses.missing).map { $0 + $1 }
        let network = try synthesizer.replacing(
            Dictionary(uniqueKeysWithValues: moving.map { ($0.name, try $0.value()) }))
        let styles = try Tensor(code.values, shape: [1, code.rows, code.size], device: synthesizer.device)
        let target = try Tensor(planes, shape: [1, 3, losses.side, losses.side], device: synthesizer.device)
        try network.synthesize(styles, size: losses.side, noise: .none).subtracting(target).squared().mean()
            .scaled(by: Double(settings.locality) * Double(settings.interval)).backward()
    }

    private func differences(_ moving: [Moving]) throws -> [String: TensorData] {
        var result: [String: TensorData] = [:]
        for one in moving {
            let values = try one.numbers.detached().scaled(by: one.scale).to(device: .cpu).floats()
            result[one.name] = try TensorData(values, shape: one.shape).half()
        }
        return result
    }

    /// The figures of the tuned generator, with the differences as the file holds them.
    private func measured(
        _ photograph: ImageBatch, _ pivot: Inversion, _ differences: [String: TensorData], steps: Int, seconds: Double
    ) throws -> Inversion {
        let tuned = try generator.adding(differences, name: "tuning").synthesizer()
        let targets = photograph.resized(to: Inverter.side)
        let face = try tuned.synthesize(
            pivot.own, size: tuned.sizes.smallest(covering: Inverter.side), noise: .none
        ).resized(to: Inverter.side)
        let identity = try embedder.map { try IdentityObjective($0, faces: targets).evaluate(face).values[0] }
        return Inversion(
            code: pivot.code, own: pivot.own,
            error: try PixelLoss(targets: targets, side: Inverter.side).evaluate(face).values[0],
            perceptual: try LPIPS(perceptual, targets: targets).distances(face)[0], identity: identity.map { 1 - $0 },
            commonSquare: pivot.commonSquare, offsetSquare: pivot.offsetSquare, steps: steps, seconds: seconds)
    }
}
