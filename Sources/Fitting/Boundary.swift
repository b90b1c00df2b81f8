/// A hyperplane between two classes: x is on the positive side when direction · x + intercept > 0.
public struct Boundary: Sendable, Equatable {
    /// The unit normal, pointing to the positive class: [dimension].
    public var direction: [Float]
    /// Makes direction · x + intercept the signed distance of x from the hyperplane.
    public var intercept: Double
    /// Standard deviation of direction · x over the training rows: the natural step of an edit.
    public var sigma: Double
    /// The normal as the solver left it, before it was normalised and rounded: [dimension].
    public var weights: [Double]
    /// How it was found.
    public var record: SolverRecord

    /// - Parameters:
    ///   - direction: Unit normal, [dimension].
    ///   - intercept: Offset of the signed distance.
    ///   - sigma: Standard deviation of the training projections.
    ///   - weights: The normal before it was normalised and rounded, [dimension].
    ///   - record: How it was found.
    public init(direction: [Float], intercept: Double, sigma: Double, weights: [Double], record: SolverRecord) {
        self.direction = direction
        self.weights = weights
        self.intercept = intercept
        self.sigma = sigma
        self.record = record
    }
}

/// What a solver did, for the provenance of a direction.
public struct SolverRecord: Sendable, Equatable {
    /// The solver's name as the command line has it: `svm`, `logistic`, `lda`, `ridge`.
    public var solver: String
    /// The objective's regularisation: C for svm and logistic, the shrinkage for lda, λ for ridge.
    public var regularisation: Double
    /// The objective at the solution, in the units of the textbook formula; nil where there is none to minimise.
    public var objective: Double?
    /// A lower bound on the objective's minimum, from a feasible dual point; nil where none was computed.
    public var lowerBound: Double?
    /// (objective − lower bound) / objective, with the lower bound a certified one.
    public var relativeGap: Double?
    /// ‖w‖ of the unnormalised solution; 2/‖w‖ is the margin's width.
    public var norm: Double
    /// Newton steps, or 1 for a closed form.
    public var iterations: Int

    public init(
        solver: String, regularisation: Double, objective: Double? = nil, lowerBound: Double? = nil,
        relativeGap: Double? = nil, norm: Double, iterations: Int
    ) {
        self.solver = solver
        self.regularisation = regularisation
        self.objective = objective
        self.lowerBound = lowerBound
        self.relativeGap = relativeGap
        self.norm = norm
        self.iterations = iterations
    }
}

/// Something that finds a boundary between two classes.
public protocol BoundarySolver: Sendable {
    /// The boundary of the taking part rows.
    ///
    /// - Throws: `Failure` when the data allow none, or the solver's limits were reached.
    func fit(_ samples: LabelledSamples) throws -> Boundary
}
