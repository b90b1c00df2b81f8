import Core

/// Fisher's linear discriminant with a shrunk covariance: w = Σ̂⁻¹(μ₊ − μ₋), Σ̂ = (1 − γ)S + γ (tr S / d) I, where S is the
/// pooled within-class covariance; the boundary lies half way between the class means.
///
/// Shrinkage is what makes it usable with fewer samples than dimensions.
public struct LinearDiscriminant: BoundarySolver {
    /// How γ is found.
    public enum Shrinkage: Sendable, Equatable {
        /// Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", 2004.
        case ledoitWolf
        /// Oracle approximating shrinkage (Chen, Wiesel, Eldar and Hero, 2010), for Gaussian data.
        case oracleApproximating
        /// A given γ in [0, 1].
        case fixed(Double)
    }

    /// How γ is found.
    public var shrinkage: Shrinkage

    /// - Parameter shrinkage: How γ is found.
    public init(shrinkage: Shrinkage = .ledoitWolf) { self.shrinkage = shrinkage }

    /// The boundary; its record's `regularisation` is γ.
    ///
    /// - Throws: `Failure` when the features are constant, the class means agree, or a fixed γ is outside [0, 1].
    public func fit(_ samples: LabelledSamples) throws -> Boundary {
        let frame = try FeatureFrame(samples)
        let classes = [1.0, -1.0].map { sign in
            samples.rows.filter { Double(samples.labels[$0]) == sign }
        }
        let means = classes.map { frame.kernels.moments(rows: $0).mean }
        let spread = WithinClassSpread(frame: frame, classes: classes, means: means)
        let gamma = try weight(for: spread)
        let d = frame.dimension
        let difference = (0..<d).map { (means[0][$0] - means[1][$0]) / frame.scale }
        var factor = [Double](repeating: 0, count: d * d)
        let target = gamma * spread.trace / Double(d)
        let w = try SymmetricSystem.solve(scratch: &factor, right: difference) { matrix in
            for i in 0..<d {
                for j in 0...i { matrix[i * d + j] = (1 - gamma) * spread.covariance[i * d + j] }
                matrix[i * d + i] += target
            }
        }
        // Half way between the class means, in the frame's coordinates.
        let middle = (0..<d).map { (0.5 * (means[0][$0] + means[1][$0]) - frame.mean[$0]) / frame.scale }
        return try frame.boundary(weights: w, intercept: -FeatureFrame.dot(w, middle), signs: samples.signs) { norm in
            SolverRecord(solver: "lda", regularisation: gamma, norm: norm, iterations: 1)
        }
    }

    private func weight(for spread: WithinClassSpread) throws -> Double {
        switch shrinkage {
        case .ledoitWolf: return spread.ledoitWolf
        case .oracleApproximating: return spread.oracleApproximating
        case .fixed(let gamma):
            guard gamma >= 0, gamma <= 1 else {
                throw Failure("shrinkage", "is \(gamma)", "give a number from 0 to 1", kind: .usage)
            }
            return gamma
        }
    }
}

/// The pooled within-class covariance, in a frame's coordinates, and what the shrinkage formulas need of it.
private struct WithinClassSpread {
    /// Lower triangle of S, [d, d].
    let covariance: [Double]
    let trace: Double
    private let count: Double
    private let dimension: Double
    /// ‖S‖² (Frobenius).
    private let square: Double
    /// Σ ‖xᵢ − μ‖⁴.
    private let fourth: Double

    init(frame: FeatureFrame, classes: [[Int]], means: [[Double]]) {
        let d = frame.dimension
        var gram = [Double](repeating: 0, count: d * d)
        var sum = [Double](repeating: 0, count: d)
        var chunk = RowKernels.Chunk()
        var fourth = 0.0
        for (rows, mean) in zip(classes, means) {
            frame.kernels.addGram(rows: rows, centre: mean, sign: 1, gram: &gram, sum: &sum, chunk: &chunk)
            for distance in frame.kernels.squaredDistances(rows: rows, from: mean) {
                let scaled = distance / (frame.scale * frame.scale)
                fourth += scaled * scaled
            }
        }
        count = Double(classes.reduce(0) { $0 + $1.count })
        let unit = 1 / (count * frame.scale * frame.scale)
        for i in gram.indices { gram[i] *= unit }
        covariance = gram
        self.fourth = fourth
        dimension = Double(d)
        trace = (0..<d).reduce(0) { $0 + gram[$1 * d + $1] }
        square = (0..<d).reduce(0) { total, i in
            (0..<i).reduce(total + gram[i * d + i] * gram[i * d + i]) { $0 + 2 * gram[i * d + $1] * gram[i * d + $1] }
        }
    }

    /// Distance of S from the multiple of I with its trace: ‖S − (tr S / d) I‖².
    private var dispersion: Double { square - trace * trace / dimension }

    var ledoitWolf: Double {
        guard dispersion > 0 else { return 1 }
        let error = (fourth - count * square) / (count * count)
        return min(max(error / dispersion, 0), 1)
    }

    var oracleApproximating: Double {
        guard dispersion > 0 else { return 1 }
        let above = (1 - 2 / dimension) * square + trace * trace
        return min(max(above / ((count + 1 - 2 / dimension) * dispersion), 0), 1)
    }
}
