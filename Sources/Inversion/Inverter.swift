import Classifiers
import Core
import Faces
import Fitting
import Foundation
import Generators
import Images
import Latents
import Networks
import Objectives

/// Finds codes whose faces are given photographs, by the generator's gradients: Abdal and others, "Image2StyleGAN", 2019, with
/// the offsets between rows held small in W's own measure.
///
/// For example:
///
/// ```swift
/// let inverter = try Inverter(generator, perceptual: alexnet, embedder: embedder)
/// let found = try inverter.invert(photographs, budget: InversionBudget(seconds: 40))
/// ```
public struct Inverter: Sendable {
    /// Latents that W's own measure is taken from.
    private static let samples = 10_000
    /// The largest pictures that are compared, and the size of the field's tables.
    public static let side = 256

    private let generator: Generator
    private let synthesizer: any GradientSynthesizer
    private let perceptual: PerceptualNetwork
    private let embedder: FaceEmbedder?
    private let judge: FaceEmbedder?
    private let classifier: AttributeClassifier?
    private let coordinates: PrincipalCoordinates
    private let settings: InversionSettings

    /// - Parameters:
    ///   - generator: Whose codes are looked for.
    ///   - synthesizer: A synthesizer of it; nil for its fastest.
    ///   - perceptual: The network of the perceptual loss.
    ///   - embedder: The face-recognition network of the identity loss; nil leaves that out.
    ///   - judge: Which tells how alike found faces are; nil for the embedder.
    ///   - classifier: Whose logits of the photograph are to be met; nil leaves that out.
    ///   - settings: How to look.
    /// - Throws: ``Core/Failure`` when the generator can't be computed with, or W has no measure.
    public init(
        _ generator: Generator, synthesizer: (any GradientSynthesizer)? = nil, perceptual: PerceptualNetwork,
        embedder: FaceEmbedder? = nil, judge: FaceEmbedder? = nil, classifier: AttributeClassifier? = nil,
        settings: InversionSettings = .init()
    ) throws {
        self.generator = generator
        self.synthesizer = try synthesizer ?? generator.gradientSynthesizer()
        self.perceptual = perceptual
        self.embedder = embedder
        self.judge = judge ?? embedder
        self.classifier = classifier
        self.settings = settings
        coordinates = try PrincipalCoordinates(
            generator.latents(seed: 0, indices: 0..<UInt64(Inverter.samples)),
            dimension: generator.identity.latentSize, floor: settings.floor)
    }

    /// What the network that tells how alike faces are is called; nil without one.
    public var judgeTitle: String? { judge?.title }
    /// Photographs that are worked on at once.
    public var batch: Int { max(1, min(4, synthesizer.recordedAtOnce)) }

    /// The codes of some photographs.
    ///
    /// - Parameters:
    ///   - photographs: Aligned faces in FFHQ's frame, RGB in [-1, 1].
    ///   - start: Where to begin, a code for each; nil begins at the mean latent.
    ///   - budget: When to end.
    ///   - context: Whether to stop, and whom to tell of progress.
    /// - Returns: A result for each, in their order.
    /// - Throws: ``Core/Failure``: a budget or codes that do not fit, memory that runs out, or a stop.
    public func invert(
        _ photographs: ImageBatch, start: LatentCodes? = nil, budget: InversionBudget, context: RunContext = .silent
    ) throws -> [Inversion] {
        try budget.validate()
        try settings.validate()
        guard start?.count ?? photographs.count == photographs.count else {
            throw Failure("start", "has \(start?.count ?? 0) codes for \(photographs.count) photographs")
        }
        var results: [Inversion] = []
        for first in stride(from: 0, to: photographs.count, by: batch) {
            let range = first..<min(photographs.count, first + batch)
            results += try invertTogether(
                photographs[range], start: start?.slice(range), budget: budget, context: context)
        }
        return results
    }

    private func invertTogether(
        _ photographs: ImageBatch, start: LatentCodes?, budget: InversionBudget, context: RunContext
    ) throws -> [Inversion] {
        let clock = ContinuousClock()
        let began = clock.now
        func elapsed() -> Double {
            Double((clock.now - began).components.attoseconds) * 1e-18
                + Double((clock.now - began).components.seconds)
        }
        let begin = try beginning(start, count: photographs.count)
        var descent = CodeDescent(begin.values, rows: begin.rows, coordinates: coordinates)
        var schedule = DescentSchedule(settings)
        let progress = context.progress("invert", unit: "percent", total: 100)
        defer { progress.finish() }
        // A start is beyond what the stages within W are for.
        let stages = settings.stages.filter { start == nil || $0.hasOffsets }
        var (stage, objective): (Int, (any Objective)?) = (0, nil)
        var (step, shown) = (0, 0)
        while true {
            try context.check()
            let used = budget.used(step: step, seconds: elapsed(), photographs: photographs.count)
            if used >= schedule.end { break }
            while stage < stages.count - 1, used >= stages[stage].until { (stage, objective) = (stage + 1, nil) }
            let loss = try objective ?? self.objective(photographs, stages[stage])
            objective = loss
            let value = try evaluate(loss, descent, size: stages[stage].size, rows: begin.rows)
            descent.step(
                value.gradients, settings: settings, scale: (start == nil ? 1 : 0.5) * schedule.scale(used),
                hasOffsets: stages[stage].hasOffsets)
            if stage == stages.count - 1 { schedule.note(value.total, used: used) }
            step += 1
            let percent = min(100, Int(100 * used))
            progress.advance(percent - shown, note: String(format: "loss %.4f", value.total))
            shown = percent
        }
        progress.advance(100 - shown)
        let codes = try LatentCodes(descent.latents, rows: begin.rows, size: begin.size)
        return try measured(codes, photographs, steps: step, seconds: elapsed() / Double(photographs.count))
    }

    /// Where the search begins: rows that are looked for, canonical ones or the network's own.
    private func beginning(_ start: LatentCodes?, count: Int) throws -> LatentCodes {
        let (layout, size) = (generator.layout, generator.identity.latentSize)
        let rows = settings.isCanonical ? layout.canonicalRows : layout.rows
        let codes =
            try start
            ?? LatentCodes(Array(repeating: generator.meanLatent, count: count).flatMap { $0 }, rows: 1, size: size)
        if codes.rows == rows { return codes }
        if codes.rows == 1 {
            let values = (0..<count).flatMap { code in
                (0..<rows).flatMap { _ in codes.values[code * size..<(code + 1) * size] }
            }
            return try LatentCodes(values, rows: rows, size: size)
        }
        return settings.isCanonical
            ? try layout.canonical(codes) : try layout.own(codes, name: generator.identity.name)
    }

    /// The losses of the photographs' codes at a stage, and their gradients with respect to the codes.
    private func evaluate(
        _ objective: any Objective, _ descent: CodeDescent, size: Int, rows: Int
    ) throws -> (total: Double, gradients: [Float]) {
        let codes = try LatentCodes(descent.latents, rows: rows, size: generator.identity.latentSize)
        let recorded = try synthesizer.record(
            codes, size: synthesizer.sizes.smallest(covering: size), noise: .none)
        let found = try objective.evaluate(recorded.images)
        return (found.total / Double(codes.count), try recorded.backward(found.gradients))
    }

    /// The loss of a stage.
    private func objective(_ photographs: ImageBatch, _ stage: InversionSettings.Stage) throws -> any Objective {
        let targets = photographs.resized(to: stage.size)
        var reach = settings.pixels.filter { $0.key < stage.size }.map { (side: $0.key, weight: $0.value) }
        reach.append((stage.size, settings.pixels[Inverter.side] ?? 1))
        var parts: [(any Objective, weight: Float)] = [
            (PixelLoss(targets: targets, sizes: reach.sorted { $0.side > $1.side }), 1)
        ]
        if stage.perceptual > 0 { parts.append((try LPIPS(perceptual, targets: targets), stage.perceptual)) }
        if let embedder, stage.identity > 0 {
            let faces = photographs.resized(to: Inverter.side)
            parts.append((try IdentityObjective(embedder, faces: faces), stage.identity))
        }
        if let classifier, stage.attributes > 0 {
            let wanted = try classifier.logits(photographs.resized(to: classifier.inputSize))
            let alike = AttributeObjective(classifier, nearTo: wanted)
            parts.append((alike, stage.attributes))
        }
        let loss = CombinedObjective(parts)
        return settings.greyWeights.map { GreyObjective(loss, weights: $0) } ?? loss
    }

    /// How near the faces of some codes come to photographs, with the figures of the field's tables: at 256², L2 of pictures in
    /// [-1, 1] and LPIPS.
    ///
    /// - Parameters:
    ///   - codes: A code for each photograph.
    ///   - photographs: Aligned faces in FFHQ's frame, RGB in [-1, 1].
    ///   - steps: Steps that were made to find them.
    ///   - seconds: Seconds that each took.
    ///   - faces: The codes' faces, where they are more than the generator alone makes; nil for these.
    /// - Returns: A result for each, in their order.
    /// - Throws: ``Core/Failure`` for codes that do not fit the generator, or memory that runs out.
    public func measured(
        _ codes: LatentCodes, _ photographs: ImageBatch, steps: Int, seconds: Double, faces: ImageBatch? = nil
    ) throws -> [Inversion] {
        let side = Inverter.side
        let targets = photographs.resized(to: side)
        let codes = try codes.rows == 1 ? beginning(codes, count: photographs.count) : codes
        let descent = CodeDescent(codes.values, rows: codes.rows, coordinates: coordinates)
        let own = try generator.layout.own(codes, name: generator.identity.name)
        let canonical = codes.rows == generator.layout.canonicalRows ? codes : try generator.layout.canonical(own)
        let shown =
            try faces ?? synthesizer.synthesize(own, size: synthesizer.sizes.smallest(covering: side), noise: .none)
        let faces = shown.resized(to: side)
        let errors = try PixelLoss(targets: targets, side: side).evaluate(faces).values
        let distances = try LPIPS(perceptual, targets: targets).distances(faces)
        let identities = try judge.map { try IdentityObjective($0, faces: targets).evaluate(faces).values }
        return try (0..<codes.count).map { index in
            let squares = descent.squares(of: index)
            return Inversion(
                code: try canonical.slice(index..<index + 1), own: try own.slice(index..<index + 1),
                error: errors[index], perceptual: distances[index], identity: identities.map { 1 - $0[index] },
                commonSquare: squares.common, offsetSquare: squares.offsets, steps: steps, seconds: seconds)
        }
    }
}

/// A photograph's code, and how near its face comes.
public struct Inversion: Sendable, Equatable {
    /// One W+ code in StyleGAN2's rows, [1, 18, 512] at 1024².
    public let code: LatentCodes
    /// The same in the network's own rows, which is what was synthesized.
    public let own: LatentCodes
    /// L2: the mean squared error at 256², of pictures in [-1, 1].
    public let error: Float
    /// LPIPS at 256².
    public let perceptual: Float
    /// The cosine of the two faces' embeddings; nil without a face-recognition network.
    public let identity: Float?
    /// The mean square of what the rows have in common, in W's deviations: about 1 for a sampled face.
    public let commonSquare: Float
    /// The mean square of the rows' offsets, in the same measure; 0 within W.
    public let offsetSquare: Float
    /// Steps that were made.
    public let steps: Int
    /// Seconds that it took.
    public var seconds: Double
}
