import CLinearAlgebra
import Core

/// The linear support vector machine of the paper and of InterFaceGAN.
///
/// It minimises, over w and b,
///
///     ½‖w‖² + C Σ max(0, 1 − yᵢ(w·xᵢ + b))
///
/// with L1 hinge and a free, unpenalised intercept: what scikit-learn\'s `SVC(kernel="linear")` solves (Cortes and Vapnik,
/// "Support-vector networks", 1995).
///
/// For example:
///
/// ```swift
/// let boundary = try SupportVectorMachine(c: 1).fit(samples)
/// ```
///
/// The method is ``AugmentedLagrangian``; it stops when a feasible dual point proves the objective to be within
/// ``tolerance`` of the minimum. Features are centred and scaled by one number inside, which is undone in the objective:
/// the solution is that of the features as given.
public struct SupportVectorMachine: BoundarySolver {
    /// The weight of the hinge terms, C.
    public var c: Double
    /// The largest allowed relative duality gap.
    public var tolerance: Double
    /// Newton steps after which the solver gives up.
    public var iterationLimit: Int
    /// Asked whether to stop.
    public var context = RunContext.silent

    /// - Parameters:
    ///   - c: The weight of the hinge terms.
    ///   - tolerance: The largest allowed relative duality gap.
    ///   - iterationLimit: Newton steps after which the solver gives up.
    public init(c: Double = 1, tolerance: Double = 1e-6, iterationLimit: Int = 2000) {
        self.c = c
        self.tolerance = tolerance
        self.iterationLimit = iterationLimit
    }

    /// The boundary with its certified gap.
    ///
    /// - Throws: `Failure` when C is not a positive number, the classes cannot be told apart at all (w = 0), all features
    ///   are constant, or the gap could not be closed within ``iterationLimit`` steps.
    public func fit(_ samples: LabelledSamples) throws -> Boundary {
        guard c > 0, c.isFinite else {
            throw Failure("C", "is \(c)", "give a positive number, such as 1", kind: .usage)
        }
        let frame = try FeatureFrame(samples)
        // The factorisations are small: threads would cost more than they bring, above all on a busy machine.
        let threads = openblas_get_num_threads()
        openblas_set_num_threads(1)
        defer { openblas_set_num_threads(threads) }
        var method = AugmentedLagrangian(frame: frame, cost: c * frame.scale * frame.scale)
        method.context = context
        try method.solve(tolerance: tolerance, iterationLimit: iterationLimit)
        let unit = 1 / (frame.scale * frame.scale)
        return try frame.boundary(
            weights: method.best.w, intercept: method.best.b, signs: method.signs
        ) { norm in
            SolverRecord(
                solver: "svm", regularisation: c, objective: method.best.objective * unit,
                lowerBound: method.lowerBound * unit, relativeGap: method.relativeGap, norm: norm,
                iterations: method.iterations)
        }
    }
}
