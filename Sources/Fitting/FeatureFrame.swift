import CLinearAlgebra
import Core

/// The features in coordinates that suit arithmetic: x′ = (x − mean) / scale, with one scale for all components.
///
/// A solver works on x′ through products only; ``boundary(weights:intercept:signs:record:)`` turns its answer back.
struct FeatureFrame: Sendable {
    let samples: LabelledSamples
    let kernels: RowKernels
    /// Mean of the rows: [d].
    let mean: [Double]
    /// Root of the components' mean variance.
    let scale: Double

    /// - Throws: `Failure` when all features are constant, or too large for their squares.
    init(_ samples: LabelledSamples) throws {
        self.samples = samples
        kernels = RowKernels(features: samples.features, dimension: samples.dimension)
        let moments = kernels.moments(rows: samples.rows)
        mean = moments.mean
        scale = (moments.variance / Double(samples.dimension)).squareRoot()
        // Rounding of the mean leaves a trace of variance in constant features.
        let noise = 1e-12 * mean.reduce(0) { max($0, abs($1)) }
        guard scale > noise, scale > 1e-150 else {
            throw Failure("training data", "is the same in all rows", "a boundary needs features that vary")
        }
        guard scale.isFinite, scale < 1e30 else {
            throw Failure("training data", "has values too large to square", "scale the features down")
        }
    }

    var dimension: Int { samples.dimension }

    /// w·x′ + b for the given rows of the feature matrix.
    func forward(_ w: [Double], _ b: Double, rows: [Int]) -> [Double] {
        let effective = w.map { $0 / scale }
        return kernels.forward(effective, offset: b - FeatureFrame.dot(effective, mean), rows: rows)
    }

    /// Σ cᵢ x′ᵢ over the given rows: [d].
    func adjoint(_ c: [Double], rows: [Int]) -> [Double] {
        let total = c.reduce(0, +)
        var result = kernels.adjoint(c, rows: rows)
        for j in result.indices { result[j] = (result[j] - total * mean[j]) / scale }
        return result
    }

    /// The boundary in the original coordinates of w′·x′ + b′.
    ///
    /// - Parameters:
    ///   - weights: w′, [d].
    ///   - intercept: b′.
    ///   - signs: The rows' classes, ±1.
    ///   - record: Makes the record from ‖w‖ in the original coordinates.
    /// - Returns: The boundary with its unit normal.
    /// - Throws: `Failure` when w is zero or not finite.
    func boundary(
        weights: [Double], intercept: Double, signs: [Double], record: (Double) -> SolverRecord
    ) throws -> Boundary {
        let length = FeatureFrame.dot(weights, weights).squareRoot()
        guard length.isFinite, length > 1e-100 else {
            throw Failure(
                "the fit", "found no direction: the classes cannot be told apart",
                "check that the two sides of the selection differ")
        }
        let direction = FeatureFrame.unit(weights)
        let exact = direction.map(Double.init)
        let projections = kernels.forward(exact, offset: 0, rows: samples.rows)
        let norm = length / scale
        return Boundary(
            direction: direction, intercept: intercept / norm - FeatureFrame.dot(weights, mean) / length,
            sigma: FeatureFrame.standardDeviation(projections), weights: weights.map { $0 / scale },
            record: record(norm))
    }

    /// v/‖v‖ as float32.
    static func unit(_ v: [Double]) -> [Float] {
        let length = dot(v, v).squareRoot()
        return v.map { Float($0 / length) }
    }

    static func dot(_ a: [Double], _ b: [Double]) -> Double {
        cblas_ddot(blasint(a.count), a, 1, b, 1)
    }

    static func standardDeviation(_ values: [Double]) -> Double {
        let mean = values.reduce(0, +) / Double(values.count)
        let sum = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (sum / Double(max(1, values.count - 1))).squareRoot()
    }
}
