import Classifiers
import Core
import DirectionFiles
import DirectionFitting
import Editing
import Evaluation
import Faces
import Fitting
import Foundation
import Generators
import LatentStore
import Tensors
import Weights

/// Which directions to judge, and how.
public struct EvaluateRequest: Sendable {
    /// The directions that are meant.
    public enum Subjects: Sendable, Equatable {
        /// The newest direction of every name.
        case newest
        /// The newest directions of some attributes.
        case attributes([Attribute])
        /// Names, names with versions, or direction files.
        case directions([String])
    }

    /// The attribute that judges a direction of another name.
    public struct Judge: Sendable, Equatable {
        /// The attribute.
        public var attribute: Attribute
        /// Whether the direction is to lower it, as one of age does with Young.
        public var isLowered: Bool

        public init(_ attribute: Attribute, isLowered: Bool = false) {
            self.attribute = attribute
            self.isLowered = isLowered
        }
    }

    /// The face-recognition network that tells how much of the person is left.
    public enum FaceNetwork: Sendable, Equatable {
        /// The workspace's, where there is one.
        case workspace
        /// None.
        case none
        /// dlib's network in a file.
        case file(String)
    }

    /// The directions that are meant.
    public var subjects: Subjects
    /// By direction name: the attribute that judges it, where that is not the one of its name.
    public var judges: [String: Judge] = [:]
    /// How many fresh faces.
    public var count = 200
    /// A filter of attributes that these faces pass, as the classifier that judges sees them unedited; nil takes the first.
    public var among: String?
    /// In sigma.
    public var strengths: [Double]
    /// The rows of StyleGAN2's W+ to change; nil for all.
    public var layers: LayerSelection?
    /// The seed of the fresh faces; nil for one that is reserved for evaluations.
    public var seed: UInt64?
    /// The classifier that judges, a file or a name in the workspace; nil for the one that comes with the program.
    public var classifier: String?
    /// A second classifier, whose figures stand beside; nil for none.
    ///
    /// It should be none that directions were made by.
    public var judge: String? = EvaluateRequest.judge
    /// What is left as it was, each direction being measured plain and held; nil for plain edits alone.
    public var hold: HoldRequest?
    /// The face-recognition network.
    public var faceNetwork = FaceNetwork.workspace
    /// Photographs that are edited and scored too; nil for generated faces alone.
    public var photographs: PhotographSource?
    /// Whether directions of another generator are evaluated all the same.
    public var isForced = false
    /// Threads that synthesize; 0 for one a processor.
    public var threads = 0
    /// Where to compute.
    public var device = Device.cpu
    /// Whether the generator's four largest levels compute in half precision.
    public var isHalf = false
    /// The generator's name in the workspace.
    public var generator = "default"

    /// The second classifier unless told otherwise: one that comes with the program and that no descent sees.
    public static let judge = "resnext"

    /// - Parameters:
    ///   - subjects: The directions that are meant.
    ///   - strengths: In sigma.
    public init(_ subjects: Subjects = .newest, strengths: [Double] = [0.5, 1, 1.5, 2, 3]) {
        self.subjects = subjects
        self.strengths = strengths
    }

    /// Checks what can be checked before anything is loaded.
    ///
    /// - Throws: ``Core/Failure`` (usage) for a number out of range, or no strengths.
    public func validate() throws {
        guard 1...100_000 ~= count else {
            throw Failure("count \(count)", "is out of range", "give 1 to 100000", kind: .usage)
        }
        guard !strengths.isEmpty, strengths.allSatisfy(\.isFinite) else {
            throw Failure("strengths", "are none, or not finite", "for example 1, 2, 3", kind: .usage)
        }
        _ = try Filter.population(among)
        try photographs?.validate()
        guard 0...1024 ~= threads else {
            throw Failure("threads \(threads)", "must be 0 to 1024", "0 is one a processor", kind: .usage)
        }
    }
}

/// What ``Session/evaluate(_:)`` measured.
public struct EvaluateResult: Sendable, Encodable {
    /// Figures of each direction, in the order of the request.
    public let metrics: [DirectionMetrics]
}

extension Session {
    /// Edits fresh faces along directions and scores them again: the response, and what else changes.
    ///
    /// What is scored stays in the database, so a stopped evaluation goes on; the figures are written beside the direction files.
    ///
    /// - Throws: ``Core/Failure``: a request out of range, no such direction, one that no attribute judges (usage), one of
    ///   another generator (conflict), no latents of the generator, or a stop.
    @discardableResult
    public func evaluate(_ request: EvaluateRequest) throws -> EvaluateResult {
        try request.validate()
        let generator = try generator(request.generator)
        let identity = generator.identity
        let files = try files(request.subjects, of: identity, isForced: request.isForced)
        let range = try request.layers?.range(rows: generator.identity.styleGAN2Layers)
        let judge = try classifier(request.classifier, device: request.device)
        let names = try files.map { try judgedName($0, request: request, classifier: judge) }
        let second = try secondOpinion(request, files, besides: judge)
        let store = try store()
        let strengths = request.strengths.sorted()
        let parameters = [
            "direction": files.map(\.label).joined(separator: ","), "count": "\(request.count)",
            "strength": strengths.map { "\($0)" }.joined(separator: ","), "layers": request.layers?.description ?? "",
            "as": request.judges.map { "\($0)=\($1.isLowered ? "-" : "")\($1.attribute.slug)" }.sorted()
                .joined(separator: ","), "half": "\(request.isHalf)", "judge": second?.name ?? "",
            "hold": request.hold?.held.description ?? "", "among": request.among ?? "",
        ]
        return try store.logged("evaluate", parameters: parameters, inputs: ["classifier": judge.sha256]) {
            var evaluator = DirectionEvaluator(
                generator: generator,
                synthesizer: try generator.synthesizer(
                    .engine, threads: request.threads, device: request.device, isHalf: request.isHalf),
                classifier: judge, store: store, context: context)
            if let seed = request.seed { evaluator.seed = seed }
            evaluator.embedder = try embedder(request)
            evaluator.judges = [second].compactMap(\.self)
            if let filter = try Filter.population(request.among) {
                let found = try evaluator.faces(count: request.count, among: filter)
                evaluator.places = found.places
                context.notice("evaluate: \(request.count) of \(found.of) faces pass `\(filter.text)`")
            }
            var subjects = try files.map { file in
                DirectionEvaluator.Subject(
                    EditDirection(file), sha256: Hashing.sha256(try file.encoded()), layers: range)
            }
            if let hold = request.hold {
                subjects += try heldSubjects(
                    files, subjects, hold: hold, strengths: strengths, request: request, generator: generator)
            }
            let measured = try evaluator.measureByEach(
                subjects, strengths: subjects.map { _ in strengths }, count: request.count)
            let calculator = try calculator(judge, store: store, generator: generator)
            let other = try second.map { try self.calculator($0, store: store, generator: generator) }
            let real = try request.photographs.map {
                try self.measured(
                    on: $0, files, strengths: strengths, request, generator: generator, judge: judge,
                    embedder: evaluator.embedder)
            }
            var results: [DirectionMetrics] = []
            for (index, figures) in measured[0].enumerated() {
                let (file, name, isHeld) = (
                    files[index % files.count], names[index % files.count], index >= files.count
                )
                let lowers = request.judges[file.attribute]?.isLowered ?? false
                var metrics = try calculator.metrics(figures, attribute: name, lowers: lowers)
                if let second, let other, other.attributes.contains(name) {
                    metrics.judged = .init(
                        try other.metrics(measured[1][index], attribute: name, lowers: lowers),
                        by: request.judge ?? second.name)
                }
                if let real, !isHeld {
                    let found = try calculator.metrics(real[index], attribute: name, lowers: lowers)
                    metrics.photographs = .init(count: found.faces, levels: found.levels)
                }
                metrics.among = request.among
                results.append(metrics)
                // What another generator's direction does here is no measurement of it, and what it does to some faces is none of all.
                if !isHeld && request.layers == nil && request.among == nil && file.belongs(to: identity.sha256)
                    && library.versions(of: file.attribute).contains(file.version)
                {
                    try library.write(metrics, of: file)
                }
            }
            try store.checkpoint()
            let outputs = results.map { ($0.direction, $0.levels.last.map { "\($0.target.value)" } ?? "") }
            return (EvaluateResult(metrics: results), Dictionary(outputs, uniquingKeysWith: { $1 }))
        }
    }

    /// The second classifier; nil where none was asked for, or it is the first one.
    ///
    /// A notice tells where a direction was made by it.
    private func secondOpinion(
        _ request: EvaluateRequest, _ files: [DirectionFile], besides judge: AttributeClassifier
    ) throws -> AttributeClassifier? {
        guard let name = request.judge else { return nil }
        let found = try classifier(name, device: request.device)
        if found.sha256 == judge.sha256 { return nil }
        for file in files where file.metadata.refinement?.classifiers.contains(found.sha256) == true {
            context.notice("\(file.label) was refined by what \(found.name) says: another should judge it")
        }
        return found
    }

    /// The directions once more, held.
    private func heldSubjects(
        _ files: [DirectionFile], _ subjects: [DirectionEvaluator.Subject], hold: HoldRequest, strengths: [Double],
        request: EvaluateRequest, generator: Generator
    ) throws -> [DirectionEvaluator.Subject] {
        let (rows, size) = (generator.identity.styleGAN2Layers, generator.identity.latentSize)
        let keeper = try holder(hold, generator: generator, threads: request.threads, device: request.device)
        return try zip(files, subjects).map { file, subject in
            var edit = try keeper.edit(
                EditMixture(subject.direction), unit: .sigma, layers: subject.layers, rows: rows, size: size)
            if let judge = request.judges[file.attribute] {
                edit.targets = [.init(judge.attribute, isLowered: judge.isLowered)]
            }
            let faces = HeldFaces(keeper, edit, strengths: strengths, rows: rows)
            let texts = [subject.sha256, keeper.fingerprint, "\(edit.targets)"]
            var held = DirectionEvaluator.Subject(
                subject.direction, sha256: Hashing.sha256(Data(texts.joined(separator: "\n").utf8)),
                layers: subject.layers)
            held.label = "\(file.label) held"
            held.edit = { try faces.codes(of: $0, at: $1) }
            return held
        }
    }

    private func files(
        _ subjects: EvaluateRequest.Subjects, of identity: GeneratorIdentity, isForced: Bool
    ) throws -> [DirectionFile] {
        switch subjects {
        case .directions(let names):
            return try names.map { try direction($0, of: identity, isForced: isForced) }
        case .attributes(let attributes):
            return try attributes.map { try direction($0.slug, of: identity, isForced: isForced) }
        case .newest:
            let all = try library(of: identity).newest()
            if all.isEmpty {
                throw Failure(
                    library.folder, "holds no direction of generator \(identity.name)",
                    "make one with `directions fit`", kind: .usage)
            }
            return all
        }
    }

    /// The name of the attribute that judges a direction, as the classifier spells it.
    private func judgedName(
        _ file: DirectionFile, request: EvaluateRequest, classifier: AttributeClassifier
    ) throws -> String {
        let slug = request.judges[file.attribute]?.attribute.slug ?? file.attribute
        guard let found = classifier.attributes.first(where: { $0.slug == slug }) else {
            let name = file.attribute
            throw Failure(
                file.label, "is no direction of an attribute that \(classifier.name) scores",
                "say which one judges it: \(name)=ATTRIBUTE, or \(name)=-ATTRIBUTE where it lowers it", kind: .usage)
        }
        return found.name
    }

    private func calculator(
        _ judge: AttributeClassifier, store: LatentStore, generator: Generator
    ) throws -> MetricsCalculator {
        var calculator = MetricsCalculator(
            attributes: judge.attributes.map(\.name), thresholds: judge.logitThresholds)
        let scored = try store.logits(
            classifier: store.classifier(judge.sha256).id, generator: generator.identity.sha256)
        calculator.statistics = LogitStatistics(
            scored.logits, attributes: judge.attributes.count, weights: try store.weights(ofLatents: scored.ids))
        return calculator
    }

    /// The face-recognition network that was asked for, or the workspace's; nil when there is none.
    private func embedder(_ request: EvaluateRequest) throws -> FaceEmbedder? {
        let own = workspace.identityNetwork
        switch request.faceNetwork {
        case .none: return nil
        case .file(let path): return try FaceEmbedder(DlibNetworkFile.read(path), device: request.device)
        case .workspace:
            guard FileManager.default.fileExists(atPath: own) else { return nil }
            return try FaceEmbedder(DlibNetworkFile.read(own), device: request.device)
        }
    }
}
