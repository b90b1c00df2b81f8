import Core
import DirectionFiles
import DirectionFitting
import LatentStore

/// Which directions to fit, and how.
public struct FitRequest: Sendable {
    /// The attributes; each needs a selection.
    public var attributes: AttributeChoice
    /// The solver.
    public var solver: FitSolver
    /// C of the SVM and of the logistic regression, what multiplies the penalty of the joint fit; nil for C chooses by
    /// five-fold cross-validation.
    public var regularisation: Double?
    /// Directions that are projected out, such as `male` or `age@v2`.
    public var conditions: [String]
    /// Names the 70/30 split into training and validation.
    public var splitSeed: UInt64
    /// The generator's name in the workspace.
    public var generator: String

    /// - Parameters:
    ///   - attributes: The attributes; each needs a selection.
    ///   - solver: The solver.
    ///   - regularisation: C; nil chooses by cross-validation.
    ///   - conditions: Directions that are projected out.
    ///   - splitSeed: Names the 70/30 split into training and validation.
    ///   - generator: The generator's name in the workspace.
    public init(
        attributes: AttributeChoice = .standard, solver: FitSolver = .svm, regularisation: Double? = 1,
        conditions: [String] = [], splitSeed: UInt64 = 0, generator: String = "default"
    ) {
        self.attributes = attributes
        self.solver = solver
        self.regularisation = regularisation
        self.conditions = conditions
        self.splitSeed = splitSeed
        self.generator = generator
    }

    /// Checks what can be checked before anything is loaded.
    ///
    /// - Throws: ``Core/Failure`` (usage) for no attribute, or a C that is not positive.
    public func validate() throws {
        if attributes == .named([]) {
            throw Failure("attributes", "are none", "name at least one", kind: .usage)
        }
        if let regularisation, !(regularisation > 0 && regularisation.isFinite) {
            throw Failure("C \(regularisation)", "is not a positive number", "for example 1", kind: .usage)
        }
    }
}

/// A direction that ``Session/fit(_:each:)`` found.
public struct FittedDirection: Sendable, Encodable {
    /// Its name with its version.
    public let direction: String
    /// Its file.
    public let path: String
    /// Whether the file is new; false when a version with the same inputs was there.
    public let isNew: Bool
    /// Share of the training part on its own side of the boundary.
    public let trainAccuracy: Double?
    /// Share of the held-out part.
    public let validationAccuracy: Double?
    /// Share of all scored latents outside of the selection; nil where there are none.
    public let restAccuracy: Double?
    /// The natural step, in units of W.
    public let sigma: Double
    /// The SVM's certified gap.
    public let relativeGap: Double?

    init(_ made: StoredDirection) {
        let metadata = made.direction.metadata
        direction = made.direction.label
        path = made.path
        isNew = made.isNew
        trainAccuracy = metadata.trainAccuracy
        validationAccuracy = metadata.validationAccuracy
        restAccuracy = metadata.restAccuracy
        sigma = Double(made.direction.sigma)
        relativeGap = metadata.solver?.relativeGap
    }
}

/// What ``Session/fit(_:each:)`` found, in the order of the attributes.
public struct FitResult: Sendable, Encodable {
    /// A direction an attribute.
    public let directions: [FittedDirection]
}

extension Session {
    /// Fits a direction of W to the newest selection of each attribute; the same inputs make no new version.
    ///
    /// - Parameters:
    ///   - request: Which, and how.
    ///   - each: Told of each direction as soon as it is stored.
    /// - Returns: All of them.
    /// - Throws: ``Core/Failure``: a request out of range (usage), no selection (not found), conditions that do not fit
    ///   (conflict), data that allow no boundary, or a stop; what was stored before stays.
    @discardableResult
    public func fit(_ request: FitRequest, each: (FittedDirection) throws -> Void = { _ in }) throws -> FitResult {
        try request.validate()
        let identity = try generatorIdentity(request.generator)
        let store = try store()
        let named = request.attributes.names
        let wanted = try named.isEmpty ? request.attributes.resolved(among: store.attributes()) : named
        guard !wanted.isEmpty else {
            throw Failure(
                "attributes", "are not known: nothing is scored", "score some latents with `directions score`",
                kind: .notFound)
        }
        let conditions = try request.conditions.map { try direction($0, of: identity, hasShipped: false) }
        let job = FitJob(
            store: store, identity: identity, library: library, solver: request.solver,
            regularisation: request.regularisation, conditions: conditions, splitSeed: request.splitSeed,
            context: context)
        let parameters = [
            "attr": wanted.map(\.name).joined(separator: ","),
            "c": request.regularisation.map { "\($0)" } ?? "auto", "solver": request.solver.rawValue,
            "condition-on": request.conditions.joined(separator: ","),
        ]
        return try store.logged("fit", parameters: parameters, inputs: ["generator": identity.sha256]) {
            let found = try wanted.map { attribute in
                try context.check()
                let made = FittedDirection(try job.run(attribute))
                try each(made)
                return made
            }
            try store.checkpoint()
            let outputs = Dictionary(found.map { ($0.direction, $0.path) }, uniquingKeysWith: { $1 })
            return (FitResult(directions: found), outputs)
        }
    }
}
