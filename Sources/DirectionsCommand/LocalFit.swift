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
/// logit and holds the others. Effects do not quite add up, so each combination is itself applied to the faces, as far as
/// the plain direction has to go until half of the faces flip, and corrected by what it is seen to do; the best of some
/// rounds is kept. Sigma is chosen so that it flips half of the faces where the plain direction does.
struct LocalFit {
    let store: LatentStore
    let generator: Generator
    let library: DirectionLibrary
    let evaluator: DirectionEvaluator
    let classifier: AttributeClassifier
    let basis: [DirectionFile]
    let faces: Int
    /// Corrections of each combination.
    let rounds: Int

    /// The seed of the calibration faces: neither a sample set's nor the evaluations'.
    static let seed = UInt64.max - 2

    /// The step in sigma whose effects are combined: about what gives half of the faces an attribute.
    static let strength = 2.0

    /// Strengths in sigma at which the plain directions are measured.
    private static let plainStrengths = [0.5, 1, 2, 3, 4]

    /// Multiples of a combination between which its sigma is sought.
    private static let multiples = [0.7, 1, 1.4, 2]

    /// The share of the plain direction's rise that a combination is to reach before its cost counts.
    private static let leastRise = 0.85

    /// A combination that costs less than this much less is not worth a version.
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
        /// What the others change over what they do along the plain direction; nil where that stays.
        var ratio: Double?
    }

    private typealias Step = (file: DirectionFile, group: (first: Int, last: Int))

    /// What a direction is seen to do at one strength.
    private struct Effect {
        var strength = 0.0
        /// Mean change of the own logit on the faces where it counts.
        var rise = 0.0
        /// What the others change, `rise` times ``LocalCombination/cost(of:targets:target:own:drift:)``.
        var drag = 0.0
        /// Share of the faces without the attribute that get it.
        var flipped = 0.0

        var cost: Double { rise > 0 ? drag / rise : .infinity }

        func towards(_ other: Effect, _ part: Double) -> Effect {
            func between(_ path: KeyPath<Effect, Double>) -> Double {
                self[keyPath: path] + part * (other[keyPath: path] - self[keyPath: path])
            }
            return Effect(
                strength: between(\.strength), rise: between(\.rise), drag: between(\.drag),
                flipped: between(\.flipped))
        }
    }

    /// An attribute on its way.
    private struct Candidate {
        let attribute: Attribute
        let column: Int
        let plain: DirectionFile
        /// The faces on which its own logit counts.
        let own: [Int]
        /// The penalty that cross-validation chose for the beginning that holds the drift.
        let penalty: Double
        /// The logit from which on a face has the attribute.
        let cut: Float
        /// What the plain direction does at each strength.
        let curve: [Effect]
        /// What it does where it flips half of the faces, else at two sigma.
        let reference: Effect
        /// What is tried next.
        var tried: [[Double]]
        /// The best so far.
        var best: Trial?

        /// What the plain direction does where it raises the own logit as far; its farthest where it does not.
        func plain(rise: Double) -> Effect {
            LocalFit.first(curve, \.rise, reaching: rise) ?? curve.max { $0.rise < $1.rise } ?? reference
        }

        /// How far a combination goes, and what it costs over the plain direction there.
        func trial(_ coefficients: [Double], _ effect: Effect) -> Trial {
            Trial(
                coefficients: coefficients, effect: effect,
                isFar: effect.rise >= LocalFit.leastRise * reference.rise,
                ratio: effect.cost / plain(rise: effect.rise).cost)
        }
    }

    /// A combination that was applied to the faces.
    private struct Trial {
        let coefficients: [Double]
        let effect: Effect
        let isFar: Bool
        let ratio: Double

        /// One that hardly moves its own logit is no direction, however little it costs.
        func isBetter(than other: Trial?) -> Bool {
            guard let other else { return effect.rise > 0 }
            return isFar == other.isFar ? ratio < other.ratio : isFar
        }
    }

    /// A strength of a combination, in multiples of it, and of the plain direction, in sigma, that are alike.
    private struct Match {
        let combination: Effect
        let plain: Effect

        var ratio: Double { combination.cost / plain.cost }
    }

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
            targets: classifier.attributes.count)
        var candidates = try begin(attributes, steps: steps, combination: combination, base: base)
        for round in 0...rounds { try refine(&candidates, steps, combination, base: base, isLast: round == rounds) }
        candidates.removeAll { $0.best == nil }
        let matches = try matches(of: candidates, steps, base: base)
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

    /// The first combinations of the attributes that have one, as long as the plain directions are where they are compared.
    private func begin(
        _ attributes: [Attribute], steps: [Step], combination: LocalCombination, base: [Float]
    ) throws -> [Candidate] {
        let cuts = EvaluateCommand.cuts(classifier)
        let plains = try attributes.map(plain)
        let curves = try evaluator.measure(
            try plains.map { try subject($0) }, strengths: LocalFit.plainStrengths, count: faces)
        return try attributes.indices.compactMap { index in
            try Interruption.check()
            let attribute = attributes[index]
            guard let column = classifier.attributes.firstIndex(of: attribute) else {
                throw Failure(attribute.name, "is not scored by \(classifier.name)", "choose another classifier")
            }
            let own = LocalFit.counted(base, column: column, targets: combination.targets, cut: cuts[column])
            let effects = zip(LocalFit.plainStrengths, curves[index].logits).map { strength, logits in
                effect(logits, base: base, strength: strength, column: column, own: own, cut: cuts[column])
            }
            let reference =
                LocalFit.first(effects, \.flipped, reaching: 0.5)
                ?? effects.first { $0.strength == LocalFit.strength }
            let ownSteps = steps.map { $0.file.attribute == plains[index].attribute }
            // Two beginnings, of which the faces tell the better: one that holds the drift too, and a plainer one.
            let solutions = try [
                combination.fit(target: column, plain: ownSteps, own: own),
                combination.fit(target: column, plain: ownSteps, own: Array(0..<combination.faces), drift: 0),
            ].compactMap(\.self)
            guard let reference, reference.rise > 0, let first = solutions.first else { return nil }
            return Candidate(
                attribute: attribute, column: column, plain: plains[index], own: own, penalty: first.penalty,
                cut: cuts[column], curve: effects, reference: reference,
                tried: solutions.map { solution in
                    let promised = combination.rise(of: solution.coefficients, target: column, own: own)
                    return solution.coefficients.map { $0 * reference.rise / max(promised, 1e-6) }
                })
        }
    }

    /// The faces that lack an attribute, but for the quarter of them that is farthest from it; all where none lacks it.
    private static func counted(_ base: [Float], column: Int, targets: Int, cut: Float) -> [Int] {
        let lacking = (0..<base.count / targets).filter { base[$0 * targets + column] < cut }
        let nearest = lacking.sorted { base[$0 * targets + column] > base[$1 * targets + column] }
        let kept = nearest.prefix((3 * nearest.count + 3) / 4).sorted()
        return kept.isEmpty ? Array(0..<base.count / targets) : kept
    }

    /// What edited faces' logits [faces, targets] say of a direction at one strength.
    private func effect(
        _ logits: [Float], base: [Float], strength: Double, column: Int, own: [Int], cut: Float
    ) -> Effect {
        let targets = classifier.attributes.count
        let changes = zip(logits, base).map { $0 - $1 }
        let rise = own.reduce(0) { $0 + Double(changes[$1 * targets + column]) } / Double(max(1, own.count))
        let cost = LocalCombination.cost(of: changes, targets: targets, target: column, own: own)
        let lacking = stride(from: column, to: base.count, by: targets).filter { base[$0] < cut }
        return Effect(
            strength: strength, rise: rise, drag: rise > 0 ? cost * rise : 0,
            flipped: Double(lacking.count { logits[$0] >= cut }) / Double(max(1, lacking.count)))
    }

    /// Where a figure first reaches a value, between two strengths; nil where it does not.
    private static func first(_ effects: [Effect], _ figure: KeyPath<Effect, Double>, reaching value: Double) -> Effect?
    {
        var before = Effect()
        for effect in effects {
            if effect[keyPath: figure] >= value {
                let (low, high) = (before[keyPath: figure], effect[keyPath: figure])
                return before.towards(effect, (value - low) / max(high - low, 1e-9))
            }
            before = effect
        }
        return nil
    }

    /// Applies what is tried next to the faces, keeps it where it is the cheapest so far, and corrects it.
    private func refine(
        _ candidates: inout [Candidate], _ steps: [Step], _ combination: LocalCombination, base: [Float], isLast: Bool
    ) throws {
        let tried = candidates.indices.flatMap { index in candidates[index].tried.map { (index, $0) } }
        let measured = try evaluator.measure(
            try tried.map { try subject(file(candidates[$0.0], $0.1, steps)) }, strengths: [1], count: faces)
        for index in candidates.indices {
            try Interruption.check()
            let candidate = candidates[index]
            var latest: (trial: Trial, logits: [Float])?
            for (tried, figures) in zip(tried, measured) where tried.0 == index {
                let trial = candidate.trial(
                    tried.1,
                    effect(
                        figures.logits[0], base: base, strength: 1, column: candidate.column, own: candidate.own,
                        cut: candidate.cut))
                if trial.isBetter(than: latest?.trial) { latest = (trial, figures.logits[0]) }
            }
            candidates[index].tried = []
            guard let latest else { continue }
            if latest.trial.isBetter(than: candidate.best) { candidates[index].best = latest.trial }
            if isLast { continue }
            let scale = min(max(candidate.reference.rise / latest.trial.effect.rise, 0.6), 1.4)
            let correction = try combination.correction(
                of: candidate.column, measured: zip(latest.logits, base).map { Float(scale) * ($0 - $1) },
                own: candidate.own)
            candidates[index].tried = [zip(latest.trial.coefficients, correction).map { scale * $0 + $1 }]
        }
    }

    /// Where the best combinations are like the plain directions: both flip half of the faces, or else both raise the own
    /// logit as far.
    private func matches(of candidates: [Candidate], _ steps: [Step], base: [Float]) throws -> [Match] {
        let measured = try evaluator.measure(
            try candidates.map { try subject(file($0, $0.best?.coefficients ?? [], steps)) },
            strengths: LocalFit.multiples, count: faces)
        return zip(candidates, measured).map { candidate, figures in
            let effects = zip(LocalFit.multiples, figures.logits).map { multiple, logits in
                effect(
                    logits, base: base, strength: multiple, column: candidate.column, own: candidate.own,
                    cut: candidate.cut)
            }
            let reference = candidate.reference
            if reference.flipped >= 0.5 - 1e-9, let half = LocalFit.first(effects, \.flipped, reaching: 0.5) {
                return Match(combination: half, plain: reference)
            }
            let farthest = effects.max { $0.rise < $1.rise } ?? reference
            let reached = LocalFit.first(effects, \.rise, reaching: reference.rise) ?? farthest
            return Match(combination: reached, plain: candidate.plain(rise: reached.rise))
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

    private func write(_ candidate: Candidate, _ match: Match, _ steps: [Step]) throws -> Outcome {
        let plain = candidate.plain
        var direction = try file(candidate, candidate.best?.coefficients ?? [], steps)
        direction.sigma *= Float(match.combination.strength / match.plain.strength)
        var metadata = direction.metadata
        metadata.solver = .init(name: "local", regularisation: candidate.penalty, objective: match.ratio)
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
            "solver": "local", "strength": "\(LocalFit.strength)", "faces": "\(faces)", "rounds": "\(rounds)",
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
