import Classifiers
import Core
import DirectionFiles
import DirectionFitting
import Generators
import LatentStore
import Tensors

/// Which directions to refine, and how.
public struct RefineRequest: Sendable {
    /// The attributes; each needs a direction of W.
    public var attributes: AttributeChoice
    /// The version of each attribute's direction of W to start from, such as `v1`; nil for its newest of W that a fit made.
    public var start: String?
    /// Faces and steps.
    public var settings: DirectionRefiner.Settings
    /// The classifiers that it descends against, files or names in the workspace or of those that come with the program; the one
    /// that judges in the end is none of them.
    public var classifiers: [String]
    /// What changes of the skin's colour count beside a logit's mean change; 0 leaves it free.
    public var skin: Float
    /// What colours of the head that neither skin nor hair has count beside a logit's mean change; 0 leaves them free.
    public var natural: Float
    /// Threads that synthesize; 0 for one a processor.
    public var threads: Int
    /// Where to compute.
    public var device: Device
    /// The generator's name in the workspace.
    public var generator: String

    /// - Parameters:
    ///   - attributes: The attributes; each needs a direction of W.
    ///   - start: The version to start from, such as `v1`; nil for the newest of W that a fit made.
    ///   - settings: Faces and steps.
    ///   - classifiers: The classifiers that it descends against; the first one's scale counts.
    ///   - skin: What changes of the skin's colour count; 0 leaves it free.
    ///   - natural: What colours of the head that neither skin nor hair has count; 0 leaves them free.
    ///   - threads: Threads that synthesize; 0 for one a processor.
    ///   - device: Where to compute.
    ///   - generator: The generator's name in the workspace.
    public init(
        attributes: AttributeChoice = .standard, start: String? = nil,
        settings: DirectionRefiner.Settings = .init(), classifiers: [String] = RefineRequest.classifiers,
        skin: Float = RefineRequest.skin, natural: Float = RefineRequest.natural, threads: Int = 0,
        device: Device = .cpu, generator: String = "default"
    ) {
        self.attributes = attributes
        self.start = start
        self.settings = settings
        self.classifiers = classifiers
        self.skin = skin
        self.natural = natural
        self.threads = threads
        self.device = device
        self.generator = generator
    }

    /// The classifiers that are descended against unless told otherwise: those that come with the program, but for the one that
    /// judges in `evaluate`.
    public static let classifiers = ["faces", "plain"]

    /// What changes of the skin's colour count unless told otherwise: *male* then changes skin two fifths as much as without
    /// (`Benchmarks/surroundings.py`).
    public static let skin: Float = 60
    /// What colours that neither skin nor hair has count unless told otherwise: blond hair then stays out of lemon
    /// (`Benchmarks/surroundings.py --strength 3`).
    public static let natural: Float = 80

    /// Checks what can be checked before anything is loaded.
    ///
    /// - Throws: ``Core/Failure`` (usage) for no attribute, no classifier or one twice, or a number out of range.
    public func validate() throws {
        guard !classifiers.isEmpty, Set(classifiers).count == classifiers.count else {
            throw Failure("classifiers", "are none, or name one twice", "for example faces,plain", kind: .usage)
        }
        guard 0...10_000 ~= skin else {
            throw Failure("skin \(skin)", "must be 0 to 10000", "for example 60, or 0 to leave it free", kind: .usage)
        }
        guard 0...10_000 ~= natural else {
            throw Failure(
                "natural \(natural)", "must be 0 to 10000", "for example 80, or 0 to leave colours free", kind: .usage)
        }
        if attributes == .named([]) {
            throw Failure("attributes", "are none", "name at least one", kind: .usage)
        }
        try settings.validate()
    }
}

/// What ``Session/refine(_:each:)`` made of a direction.
public struct RefinedDirection: Sendable, Encodable {
    /// Its name with its version: the refined one, or the one that it started from where nothing better was found.
    public let direction: String
    /// Its file.
    public let path: String
    /// Whether the file is new.
    public let isNew: Bool
    /// The natural step, in units of W.
    public let sigma: Double
    /// Its attribute dependency on the calibration faces as a multiple of the baseline's; nil where nothing better was found.
    public let dependencyRatio: Double?

    init(_ outcome: DirectionRefiner.Outcome) {
        direction = outcome.stored.direction.label
        path = outcome.stored.path
        isNew = outcome.stored.isNew
        sigma = Double(outcome.stored.direction.sigma)
        dependencyRatio = outcome.ratio
    }
}

/// What ``Session/refine(_:each:)`` found, in the order of the attributes.
public struct RefineResult: Sendable, Encodable {
    /// A direction an attribute.
    public let directions: [RefinedDirection]
}

extension Session {
    /// Refines each attribute's direction of W to one of W+ that changes the other attributes less.
    ///
    /// - Parameters:
    ///   - request: Which, and how.
    ///   - each: Told of each direction as soon as it is stored.
    /// - Returns: All of them.
    /// - Throws: ``Core/Failure``: a request out of range (usage), no direction of W to start from (not found), one of another
    ///   generator (conflict), or a stop; what was stored before stays.
    @discardableResult
    public func refine(
        _ request: RefineRequest, each: (RefinedDirection) throws -> Void = { _ in }
    ) throws -> RefineResult {
        try request.validate()
        let generator = try generator(request.generator)
        let store = try store()
        let classifiers = try request.classifiers.map { try classifier($0, device: request.device) }
        let wanted = try request.attributes.resolved(among: classifiers[0].attributes)
        let baselines = try wanted.map { try baseline($0, version: request.start, of: generator.identity) }
        let refiner = try DirectionRefiner(
            store: store, generator: generator,
            synthesizer: generator.gradientSynthesizer(threads: request.threads, device: request.device),
            classifiers: classifiers, keeping: keeping(skin: request.skin, natural: request.natural), library: library,
            settings: request.settings, context: context)
        let parameters = [
            "attr": wanted.map(\.name).joined(separator: ","), "start": request.start ?? "",
            "faces": "\(request.settings.faces)", "steps": "\(request.settings.steps)",
            "batch": "\(request.settings.batch)", "among": request.settings.among ?? "",
            "skin": "\(request.skin)", "natural": "\(request.natural)",
        ]
        let inputs = [
            "generator": generator.identity.sha256, "classifier": classifiers.map(\.sha256).joined(separator: ","),
        ]
        return try store.logged("refine", parameters: parameters, inputs: inputs) {
            var found: [RefinedDirection] = []
            try refiner.run(baselines) { outcome in
                let made = RefinedDirection(outcome)
                found.append(made)
                try each(made)
            }
            try store.checkpoint()
            let outputs = Dictionary(found.map { ($0.direction, $0.path) }, uniquingKeysWith: { $1 })
            return (RefineResult(directions: found), outputs)
        }
    }

    /// What keeps the person, where the workspace has the network for it, and the rest of the picture.
    ///
    /// - Parameters:
    ///   - skin: What changes of the skin's colour count; 0 leaves it free.
    ///   - natural: What colours of the head that neither skin nor hair has count; 0 leaves them free.
    /// - Returns: What costs an edit has beside those of the logits.
    /// - Throws: ``Core/Failure`` where a network can't be read.
    func keeping(skin: Float = 0, natural: Float = 0) throws -> FaceKeeping {
        let embedder = try embedder()
        if embedder == nil, context.isFirst("no face-recognition network") {
            context.notice("nothing keeps the person: the workspace has no face-recognition network (import identity)")
        }
        return FaceKeeping(perceptual: try perceptualNetwork(), embedder: embedder, skin: skin, natural: natural)
    }

    /// The direction of W to start from: a version of the attribute, or its newest that a fit made.
    private func baseline(
        _ attribute: Attribute, version: String?, of identity: GeneratorIdentity
    ) throws -> DirectionFile {
        if let version { return try direction("\(attribute.slug)@\(version)", of: identity) }
        let own = try library(of: identity).files(of: attribute.slug)
        if let found = own.last(where: { $0.rows == 1 && $0.metadata.solver != nil }) { return found }
        throw Failure(
            attribute.slug, "has no direction of W of generator \(identity.name) to start from",
            "make one with `directions fit [attribute \(attribute.slug)]`", kind: .notFound)
    }
}
