import Classifiers
import Core
import DirectionFiles
import Editing
import Evaluation
import Fitting
import Foundation
import Generators
import Latents
import LatentStore
import Objectives
import Tensors

/// `fit --solver local`: W+ directions by gradients of what edits do to faces.
///
/// ``LocalDescent`` goes from an attribute's plain direction of W in steps; in each, a batch of fresh faces is edited, scored,
/// and the gradient of what is to fall pulled back through classifier and generator. What comes out is applied to
/// calibration faces beside the plain direction: sigma is chosen so that it flips half of them where the plain one does, and
/// where the others change no less, the plain one stays. All measurements stay in the database like any evaluation.
struct LocalFit {
    let store: LatentStore
    let generator: Generator
    let library: DirectionLibrary
    let evaluator: DirectionEvaluator
    let classifier: AttributeClassifier
    /// The faces' logits as a function to differentiate.
    let logits: FaceLogits
    /// The plain directions.
    let plains: [DirectionFile]
    /// Calibration faces.
    let faces: Int
    let steps: Int
    /// Faces in a step.
    let batch: Int
    let isQuiet: Bool

    /// The seed of the calibration faces: neither a sample set's nor the evaluations'.
    static let seed = UInt64.max - 2
    /// That of the faces in the steps.
    static let descentSeed = UInt64.max - 3

    /// Strengths in sigma at which the plain directions are measured.
    private static let plainStrengths = [0.5, 1, 2, 3, 4]
    /// Multiples at which the descent's direction is.
    private static let multiples = [0.5, 0.75, 1, 1.33, 2]
    /// A direction that costs less than this much less is not worth a version.
    private static let leastRatio = 0.98
    /// Latents of which W's covariance is made.
    private static let covarianceLatents = 4096

    /// How many layers, from the coarsest, have a vector of their own: those up to the first at 256 × 256 pixels.
    private static let ownLayers = 12

    /// Layers that share a vector: each its own, and all fine ones together.
    static func groups(layers: Int) -> [(first: Int, last: Int)] {
        let own = min(ownLayers, layers)
        return (0..<own).map { (first: $0, last: $0) } + (layers > own ? [(first: own, last: layers - 1)] : [])
    }

    struct Outcome {
        var direction: DirectionFile
        var path: String
        var isNew: Bool
        /// What the others change over what they do along the plain direction; nil where that stays.
        var ratio: Double?
    }

    /// Directions of some attributes, each stored as soon as it is found.
    ///
    /// - Throws: `Failure` of any stage.
    func run(_ found: (Outcome) throws -> Void) throws {
        guard 1...10_000 ~= steps else { throw Failure("--steps", "must be 1 to 10000", kind: .usage) }
        guard 4...256 ~= batch else { throw Failure("--batch", "must be 4 to 256", kind: .usage) }
        guard faces >= 10 else {
            throw Failure("--faces \(faces)", "are too few to calibrate with", "give 10 or more", kind: .usage)
        }
        let size = generator.identity.latentSize
        let metric = try LatentMetric(
            try generator.latents(seed: LocalFit.seed, indices: 0..<UInt64(LocalFit.covarianceLatents)), dimension: size
        )
        let curves = try evaluator.measure(
            try plains.map(subject), strengths: LocalFit.plainStrengths, count: faces)
        for (plain, curve) in zip(plains, curves) {
            try Terminal.context.check()
            try found(try outcome(plain, curve, metric))
        }
    }

    private func subject(_ file: DirectionFile) throws -> DirectionEvaluator.Subject {
        DirectionEvaluator.Subject(EditDirection(file), sha256: Hashing.sha256(try file.encoded()), layers: nil)
    }

    private func outcome(
        _ plain: DirectionFile, _ curve: DirectionEvaluator.Measured, _ metric: LatentMetric
    ) throws -> Outcome {
        let inputs = try inputs(plain)
        for version in library.versions(of: plain.attribute).reversed() {
            let known = try library.load("\(plain.attribute)@v\(version)")
            if known.metadata.inputs == inputs {
                return Outcome(
                    direction: known, path: library.path(known.attribute, version), isNew: false,
                    ratio: known.metadata.solver?.objective)
            }
        }
        guard let column = classifier.attributes.firstIndex(where: { $0.slug == plain.attribute }) else {
            throw Failure(plain.attribute, "is not scored by \(classifier.name)", "choose another classifier")
        }
        let cut = EvaluateCommand.cuts(classifier)[column]
        let response = LocalResponse(
            base: curve.base, targets: classifier.attributes.count, target: column, cut: cut)
        let before = zip(curve.strengths, curve.logits).map { response.effect($1, strength: $0) }
        let stays = Outcome(
            direction: plain, path: library.path(plain.attribute, plain.version), isNew: false, ratio: nil)
        guard let reference = LocalResponse.reference(before) else { return stays }
        let vectors = try descend(plain, reference, metric, column: column, cut: cut)
        var direction = try file(plain, vectors)
        let measured = try evaluator.measure(
            [try subject(direction)], strengths: LocalFit.multiples, count: faces)[0]
        let after = zip(measured.strengths, measured.logits).map { response.effect($1, strength: $0) }
        let match = LocalResponse.match(after, plain: before, reference: reference)
        guard match.ratio < LocalFit.leastRatio else { return stays }
        direction.sigma *= Float(match.direction.strength / match.plain.strength)
        return try write(direction, plain, inputs, ratio: match.ratio)
    }

    /// The vectors [groups][size] that the descent comes to.
    private func descend(
        _ plain: DirectionFile, _ reference: LocalResponse.Effect, _ metric: LatentMetric, column: Int, cut: Float
    ) throws -> [[Double]] {
        let (size, layers) = (generator.identity.latentSize, generator.identity.styleGAN2Layers)
        let groups = LocalFit.groups(layers: layers)
        var descent = LocalDescent(
            plain: plain.values.map { Double($0) * Double(plain.sigma) * reference.strength }, groups: groups.count,
            share: reference.flipped, metric: metric, target: column,
            targets: classifier.attributes.count, cut: cut, steps: steps)
        let multiples = LocalDescent.multiples(count: batch)
        var fresh = evaluator
        fresh.seed = LocalFit.descentSeed
        let base = try fresh.unedited(count: steps * batch)
        let progress = Terminal.context.progress(
            "descend \(plain.attribute)", unit: "faces", total: steps * batch, isShown: !isQuiet)
        defer { progress.finish() }
        for step in 0..<steps {
            try Terminal.context.check()
            let latents = try generator.latents(
                seed: LocalFit.descentSeed, indices: UInt64(step * batch)..<UInt64((step + 1) * batch))
            let direction = descent.direction
            var codes: [Float] = []
            codes.reserveCapacity(batch * layers * size)
            for face in 0..<batch {
                let latent = latents[face * size..<(face + 1) * size]
                for (vector, group) in zip(direction, groups) {
                    let row = zip(latent, vector).map { $0 + multiples[face] * Float($1) }
                    for _ in group.first...group.last { codes += row }
                }
            }
            let width = classifier.attributes.count
            let pulled = try logits.backward(LatentCodes(codes, rows: layers, size: size)) { logits in
                descent.gradients(
                    base: Array(base[step * batch * width..<(step + 1) * batch * width]), logits: logits)
            }
            try descent.move(
                (0..<batch).map { face in
                    var gradient = [Double](repeating: 0, count: groups.count * size)
                    for (index, group) in groups.enumerated() {
                        for layer in group.first...group.last {
                            let start = (face * layers + layer) * size
                            for i in 0..<size {
                                gradient[index * size + i] += Double(multiples[face] * pulled[start + i])
                            }
                        }
                    }
                    return gradient
                })
            progress.advance(batch, note: descent.note)
        }
        return descent.result
    }

    /// Vectors of the groups of layers as a direction whose sigma is their length.
    private func file(_ plain: DirectionFile, _ vectors: [[Double]]) throws -> DirectionFile {
        let layers = generator.identity.styleGAN2Layers
        let rows = zip(LocalFit.groups(layers: layers), vectors).flatMap { group, vector in
            (group.first...group.last).flatMap { _ in vector }
        }
        // A direction's rows have lengths with a mean square of 1.
        let length = max((rows.reduce(0) { $0 + $1 * $1 } / Double(layers)).squareRoot(), 1e-12)
        var metadata = plain.metadata
        metadata.space = .wPlus
        return try DirectionFile(
            attribute: plain.attribute, values: rows.map { Float($0 / length) }, rows: layers, intercept: 0,
            sigma: Float(length), metadata: metadata)
    }

    /// What names the fit.
    private func inputs(_ plain: DirectionFile) throws -> String {
        DirectionMetadata.fingerprint([
            "solver": "local", "method": "natural descent, \(LocalFit.ownLayers) own layers", "faces": "\(faces)",
            "steps": "\(steps)",
            "batch": "\(batch)",
            "seeds": "\(LocalFit.seed),\(LocalFit.descentSeed)", "classifier": classifier.sha256,
            "plain": Hashing.sha256(try plain.encoded()),
        ])
    }

    private func write(
        _ found: DirectionFile, _ plain: DirectionFile, _ inputs: String, ratio: Double
    ) throws -> Outcome {
        var direction = found
        var metadata = direction.metadata
        metadata.solver = .init(
            name: "local", regularisation: 0, objective: ratio, iterations: steps)
        metadata.trainAccuracy = nil
        metadata.validationAccuracy = nil
        metadata.restAccuracy = nil
        metadata.orthogonalTo = []
        metadata.created = ISO8601DateFormatter().string(from: Date())
        metadata.program = "directions \(Version.current)"
        metadata.other["local_start"] = plain.label
        metadata.other["local_faces"] = "\(faces)"
        metadata.other["local_batch"] = "\(batch)"
        metadata.other["local_seeds"] = "\(LocalFit.seed),\(LocalFit.descentSeed)"
        metadata.inputs = inputs
        direction.metadata = metadata
        let stored = try library.add(direction)
        try store.recordDirection(
            attribute: Attribute.named(plain.attribute), version: stored.direction.version, path: stored.path,
            sha256: Hashing.sha256(file: stored.path), generator: generator.identity.sha256, selection: nil,
            metadata: stored.direction.metadata.texts)
        return Outcome(direction: stored.direction, path: stored.path, isNew: stored.isNew, ratio: ratio)
    }
}

extension FitCommand {
    /// The directions of W to start from: a version of each attribute, or its newest that a fit made.
    func localStarts(_ library: DirectionLibrary, attributes: [Attribute]) throws -> [DirectionFile] {
        try attributes.map { attribute in
            if let start {
                let file = try library.load("\(attribute.slug)@\(start)")
                guard file.rows == 1 else {
                    throw Failure("--start", "\(file.label) is of W+", "name a version of W", kind: .usage)
                }
                return file
            }
            for version in library.versions(of: attribute.slug).reversed() {
                let file = try library.load("\(attribute.slug)@v\(version)")
                if file.rows == 1 && file.metadata.solver != nil { return file }
            }
            throw Failure(
                attribute.slug, "has no direction of W to start from", "run `directions fit --attr \(attribute.slug)`")
        }
    }

    /// Fits by ``LocalFit``.
    func runLocal(
        _ wanted: [Attribute], store: LatentStore, library: DirectionLibrary, found: (LocalFit.Outcome) throws -> Void
    ) throws {
        Torch.keepFreedMemory()
        let loaded = try Generator.load(folder: workspace.value.generator(generator))
        let place = try device.value
        let judge = try AttributeClassifier.load(
            path: ClassifierOption.path(classifier, workspace.value), device: place)
        let files = try localStarts(library, attributes: wanted)
        for file in files {
            try file.requireGenerator(sha256: loaded.identity.sha256, name: loaded.identity.name)
        }
        let synthesizer = try loaded.gradientSynthesizer(threads: threads, device: place)
        var evaluator = DirectionEvaluator(
            generator: loaded, synthesizer: synthesizer, classifier: judge, store: store,
            context: json ? Terminal.context.quiet : Terminal.context)
        evaluator.seed = LocalFit.seed
        try LocalFit(
            store: store, generator: loaded, library: library, evaluator: evaluator, classifier: judge,
            logits: FaceLogits(synthesizer: synthesizer, classifier: judge), plains: files, faces: faces, steps: steps,
            batch: batch, isQuiet: json
        ).run(found)
    }
}
