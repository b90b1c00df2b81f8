import Classifiers
import Core
import DirectionFiles
import Editing
import Evaluation
import Faces
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
    /// In sigma.
    public var strengths: [Double]
    /// The rows of StyleGAN2's W+ to change; nil for all.
    public var layers: LayerSelection?
    /// The seed of the fresh faces; nil for one that is reserved for evaluations.
    public var seed: UInt64?
    /// The classifier that judges, a file or a name in the workspace; nil for the one that comes with the program.
    public var classifier: String?
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
        let store = try store()
        let strengths = request.strengths.sorted()
        let parameters = [
            "direction": files.map(\.label).joined(separator: ","), "count": "\(request.count)",
            "strength": strengths.map { "\($0)" }.joined(separator: ","), "layers": request.layers?.description ?? "",
            "as": request.judges.map { "\($0)=\($1.isLowered ? "-" : "")\($1.attribute.slug)" }.sorted()
                .joined(separator: ","), "half": "\(request.isHalf)",
        ]
        return try store.logged("evaluate", parameters: parameters, inputs: ["classifier": judge.sha256]) {
            var evaluator = DirectionEvaluator(
                generator: generator,
                synthesizer: try generator.synthesizer(
                    .engine, threads: request.threads, device: request.device, isHalf: request.isHalf),
                classifier: judge, store: store, context: context)
            if let seed = request.seed { evaluator.seed = seed }
            evaluator.embedder = try embedder(request)
            let subjects = try files.map { file in
                DirectionEvaluator.Subject(
                    EditDirection(file), sha256: Hashing.sha256(try file.encoded()), layers: range)
            }
            let measured = try evaluator.measure(subjects, strengths: strengths, count: request.count)
            let calculator = try calculator(judge, store: store, generator: generator)
            let real = try request.photographs.map {
                try self.measured(
                    on: $0, files, strengths: strengths, request, generator: generator, judge: judge,
                    embedder: evaluator.embedder)
            }
            var results: [DirectionMetrics] = []
            for (index, (file, (name, figures))) in zip(files, zip(names, measured)).enumerated() {
                let lowers = request.judges[file.attribute]?.isLowered ?? false
                var metrics = try calculator.metrics(figures, attribute: name, lowers: lowers)
                if let real {
                    let found = try calculator.metrics(real[index], attribute: name, lowers: lowers)
                    metrics.photographs = .init(count: found.faces, levels: found.levels)
                }
                results.append(metrics)
                // What another generator's direction does here is no measurement of it.
                if request.layers == nil && file.belongs(to: identity.sha256)
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
        calculator.statistics = LogitStatistics(scored.logits, attributes: judge.attributes.count)
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
