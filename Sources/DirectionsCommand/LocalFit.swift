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
/// every logit stays in the database like any evaluation. ``LocalSearch`` combines them for each attribute; each combination
/// it asks for is applied to the faces, at its length and at a longer one. Sigma is chosen so that what is best flips
/// half of the faces where the plain direction does.
struct LocalFit {
    let store: LatentStore
    let generator: Generator
    let library: DirectionLibrary
    let evaluator: DirectionEvaluator
    let classifier: AttributeClassifier
    let basis: [DirectionFile]
    let faces: Int
    /// Rounds of steps.
    let rounds: Int

    /// Names the search, so that a better one makes new versions of the same inputs.
    private static let method = "fresh and plain starts, soft shares"

    /// The seed of the calibration faces: neither a sample set's nor the evaluations'.
    static let seed = UInt64.max - 2

    /// The step in sigma whose effects are combined: about what gives half of the faces an attribute.
    static let strength = 2.0

    /// Strengths in sigma at which the plain directions are measured.
    private static let plainStrengths = [0.5, 1, 2, 3, 4]

    /// Of a combination's length, also tried when its sigma is sought.
    private static let shorter = 0.7

    /// A combination that costs less than this much less is not worth a version.
    private static let leastRatio = 0.98

    /// Latents of which W's covariance is made.
    private static let covarianceLatents = 4096

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
        /// What the others change over what they do along the plain direction; nil where that stays.
        var ratio: Double?
    }

    /// An attribute on its way.
    private struct Candidate {
        let attribute: Attribute
        let plain: DirectionFile
        var search: LocalSearch
    }

    private typealias Step = (file: DirectionFile, group: (first: Int, last: Int))

    /// Directions of some attributes.
    ///
    /// - Throws: `Failure` when an attribute is not in the basis or of any stage.
    func run(_ attributes: [Attribute]) throws -> [Outcome] {
        guard 0...100 ~= rounds else { throw Failure("--rounds", "must be 0 to 100", isUsage: true) }
        for attribute in attributes { _ = try plain(attribute) }
        let layers = generator.identity.styleGAN2Layers
        let groups = LocalFit.groups(layers: layers)
        let steps: [Step] = basis.flatMap { file in groups.map { (file: file, group: $0) } }
        let measured = try evaluator.measure(
            try steps.map { step in
                try subject(step.file, layers: LayerRange("\(step.group.first)-\(step.group.last)", rows: layers))
            }, strengths: [LocalFit.strength], count: faces)
        let base = measured.first?.base ?? []
        let combination = try LocalCombination(
            changes: measured.map { figures in zip(figures.logits[0], figures.base).map { $0 - $1 } },
            targets: classifier.attributes.count, gram: try gram(steps))
        var candidates = try begin(attributes, steps: steps, combination: combination, base: base)
        for round in 0...rounds {
            if round > 0 { for index in candidates.indices { try candidates[index].search.goOn() } }
            try apply(&candidates, steps)
        }
        candidates.removeAll { $0.search.best == nil }
        let matches = try matches(of: candidates, steps)
        return try attributes.map { attribute in
            guard let index = candidates.firstIndex(where: { $0.attribute == attribute }),
                matches[index].ratio < LocalFit.leastRatio
            else {
                let plain = try plain(attribute)
                return Outcome(
                    direction: plain, path: library.path(plain.attribute, plain.version), isNew: false, ratio: nil)
            }
            return try write(candidates[index], matches[index], steps)
        }
    }

    private func subject(_ file: DirectionFile, layers: LayerRange? = nil) throws -> DirectionEvaluator.Subject {
        DirectionEvaluator.Subject(EditDirection(file), sha256: Hashing.sha256(try file.encoded()), layers: layers)
    }

    private func plain(_ attribute: Attribute) throws -> DirectionFile {
        guard let plain = basis.first(where: { $0.attribute == attribute.slug }) else {
            throw Failure("--basis", "has no direction of \(attribute.name)", "fit it first, or name it", isUsage: true)
        }
        return plain
    }

    /// The steps' inner products [steps, steps]: of their vectors under the inverse of W's covariance, averaged over the
    /// groups of layers, so that the many fine layers do not count for more than the few that make a face's shape.
    private func gram(_ steps: [Step]) throws -> [Double] {
        let size = generator.identity.latentSize
        let metric = try InverseCovariance(
            try generator.latents(seed: LocalFit.seed, indices: 0..<UInt64(LocalFit.covarianceLatents)), dimension: size
        )
        let vectors = basis.map { file in
            file.values.map { Double($0) * Double(file.sigma) * LocalFit.strength }
        }
        let products = try metric.products(vectors)
        let groups = steps.count / basis.count
        var result = [Double](repeating: 0, count: steps.count * steps.count)
        for a in basis.indices {
            for b in basis.indices {
                for group in 0..<groups {
                    let step = a * groups + group
                    result[step * steps.count + b * groups + group] =
                        products[a * basis.count + b] / Double(groups)
                }
            }
        }
        return result
    }

    /// The attributes whose plain direction raises its own logit, with that direction to be tried.
    private func begin(
        _ attributes: [Attribute], steps: [Step], combination: LocalCombination, base: [Float]
    ) throws -> [Candidate] {
        let cuts = EvaluateCommand.cuts(classifier)
        let plains = try attributes.map(plain)
        let curves = try evaluator.measure(
            try plains.map { try subject($0) }, strengths: LocalFit.plainStrengths, count: faces)
        return try attributes.indices.compactMap { index in
            let attribute = attributes[index]
            guard let column = classifier.attributes.firstIndex(of: attribute) else {
                throw Failure(attribute.name, "is not scored by \(classifier.name)", "choose another classifier")
            }
            let search = try LocalSearch(
                combination,
                plain: steps.map { $0.file.attribute == plains[index].attribute ? 1 / LocalFit.strength : 0 },
                curve: Array(zip(LocalFit.plainStrengths, curves[index].logits)), base: base, target: column,
                cut: cuts[column])
            return search.map { Candidate(attribute: attribute, plain: plains[index], search: $0) }
        }
    }

    /// Applies what is tried next to the faces.
    private func apply(_ candidates: inout [Candidate], _ steps: [Step]) throws {
        let tried = candidates.indices.flatMap { index in candidates[index].search.tried.map { (index, $0) } }
        let measured = try evaluator.measure(
            try tried.map { index, trial in try subject(file(candidates[index], trial.coefficients, steps)) },
            strengths: tried.map { index, _ in [1, candidates[index].search.far] }, count: faces)
        for ((index, trial), figures) in zip(tried, measured) {
            candidates[index].search.see(trial, near: figures.logits[0], far: figures.logits[1])
        }
    }

    /// Where the best combinations are like the plain directions, with a shorter strength measured too.
    private func matches(of candidates: [Candidate], _ steps: [Step]) throws -> [LocalSearch.Match] {
        let multiples = candidates.map { [LocalFit.shorter, 1, $0.search.far] }
        let measured = try evaluator.measure(
            try candidates.map { try subject(file($0, $0.search.best?.coefficients ?? [], steps)) },
            strengths: multiples, count: faces)
        return candidates.indices.map { index in
            candidates[index].search.match(Array(zip(multiples[index], measured[index].logits)))
        }
    }

    /// A combination as a direction whose sigma is the combination itself.
    private func file(_ candidate: Candidate, _ coefficients: [Double], _ steps: [Step]) throws -> DirectionFile {
        let (size, layers) = (candidate.plain.size, generator.identity.styleGAN2Layers)
        var values = [Double](repeating: 0, count: layers * size)
        for (step, coefficient) in zip(steps, coefficients) where coefficient != 0 {
            let scale = coefficient * LocalFit.strength * Double(step.file.sigma)
            for layer in step.group.first...step.group.last {
                for i in 0..<size { values[layer * size + i] += scale * Double(step.file.values[i]) }
            }
        }
        // A direction's rows have lengths with a mean square of 1.
        let length = max((values.reduce(0) { $0 + $1 * $1 } / Double(layers)).squareRoot(), 1e-12)
        var metadata = candidate.plain.metadata
        metadata.space = .wPlus
        return try DirectionFile(
            attribute: candidate.attribute.slug, values: values.map { Float($0 / length) }, rows: layers, intercept: 0,
            sigma: Float(length), metadata: metadata)
    }

    private func write(_ candidate: Candidate, _ match: LocalSearch.Match, _ steps: [Step]) throws -> Outcome {
        let plain = candidate.plain
        var direction = try file(candidate, candidate.search.best?.coefficients ?? [], steps)
        direction.sigma *= Float(match.combination.strength / match.plain.strength)
        var metadata = direction.metadata
        metadata.solver = .init(
            name: "local", regularisation: candidate.search.best?.penalty ?? 0, objective: match.ratio)
        metadata.trainAccuracy = nil
        metadata.validationAccuracy = nil
        metadata.restAccuracy = nil
        metadata.orthogonalTo = []
        metadata.created = ISO8601DateFormatter().string(from: Date())
        metadata.program = "directions \(Version.current)"
        metadata.other["local_basis"] = basis.map(\.label).joined(separator: ",")
        metadata.other["local_strength"] = "\(LocalFit.strength)"
        metadata.other["local_faces"] = "\(faces)"
        metadata.other["local_rounds"] = "\(rounds)"
        metadata.other["local_seed"] = "\(evaluator.seed)"
        metadata.inputs = DirectionMetadata.fingerprint([
            "solver": "local", "method": LocalFit.method, "strength": "\(LocalFit.strength)", "faces": "\(faces)",
            "rounds": "\(rounds)",
            "seed": "\(evaluator.seed)", "classifier": classifier.sha256,
            "plain": Hashing.sha256(try plain.encoded()),
            "basis": try basis.map { Hashing.sha256(try $0.encoded()) }.joined(separator: ","),
        ])
        direction.metadata = metadata
        let stored = try library.add(direction)
        try store.recordDirection(
            attribute: candidate.attribute, version: stored.direction.version, path: stored.path,
            sha256: Hashing.sha256(file: stored.path), generator: generator.identity.sha256, selection: nil,
            metadata: stored.direction.metadata.texts)
        return Outcome(direction: stored.direction, path: stored.path, isNew: stored.isNew, ratio: match.ratio)
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
            faces: faces, rounds: rounds
        ).run(wanted)
    }
}
