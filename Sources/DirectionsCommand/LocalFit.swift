import Classifiers
import Core
import DirectionFiles
import Editing
import Evaluation
import Fitting
import Foundation
import Generators
import LatentStore

/// `fit --solver local`: W+ directions out of measured effects.
///
/// Directions of W (the basis) are applied to calibration faces in groups of layers, two sigma each; what they change of
/// every logit stays in the database like any evaluation. For each attribute the combination is sought that moves its
/// logit and holds the others, face by face.
struct LocalFit {
    let store: LatentStore
    let generator: Generator
    let library: DirectionLibrary
    let evaluator: DirectionEvaluator
    let classifier: AttributeClassifier
    let basis: [DirectionFile]
    let faces: Int

    /// The seed of the calibration faces: neither a sample set's nor the evaluations'.
    static let seed = UInt64.max - 2

    /// The step in sigma whose effects are combined: about what gives half of the faces an attribute.
    static let strength = 2.0

    /// A combination that holds the others less than this much better, by cross-validation, is not worth a version.
    private static let leastRatio = 0.98

    /// Pairs of layers while they are coarse, and all fine ones together.
    static func groups(layers: Int) -> [(first: Int, last: Int)] {
        let coarse = min(8, layers - layers % 2)
        let pairs = stride(from: 0, to: coarse, by: 2).map { (first: $0, last: $0 + 1) }
        return pairs + (layers > coarse ? [(first: coarse, last: layers - 1)] : [])
    }

    struct Outcome {
        var direction: DirectionFile
        var path: String
        var isNew: Bool
        /// Held-out entanglement over the plain direction's; nil where that stays.
        var ratio: Double?
    }

    /// Directions of some attributes.
    ///
    /// - Throws: `Failure` when an attribute is not in the basis or of any stage.
    func run(_ attributes: [Attribute]) throws -> [Outcome] {
        for attribute in attributes where !basis.contains(where: { $0.attribute == attribute.slug }) {
            throw Failure("--basis", "has no direction of \(attribute.name)", "fit it first, or name it", isUsage: true)
        }
        let layers = generator.identity.styleGAN2Layers
        let groups = LocalFit.groups(layers: layers)
        let steps = basis.flatMap { file in groups.map { (file: file, group: $0) } }
        let subjects = try steps.map { step in
            DirectionEvaluator.Subject(
                EditDirection(step.file), sha256: Hashing.sha256(try step.file.encoded()),
                layers: try LayerRange("\(step.group.first)-\(step.group.last)", rows: layers))
        }
        let measured = try evaluator.measure(subjects, strengths: [LocalFit.strength], count: faces)
        let changes = measured.map { figures in zip(figures.logits[0], figures.base).map { $0 - $1 } }
        let combination = try LocalCombination(changes: changes, targets: classifier.attributes.count)
        return try attributes.map { attribute in
            try Interruption.check()
            guard let plain = basis.first(where: { $0.attribute == attribute.slug }),
                let target = classifier.attributes.firstIndex(of: attribute)
            else {
                throw Failure(attribute.name, "is not scored by \(classifier.name)", "choose another classifier")
            }
            let solution = try combination.fit(
                target: target, plain: steps.map { $0.file.attribute == plain.attribute })
            guard let solution, solution.ratio < LocalFit.leastRatio else {
                let path = library.path(plain.attribute, plain.version)
                return Outcome(direction: plain, path: path, isNew: false, ratio: nil)
            }
            return try write(attribute, plain: plain, steps: steps, solution: solution, layers: layers)
        }
    }

    private func write(
        _ attribute: Attribute, plain: DirectionFile, steps: [(file: DirectionFile, group: (first: Int, last: Int))],
        solution: LocalCombination.Solution, layers: Int
    ) throws -> Outcome {
        let size = plain.size
        var values = [Double](repeating: 0, count: layers * size)
        for (step, coefficient) in zip(steps, solution.coefficients) where coefficient != 0 {
            let scale = coefficient * Double(step.file.sigma)
            for layer in step.group.first...step.group.last {
                for i in 0..<size { values[layer * size + i] += scale * Double(step.file.values[i]) }
            }
        }
        // A direction's rows have lengths with a mean square of 1; sigma makes one step what the combination is.
        let length = (values.reduce(0) { $0 + $1 * $1 } / Double(layers)).squareRoot()
        var metadata = plain.metadata
        metadata.space = .wPlus
        metadata.solver = .init(name: "local", regularisation: solution.penalty, objective: solution.ratio)
        metadata.trainAccuracy = nil
        metadata.validationAccuracy = nil
        metadata.restAccuracy = nil
        metadata.orthogonalTo = []
        metadata.created = ISO8601DateFormatter().string(from: Date())
        metadata.program = "directions \(Version.current)"
        metadata.other["local_basis"] = basis.map(\.label).joined(separator: ",")
        metadata.other["local_strength"] = "\(LocalFit.strength)"
        metadata.other["local_faces"] = "\(faces)"
        metadata.other["local_seed"] = "\(evaluator.seed)"
        metadata.inputs = DirectionMetadata.fingerprint([
            "solver": "local", "strength": "\(LocalFit.strength)", "faces": "\(faces)", "seed": "\(evaluator.seed)",
            "classifier": classifier.sha256,
            "plain": Hashing.sha256(try plain.encoded()),
            "basis": try basis.map { Hashing.sha256(try $0.encoded()) }.joined(separator: ","),
        ])
        let direction = try DirectionFile(
            attribute: attribute.slug, values: values.map { Float($0 / length) }, rows: layers, intercept: 0,
            sigma: Float(length), metadata: metadata)
        let stored = try library.add(direction)
        try store.recordDirection(
            attribute: attribute, version: stored.direction.version, path: stored.path,
            sha256: Hashing.sha256(file: stored.path), generator: generator.identity.sha256, selection: nil,
            metadata: stored.direction.metadata.texts)
        return Outcome(
            direction: stored.direction, path: stored.path, isNew: stored.isNew, ratio: solution.ratio)
    }
}

extension FitCommand {
    /// The basis that was named, or each attribute's newest direction of W that a fit made.
    func localBasis(_ library: DirectionLibrary, attributes: [Attribute]) throws -> [DirectionFile] {
        if let basis, basis != "all" {
            // all@v1: that version of every attribute.
            let names =
                basis.hasPrefix("all@")
                ? Attribute.all.map { $0.slug + basis.dropFirst(3) } : basis.split(separator: ",").map(String.init)
            let files = try names.map { try library.load($0) }
            guard files.allSatisfy({ $0.rows == 1 }), Set(files.map(\.attribute)).count == files.count else {
                throw Failure(
                    "--basis", "names a W+ direction, or two of one attribute", "name one of W each", isUsage: true)
            }
            return files
        }
        return try (basis == nil ? attributes : Attribute.all).map { attribute in
            for version in library.versions(of: attribute.slug).reversed() {
                let file = try library.load("\(attribute.slug)@v\(version)")
                if file.rows == 1 && file.metadata.solver != nil { return file }
            }
            throw Failure(
                attribute.slug, "has no direction of W to start from", "run `directions fit --attr \(attribute.slug)`")
        }
    }

    /// Fits by ``LocalFit``.
    func runLocal(_ wanted: [Attribute], store: LatentStore, library: DirectionLibrary) throws -> [LocalFit.Outcome] {
        let loaded = try Generator.load(folder: workspace.value.generator(generator))
        let place = try device.value
        let judge = try AttributeClassifier.load(
            path: ClassifierOption.path(classifier, workspace.value), device: place)
        let files = try localBasis(library, attributes: wanted)
        for file in files {
            try file.requireGenerator(sha256: loaded.identity.sha256, name: loaded.identity.name)
        }
        var evaluator = DirectionEvaluator(
            generator: loaded,
            synthesizer: try loaded.synthesizer(.engine, threads: threads, device: place), classifier: judge,
            store: store)
        evaluator.seed = LocalFit.seed
        return try LocalFit(
            store: store, generator: loaded, library: library, evaluator: evaluator, classifier: judge, basis: files,
            faces: faces
        ).run(wanted)
    }
}
