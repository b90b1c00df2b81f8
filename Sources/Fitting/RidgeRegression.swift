import CLinearAlgebra
import Core
import Foundation

/// Ridge regression of real-valued targets (an attribute's logits) on features, fed in pieces: the direction in which the
/// target rises when all latents count and not the extremes alone.
///
/// Memory is one d × d matrix and d × targets, however many rows are fed. λ is the given one or the minimiser of
/// generalised cross-validation (Golub, Heath and Wahba, 1979).
///
/// For example:
///
/// ```swift
/// var ridge = RidgeRegression(dimension: 512, targets: 2)
/// try ridge.add(features: rows, targets: logits)
/// let boundaries = try ridge.boundaries()
/// ```
public struct RidgeRegression: Sendable {
    private let dimension: Int
    private let targets: Int
    /// What is subtracted from features and targets as they come, so that large means cost no digits.
    private var origin: [Double] = []
    private var targetOrigin: [Double] = []
    private var count = 0
    private var gram: [Double]
    private var sum: [Double]
    /// Σ (x − origin)(t − origin), [targets, d].
    private var cross: [Double]
    private var targetSum: [Double]
    private var targetSquare: [Double]

    /// - Parameters:
    ///   - dimension: Components of one row.
    ///   - targets: Targets of one row.
    public init(dimension: Int, targets: Int) {
        precondition(dimension > 0 && targets > 0)
        self.dimension = dimension
        self.targets = targets
        gram = [Double](repeating: 0, count: dimension * dimension)
        sum = [Double](repeating: 0, count: dimension)
        cross = [Double](repeating: 0, count: targets * dimension)
        targetSum = [Double](repeating: 0, count: targets)
        targetSquare = [Double](repeating: 0, count: targets)
    }

    /// Takes in some rows.
    ///
    /// - Parameters:
    ///   - features: [m, dimension], row-major.
    ///   - values: The targets, [m, targets], row-major.
    /// - Throws: `Failure` when the sizes disagree or a value is not finite.
    public mutating func add(features: [Float], targets values: [Float]) throws {
        let d = dimension
        let m = features.count / d
        guard features.count == m * d, values.count == m * targets else {
            throw Failure("training data", "has \(features.count) feature values and \(values.count) targets", "")
        }
        try LabelledSamples.requireFinite(features, dimension: d)
        try LabelledSamples.requireFinite(values, dimension: targets)
        if m == 0 { return }
        if origin.isEmpty {
            origin = features[..<d].map(Double.init)
            targetOrigin = values[..<targets].map(Double.init)
        }
        for start in stride(from: 0, to: m, by: 256) {
            addBlock(features, values, start..<min(m, start + 256))
        }
        count += m
    }

    private mutating func addBlock(_ features: [Float], _ values: [Float], _ range: Range<Int>) {
        let d = dimension
        let block = range.count
        let x = range.flatMap { i in (0..<d).map { Double(features[i * d + $0]) - origin[$0] } }
        let t = range.flatMap { i in (0..<targets).map { Double(values[i * targets + $0]) - targetOrigin[$0] } }
        for i in 0..<block {
            for j in 0..<d { sum[j] += x[i * d + j] }
            for k in 0..<targets {
                targetSum[k] += t[i * targets + k]
                targetSquare[k] += t[i * targets + k] * t[i * targets + k]
            }
        }
        cblas_dsyrk(
            CblasRowMajor, CblasLower, CblasTrans, blasint(d), blasint(block), 1, x, blasint(d), 1, &gram, blasint(d))
        cblas_dgemm(
            CblasRowMajor, CblasTrans, CblasNoTrans, blasint(targets), blasint(d), blasint(block), 1, t,
            blasint(targets), x, blasint(d), 1, &cross, blasint(d))
    }

    /// Boundaries where the predicted targets are 0.
    ///
    /// A record's `regularisation` is λ of (XᵀX/n + λI), its `objective` the mean squared residual.
    ///
    /// - Parameter lambda: λ; nil for the minimiser of generalised cross-validation.
    /// - Returns: One boundary a target.
    /// - Throws: `Failure` when there are fewer than two rows, or features or a target do not vary.
    public func boundaries(lambda: Double? = nil) throws -> [Boundary] {
        guard count >= 2 else { throw Failure("ridge regression", "has \(count) rows", "score more latents first") }
        if let lambda, !(lambda >= 0 && lambda.isFinite) {
            throw Failure("lambda", "is \(lambda)", "give a number that is not negative", kind: .usage)
        }
        let spectrum = try decomposed()
        return try (0..<targets).map { try boundary(target: $0, spectrum: spectrum, lambda: lambda) }
    }

    private struct Spectrum {
        /// Eigenvalues of the covariance, ascending.
        var values: [Double]
        /// Row i is the i-th eigenvector: [d, d].
        var vectors: [Double]
    }

    private func decomposed() throws -> Spectrum {
        let d = dimension
        let n = Double(count)
        var matrix = [Double](repeating: 0, count: d * d)
        for i in 0..<d {
            for j in 0...i { matrix[i * d + j] = gram[i * d + j] / n - sum[i] / n * (sum[j] / n) }
        }
        var values = [Double](repeating: 0, count: d)
        let status = LAPACKE_dsyevd(
            LAPACK_COL_MAJOR, CChar(UInt8(ascii: "V")), CChar(UInt8(ascii: "U")), Int32(d), &matrix, Int32(d), &values)
        guard status == 0, let largest = values.last, largest > 0 else {
            throw Failure("ridge regression", "found no variation in the features", "check where they come from")
        }
        return Spectrum(values: values.map { max($0, 0) }, vectors: matrix)
    }

    private func boundary(target k: Int, spectrum: Spectrum, lambda: Double?) throws -> Boundary {
        let d = dimension
        let n = Double(count)
        let mean = targetSum[k] / n
        let variance = targetSquare[k] / n - mean * mean
        guard variance > 1e-12 * (mean * mean + 1e-30) else {
            throw Failure("ridge regression", "target \(k) is the same in all rows", "check the scores")
        }
        let covariance = (0..<d).map { cross[k * d + $0] / n - sum[$0] / n * mean }
        // In the eigenbasis everything is a sum over components.
        var rotated = [Double](repeating: 0, count: d)
        cblas_dgemv(
            CblasRowMajor, CblasNoTrans, blasint(d), blasint(d), 1, spectrum.vectors, blasint(d), covariance, 1, 0,
            &rotated, 1)
        func residual(_ lambda: Double) -> Double {
            (0..<d).reduce(variance) { total, i in
                let shrunk = spectrum.values[i] + lambda
                return total - rotated[i] * rotated[i] * (shrunk + lambda) / (shrunk * shrunk)
            }
        }
        let chosen = lambda ?? bestLambda(spectrum, residual: residual)
        let floor = spectrum.values[d - 1] * 1e-14
        let scaled = (0..<d).map { rotated[$0] / (spectrum.values[$0] + max(chosen, floor)) }
        var w = [Double](repeating: 0, count: d)
        cblas_dgemv(
            CblasRowMajor, CblasTrans, blasint(d), blasint(d), 1, spectrum.vectors, blasint(d), scaled, 1, 0, &w, 1)
        let norm = FeatureFrame.dot(w, w).squareRoot()
        guard norm > 0, norm.isFinite else {
            throw Failure("ridge regression", "found no direction for target \(k)", "check the scores")
        }
        let centre = (0..<d).map { origin[$0] + sum[$0] / n }
        let spread = (0..<d).reduce(0) { $0 + spectrum.values[$1] * scaled[$1] * scaled[$1] }
        return Boundary(
            direction: FeatureFrame.unit(w),
            intercept: (targetOrigin[k] + mean - FeatureFrame.dot(w, centre)) / norm,
            sigma: (spread * n / (n - 1)).squareRoot() / norm, weights: w,
            record: SolverRecord(
                solver: "ridge", regularisation: chosen, objective: residual(max(chosen, floor)), norm: norm,
                iterations: 1))
    }

    /// The direction that moves one target's prediction by 1 and the others' least, for what it costs in latent space.
    ///
    /// It is the minimiser of
    ///
    ///     mean over k ≠ t of (βₖ·v)² + penalty · v′(Σ + λI)⁻¹v     subject to βₜ·v = 1
    ///
    /// with the ridge coefficients βₖ of all targets and the features' covariance Σ. The second term is the squared length
    /// of the step in standard deviations (Mahalanobis), times how much of every target such a step changes at random.
    ///
    /// - Parameters:
    ///   - target: t.
    ///   - penalty: In squared units of the targets.
    /// - Returns: The boundary where the predicted target t is 0.
    /// - Throws: As ``boundaries(lambda:)``, and for a single target.
    public func jointBoundary(target: Int, penalty: Double) throws -> Boundary {
        guard targets > 1 else {
            throw Failure("the joint fit", "has one target", "score several attributes", kind: .usage)
        }
        let d = dimension
        let all = try boundaries()
        let spectrum = try decomposed()
        let floor = spectrum.values.reduce(0, +) / Double(d) * 0.003
        // βₖ in the eigenbasis, where Σ is diagonal: [targets, d].
        var rotated = [Double](repeating: 0, count: targets * d)
        let coefficients = all.flatMap(\.weights)
        cblas_dgemm(
            CblasRowMajor, CblasNoTrans, CblasTrans, blasint(targets), blasint(d), blasint(d), 1, coefficients,
            blasint(d), spectrum.vectors, blasint(d), 0, &rotated, blasint(d))
        let own = Array(rotated[target * d..<(target + 1) * d])
        for i in 0..<d { rotated[target * d + i] = 0 }
        var scratch = [Double](repeating: 0, count: d * d)
        let share = 1 / Double(targets - 1)
        let solution = try SymmetricSystem.solve(scratch: &scratch, right: own) { matrix in
            cblas_dsyrk(
                CblasRowMajor, CblasLower, CblasTrans, blasint(d), blasint(targets), share, rotated, blasint(d), 0,
                matrix.baseAddress, blasint(d))
            for i in 0..<d { matrix[i * d + i] += penalty / (spectrum.values[i] + floor) }
        }
        var v = [Double](repeating: 0, count: d)
        cblas_dgemv(
            CblasRowMajor, CblasTrans, blasint(d), blasint(d), 1, spectrum.vectors, blasint(d), solution, 1, 0, &v, 1)
        let norm = FeatureFrame.dot(v, v).squareRoot()
        guard norm > 0, norm.isFinite else {
            throw Failure("the joint fit", "found no direction for target \(target)", "check the scores")
        }
        let n = Double(count)
        let spread = (0..<d).reduce(0) { $0 + spectrum.values[$1] * solution[$1] * solution[$1] }
        let centre = (0..<d).map { origin[$0] + sum[$0] / n }
        // The plane through the features' mean, shifted to where the target's mean prediction is 0.
        let slope = FeatureFrame.dot(own, solution) / norm
        let mean = targetOrigin[target] + targetSum[target] / n
        return Boundary(
            direction: FeatureFrame.unit(v), intercept: mean / slope - FeatureFrame.dot(v, centre) / norm,
            sigma: (spread * n / (n - 1)).squareRoot() / norm, weights: v,
            record: SolverRecord(
                solver: "joint", regularisation: penalty, objective: all[target].record.objective, norm: norm,
                iterations: 1))
    }

    /// The minimiser of generalised cross-validation on a grid of 97 values from 1e-8 to 1e4 of the mean eigenvalue.
    private func bestLambda(_ spectrum: Spectrum, residual: (Double) -> Double) -> Double {
        let n = Double(count)
        let mean = spectrum.values.reduce(0, +) / Double(dimension)
        var best = (lambda: mean, score: Double.infinity)
        for step in 0...96 {
            let lambda = mean * pow(10, -8 + 0.125 * Double(step))
            let freedom = 1 + spectrum.values.reduce(0) { $0 + $1 / ($1 + lambda) }
            guard n - freedom > 0.05 * n else { continue }
            let score = residual(lambda) / ((1 - freedom / n) * (1 - freedom / n))
            if score < best.score { best = (lambda, score) }
        }
        return best.lambda
    }
}
