import ArgumentParser
import Core
import DirectionFiles
import Fitting
import Foundation
import Generators
import LatentStore

/// `directions fit`: a selection becomes a direction file.
struct FitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fit",
        abstract: "Fit a linear boundary to a selection; its unit normal becomes the next version of the direction.",
        discussion: """
            The solver is that of scikit-learn's SVC(kernel="linear") (L1 hinge, free intercept), stopped on a certified \
            duality gap. The same inputs make no new version.

            --solver local goes on from such a direction to one of W+ that moves the other attributes less: minutes for each \
            attribute, where the SVM takes a second.

            For example:
              directions fit --attr eyeglasses
              directions fit --attr eyeglasses --condition-on male
              directions fit --attr eyeglasses --solver local
            """)

    @Option(name: .customLong("attr"), help: "Attributes, separated by commas, or all (default: the paper's eight).")
    var attributes: String?

    @Option(help: "Project these directions out, separated by commas, such as male,age@v2.")
    var conditionOn: String?

    @Option(
        help: """
            The SVM's or the logistic regression's C: a number, or auto for five-fold cross-validation; of joint, what its \
            penalty is multiplied by.
            """)
    var c = "1.0"

    @Option(
        help: """
            svm, logistic, lda (Ledoit-Wolf shrinkage), ridge (on the logits of all scored latents), joint (ridge on all \
            attributes at once: move the own logit, hold the others), or local (W+: goes on from the direction of W in steps, \
            by the gradients of what edits change on fresh faces).
            """)
    var solver: SolverName = .svm

    @Option(help: "The latent space; directions are fitted in w.")
    var space = "w"

    @Option(help: "Names the 70/30 split into training and validation.")
    var splitSeed: UInt64 = 0

    @Option(
        help:
            "With --solver local: the version of each attribute's direction of W to start from, such as v1 (default: its newest of W that a fit made)."
    )
    var start: String?

    @Option(help: "With --solver local: how many faces the directions are calibrated and compared on.")
    var faces = 96

    @Option(help: "With --solver local: how many steps it goes from the direction of W.")
    var steps = 60

    @Option(help: "With --solver local: how many fresh faces are edited in each step.")
    var batch = 16

    @Option(help: "With --solver local: the classifier that judges (default: the shipped one).")
    var classifier: String?

    @Option(help: "With --solver local: threads that synthesize; 0 for one a processor.")
    var threads = 0

    @OptionGroup var device: DeviceOption

    @Option(help: "The generator's name in the workspace.")
    var generator = "default"

    @OptionGroup var workspace: WorkspaceOption

    @Flag(help: "Print the result as JSON.")
    var json = false

    private struct Result: Encodable {
        let direction: String
        let path: String
        let isNew: Bool
        let trainAccuracy: Double?
        let validationAccuracy: Double?
        let restAccuracy: Double?
        let sigma: Double
        let relativeGap: Double?
        var entanglement: Double?
    }

    func run() throws {
        guard space == "w" else {
            throw Failure("--space \(space)", "is not fitted by this version", "use w", kind: .usage)
        }
        let regularisation = try regularisation()
        let asked = try attributes.map { try Attribute.list($0) }
        let identity = try GeneratorIdentity.read(folder: workspace.value.generator(generator))
        let store = try LatentStore.open(workspace.value.database)
        let wanted = try asked ?? Attribute.defaults(among: store.attributes())
        let library = DirectionLibrary(workspace.value.directions)
        let conditions = try (conditionOn ?? "").split(separator: ",").map { try library.load(String($0)) }
        let job = FitJob(
            store: store, identity: identity, library: library, solver: solver, regularisation: regularisation,
            conditions: conditions, splitSeed: splitSeed)
        if start != nil && solver != .local {
            throw Failure("--start", "is for --solver local", "add that, or leave it out", kind: .usage)
        }
        var results: [Result] = []
        var parameters = [
            "attr": wanted.map(\.name).joined(separator: ","), "c": c, "solver": solver.rawValue,
            "condition-on": conditionOn ?? "",
        ]
        if solver == .local {
            parameters["start"] = start ?? ""
            parameters["faces"] = "\(faces)"
            parameters["steps"] = "\(steps)"
            parameters["batch"] = "\(batch)"
        }
        try store.logged("fit", parameters: parameters, inputs: ["generator": identity.sha256]) {
            if solver == .local {
                guard conditions.isEmpty else {
                    throw Failure("--condition-on", "is not for --solver local", "leave it out", kind: .usage)
                }
                try runLocal(wanted, store: store, library: library) { made in
                    results.append(
                        Result(
                            direction: made.direction.label, path: made.path, isNew: made.isNew, trainAccuracy: nil,
                            validationAccuracy: nil, restAccuracy: nil, sigma: Double(made.direction.sigma),
                            relativeGap: nil, entanglement: made.ratio))
                    if !json, let last = results.last { FitCommand.showLocal(last) }
                }
                return Dictionary(results.map { ($0.direction, $0.path) }, uniquingKeysWith: { $1 })
            }
            for attribute in wanted {
                try Terminal.context.check()
                let made = try job.run(attribute)
                let metadata = made.direction.metadata
                results.append(
                    Result(
                        direction: made.direction.label, path: made.path, isNew: made.isNew,
                        trainAccuracy: metadata.trainAccuracy, validationAccuracy: metadata.validationAccuracy,
                        restAccuracy: metadata.restAccuracy, sigma: Double(made.direction.sigma),
                        relativeGap: metadata.solver?.relativeGap))
                if !json, let last = results.last { FitCommand.show(last) }
            }
            return Dictionary(results.map { ($0.direction, $0.path) }, uniquingKeysWith: { $1 })
        }
        try store.checkpoint()
        if json { return try printJSON(results) }
        if solver == .svm && conditions.isEmpty {
            let more = "`directions fit --solver local` goes on to directions that move the other attributes less"
            Terminal.write("fit: \(more) (minutes for each)\n")
        }
    }

    /// C, or nil for cross-validation.
    private func regularisation() throws -> Double? {
        if c == "auto" { return nil }
        guard let value = Double(c), value.isFinite, value > 0 else {
            throw Failure("--c \(c)", "is not a positive number", "for example 1.0, or auto", kind: .usage)
        }
        return value
    }

    private static func showLocal(_ result: Result) {
        guard let ratio = result.entanglement else {
            return print("\(result.direction): nothing was found that holds the others better; it stays as it is")
        }
        let figures = String(
            format: "others move %.2f times as much as along the plain direction (calibration faces)", ratio)
        print("\(result.direction): \(figures)  \(result.path)\(result.isNew ? "" : " (unchanged)")")
    }

    private static func show(_ result: Result) {
        let rest = result.restAccuracy.map { String(format: ", all others %.1f %%", 100 * $0) } ?? ""
        let figures = String(
            format: "train %.1f %%, held out %.1f %%%@; sigma %.3f", 100 * (result.trainAccuracy ?? 0),
            100 * (result.validationAccuracy ?? 0), rest, result.sigma)
        print("\(result.direction): \(figures)  \(result.path)\(result.isNew ? "" : " (unchanged)")")
    }
}

/// Which solver finds the boundary.
enum SolverName: String, ExpressibleByArgument, CaseIterable {
    case svm, logistic, lda, ridge, joint, local
}

/// Fits one attribute after another with the same settings.
struct FitJob {
    let store: LatentStore
    let identity: GeneratorIdentity
    let library: DirectionLibrary
    let solver: SolverName
    /// nil chooses by cross-validation.
    let regularisation: Double?
    let conditions: [DirectionFile]
    let splitSeed: UInt64

    /// The direction of an attribute's newest selection.
    ///
    /// - Throws: `Failure` when there is no selection, or the data allow no boundary.
    func run(_ attribute: Attribute) throws -> (direction: DirectionFile, path: String, isNew: Bool) {
        let selection = try store.latestSelection(attribute, generator: identity.sha256)
        let top = try store.members(of: selection.id, label: 1)
        let bottom = try store.members(of: selection.id, label: -1)
        let features = try store.latents(ids: top + bottom)
        let labels = [Int8](repeating: 1, count: top.count) + [Int8](repeating: -1, count: bottom.count)
        let samples = try LabelledSamples(features: features, dimension: identity.latentSize, labels: labels)
        let (train, validation) = try samples.split(fraction: 0.7, seed: splitSeed)
        let (boundary, usedC) = try boundary(train, attribute: attribute, selection: selection)
        let others = conditions.filter { $0.attribute != attribute.slug }
        let final = try condition(boundary, on: others, samples: train)
        let rest = try restAccuracy(final, attribute: attribute, selection: selection, excluding: Set(top + bottom))
        var metadata = DirectionMetadata(space: .w)
        metadata.generator = .init(name: identity.name, sha256: identity.sha256)
        metadata.classifier = .init(name: rest.classifier.name, sha256: rest.classifier.sha256)
        if let set = try store.sampleSets().first(where: { $0.set.ids.contains(top.first ?? -1) }) {
            metadata.samples = .init(set: "\(set.set.id)", seed: set.set.seed, count: set.count, psi: set.set.psi)
        }
        metadata.selection = .init(
            id: "\(selection.id)", top: selection.top, bottom: selection.bottom, thresholdTop: selection.topThreshold,
            thresholdBottom: selection.bottomThreshold)
        if selection.isMatched { metadata.other["selection_kind"] = "matched" }
        metadata.solver = .init(
            name: final.record.solver, regularisation: usedC, objective: final.record.objective,
            relativeGap: final.record.relativeGap, iterations: final.record.iterations)
        metadata.trainAccuracy = final.accuracy(on: train)
        metadata.validationAccuracy = final.accuracy(on: validation)
        metadata.restAccuracy = rest.accuracy
        metadata.orthogonalTo = others.map(\.label)
        metadata.licence = identity.licence
        metadata.created = ISO8601DateFormatter().string(from: Date())
        metadata.program = "directions \(Version.current)"
        metadata.inputs = DirectionMetadata.fingerprint([
            "selection": selection.fingerprint, "solver": solver.rawValue,
            "c": regularisation.map { "\($0)" } ?? "auto",
            "split": "\(splitSeed)",
            "conditions": try others.map { Hashing.sha256(try $0.encoded()) }.joined(separator: ","),
        ])
        let direction = try DirectionFile(
            attribute: attribute.slug, values: final.direction, intercept: Float(final.intercept),
            sigma: Float(final.sigma),
            metadata: metadata)
        let stored = try library.add(direction)
        try store.recordDirection(
            attribute: attribute, version: stored.direction.version, path: stored.path,
            sha256: Hashing.sha256(file: stored.path), generator: identity.sha256, selection: selection.id,
            metadata: stored.direction.metadata.texts)
        return stored
    }

    private func boundary(
        _ train: LabelledSamples, attribute: Attribute, selection: SelectionRecord
    ) throws -> (Boundary, Double) {
        switch solver {
        case .svm:
            let c = try regularisation ?? crossValidated(train) { SupportVectorMachine(c: $0) }
            var method = SupportVectorMachine(c: c)
            method.context = Terminal.context
            return (try method.fit(train), c)
        case .logistic:
            let c = try regularisation ?? crossValidated(train) { LogisticRegression(c: $0) }
            var method = LogisticRegression(c: c)
            method.context = Terminal.context
            return (try method.fit(train), c)
        case .lda:
            let found = try LinearDiscriminant().fit(train)
            return (found, found.record.regularisation)
        case .ridge:
            let found = try ridge(attribute, selection: selection)
            return (found, found.record.regularisation)
        case .joint:
            let found = try ridge(attribute, selection: selection, penalty: regularisation ?? 1)
            return (found, found.record.regularisation)
        case .local: throw Failure("--solver local", "goes on from a direction of W", "run it through `directions fit`")
        }
    }

    private func crossValidated(
        _ train: LabelledSamples, _ solver: (Double) -> any BoundarySolver
    ) throws -> Double {
        var method = CrossValidation(seed: splitSeed)
        method.context = Terminal.context
        return try method.choose(train, solver: solver).c
    }

    /// What a step of one standard deviation changes of every logit at random, squared; `--c` multiplies it in the joint fit.
    private static let jointPenalty = 0.05

    /// Ridge on the attribute's logits of all scored latents, its boundary at logit 0.
    ///
    /// - Parameter penalty: For the joint fit on all attributes' logits; nil for the attribute alone.
    private func ridge(
        _ attribute: Attribute, selection: SelectionRecord, penalty: Double? = nil
    ) throws -> Boundary {
        let (classifier, column) = try judge(attribute, selection: selection)
        let (ids, logits) = try store.logits(classifier: classifier.id, generator: identity.sha256)
        let width = classifier.attributes.count
        var ridge = RidgeRegression(dimension: identity.latentSize, targets: penalty == nil ? 1 : width)
        for start in stride(from: 0, to: ids.count, by: 4096) {
            let end = min(ids.count, start + 4096)
            let targets =
                penalty == nil
                ? (start..<end).map { logits[$0 * width + column] } : Array(logits[start * width..<end * width])
            try ridge.add(features: store.latents(ids: Array(ids[start..<end])), targets: targets)
        }
        if let penalty {
            return try ridge.jointBoundary(target: column, penalty: penalty * FitJob.jointPenalty)
        }
        guard let boundary = try ridge.boundaries().first else { throw Failure(attribute.name, "has no scores", "") }
        return boundary
    }

    private func judge(_ attribute: Attribute, selection: SelectionRecord) throws -> (ClassifierRecord, Int) {
        let classifier = try store.classifier(selection.classifier)
        guard let column = classifier.attributes.firstIndex(of: attribute) else {
            throw Failure(attribute.name, "is not scored by \(classifier.name)", "choose another classifier")
        }
        return (classifier, column)
    }

    private func condition(_ boundary: Boundary, on others: [DirectionFile], samples: LabelledSamples) throws
        -> Boundary
    {
        if others.isEmpty { return boundary }
        for other in others { try other.requireGenerator(sha256: identity.sha256, name: identity.name) }
        guard others.allSatisfy({ $0.rows == 1 }) else {
            throw Failure("--condition-on", "names a W+ direction", "use directions of W", kind: .usage)
        }
        let projected = try Conditioning.project(boundary.direction, out: others.map(\.values))
        return boundary.replacing(direction: projected.direction, on: samples)
    }

    /// Accuracy on the scored latents outside the selection, their class being the sign of the logit.
    private func restAccuracy(
        _ boundary: Boundary, attribute: Attribute, selection: SelectionRecord, excluding members: Set<Int64>
    ) throws -> (accuracy: Double?, classifier: ClassifierRecord) {
        let (classifier, column) = try judge(attribute, selection: selection)
        let (ids, logits) = try store.logits(classifier: classifier.id, generator: identity.sha256)
        let width = classifier.attributes.count
        var (right, total) = (0, 0)
        for start in stride(from: 0, to: ids.count, by: 4096) {
            let rows = (start..<min(ids.count, start + 4096)).filter { !members.contains(ids[$0]) }
            if rows.isEmpty { continue }
            let distances = boundary.distances(features: try store.latents(ids: rows.map { ids[$0] }))
            for (distance, row) in zip(distances, rows) where (distance > 0) == (logits[row * width + column] > 0) {
                right += 1
            }
            total += rows.count
        }
        return (total == 0 ? nil : Double(right) / Double(total), classifier)
    }
}
