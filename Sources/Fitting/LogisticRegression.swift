import Core
import Foundation

/// L2-regularised logistic regression with a free intercept.
///
/// It minimises, over w and b,
///
///     ½‖w‖² + C Σ log(1 + exp(−yᵢ(w·xᵢ + b)))
///
/// as scikit-learn's `LogisticRegression(C=…)` states it; by Newton steps with the exact Hessian (iteratively reweighted
/// least squares) and step halving.
public struct LogisticRegression: BoundarySolver {
    /// The weight of the loss terms.
    public var c: Double
    /// The Newton decrement, relative to the objective, below which the solution stands.
    public var tolerance: Double
    /// Asked whether to stop.
    public var context = RunContext.silent

    /// - Parameters:
    ///   - c: The weight of the loss terms.
    ///   - tolerance: The relative Newton decrement to stop at.
    public init(c: Double = 1, tolerance: Double = 1e-10) {
        self.c = c
        self.tolerance = tolerance
    }

    /// The boundary where both classes are equally probable.
    ///
    /// - Throws: `Failure` when C is not a positive number, the features are constant, or 200 steps were not enough.
    public func fit(_ samples: LabelledSamples) throws -> Boundary {
        guard c > 0, c.isFinite else {
            throw Failure("C", "is \(c)", "give a positive number, such as 1", kind: .usage)
        }
        let frame = try FeatureFrame(samples)
        var state = NewtonState(frame: frame, cost: c * frame.scale * frame.scale)
        for iteration in 1...200 {
            try context.check()
            let decrement = try state.step()
            guard decrement.isFinite else { break }
            if decrement <= tolerance * state.objective {
                return try frame.boundary(weights: state.w, intercept: state.b, signs: state.signs) { norm in
                    SolverRecord(
                        solver: "logistic", regularisation: c, objective: state.objective / (frame.scale * frame.scale),
                        norm: norm, iterations: iteration)
                }
            }
        }
        throw Failure("logistic regression", "did not converge in 200 Newton steps", "lower C")
    }
}

private struct NewtonState {
    let frame: FeatureFrame
    let cost: Double
    let signs: [Double]
    var w: [Double]
    var b = 0.0
    var objective: Double
    private var decision: [Double]
    private var factor: [Double]
    private var chunk = RowKernels.Chunk()

    init(frame: FeatureFrame, cost: Double) {
        self.frame = frame
        self.cost = cost
        signs = frame.samples.signs
        let d = frame.dimension
        w = [Double](repeating: 0, count: d)
        decision = [Double](repeating: 0, count: signs.count)
        factor = [Double](repeating: 0, count: (d + 1) * (d + 1))
        objective = cost * Double(signs.count) * log(2)
    }

    /// One Newton step; returns the decrement gᵀH⁻¹g / 2 before it.
    mutating func step() throws -> Double {
        let d = frame.dimension
        let rows = frame.samples.rows
        // p: the probability of being wrong; the loss has slope −y·p and curvature p(1 − p) in the decision.
        let wrong = signs.indices.map { 1 / (1 + exp(signs[$0] * decision[$0])) }
        let pull = signs.indices.map { cost * signs[$0] * wrong[$0] }
        var descent = frame.adjoint(pull, rows: rows)
        for j in 0..<d { descent[j] -= w[j] }
        descent.append(pull.reduce(0, +))
        let direction = try newtonDirection(curvature: wrong.map { cost * $0 * (1 - $0) }, descent)
        let decrement = 0.5 * FeatureFrame.dot(descent, direction)
        let change = frame.forward(Array(direction[..<d]), direction[d], rows: rows)
        var length = 1.0
        for _ in 0..<60 {
            let trialW = (0..<d).map { w[$0] + length * direction[$0] }
            let trial = signs.indices.map { decision[$0] + length * change[$0] }
            let value = loss(trialW, trial)
            if value <= objective - 0.2 * length * decrement || decrement <= 1e-14 * objective {
                (w, b, decision, objective) = (trialW, b + length * direction[d], trial, value)
                break
            }
            length *= 0.5
        }
        return decrement
    }

    private mutating func newtonDirection(curvature: [Double], _ right: [Double]) throws -> [Double] {
        let d = frame.dimension
        var gram = [Double](repeating: 0, count: d * d)
        var sum = [Double](repeating: 0, count: d)
        frame.kernels.addWeightedGram(
            rows: frame.samples.rows, weights: curvature, centre: frame.mean, gram: &gram, sum: &sum, chunk: &chunk)
        let corner = max(curvature.reduce(0, +), Double.leastNormalMagnitude)
        let scale = frame.scale
        return try SymmetricSystem.solve(scratch: &factor, right: right) { matrix in
            for i in 0..<d {
                for j in 0...i { matrix[i * (d + 1) + j] = gram[i * d + j] / (scale * scale) }
                matrix[i * (d + 1) + i] += 1
                matrix[d * (d + 1) + i] = sum[i] / scale
            }
            matrix[d * (d + 1) + d] = corner * (1 + 1e-12)
        }
    }

    private func loss(_ w: [Double], _ decision: [Double]) -> Double {
        var sum = 0.0
        for i in signs.indices {
            let margin = signs[i] * decision[i]
            sum += margin > 0 ? log1p(exp(-margin)) : log1p(exp(margin)) - margin
        }
        return 0.5 * FeatureFrame.dot(w, w) + cost * sum
    }
}
