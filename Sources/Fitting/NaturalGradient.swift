import CLinearAlgebra
import Core

/// Which way to go when gradients of single faces differ more in some directions than in others.
///
/// A few directions make most of the difference between faces: those in which logits change soonest. There the mean of few
/// faces is mostly chance, and a step too long goes back and forth. So a step is divided by the second moments F of the last
/// faces' gradients,
///
///     step = (C F / d + I)⁻¹ C v,  d = damping · trace(C F)
///
/// with C the covariance of W, the same for each group of layers. With n faces kept, n equations are solved (Woodbury's
/// identity).
///
/// - SeeAlso: Amari, "Natural gradient works efficiently in learning" (1998), with the empirical Fisher matrix.
public struct NaturalGradient: Sendable {
    /// Faces whose gradients are kept.
    private static let most = 320
    /// What is added to C F, as a share of its trace.
    ///
    /// With a twentieth of it, steps go on into what only fools a classifier.
    private static let damping = 0.1

    private let metric: LatentMetric
    /// groups · dimension.
    private let width: Int
    /// [faces, groups · dimension]: gradients, and C times them.
    private var gradients: [Double] = []
    private var spread: [Double] = []

    public init(metric: LatentMetric, groups: Int) {
        self.metric = metric
        width = groups * metric.dimension
    }

    /// C times a vector [groups · dimension].
    private func spread(_ vector: [Double]) -> [Double] {
        stride(from: 0, to: width, by: metric.dimension).flatMap {
            metric.spread(Array(vector[$0..<$0 + metric.dimension]))
        }
    }

    /// Takes note of one face's gradient [groups · dimension].
    public mutating func observe(_ gradient: [Double]) {
        precondition(gradient.count == width, "a gradient of every group")
        gradients += gradient
        spread += spread(gradient)
        let surplus = gradients.count - NaturalGradient.most * width
        if surplus > 0 {
            gradients.removeFirst(surplus)
            spread.removeFirst(surplus)
        }
    }

    /// Where a gradient [groups · dimension] leads.
    ///
    /// - Throws: `Failure` where gradients are not finite.
    public func step(_ gradient: [Double]) throws -> [Double] {
        var result = spread(gradient)
        let n = blasint(gradients.count / width)
        let d = blasint(width)
        guard n > 0 else { return result }
        var moments = [Double](repeating: 0, count: Int(n * n))
        cblas_dgemm(
            CblasRowMajor, CblasNoTrans, CblasTrans, n, n, d, 1 / Double(n), spread, d, gradients, d, 0, &moments, n)
        let diagonal = stride(from: 0, to: moments.count, by: Int(n) + 1)
        let added = NaturalGradient.damping * diagonal.reduce(0) { $0 + moments[$1] }
        guard added.isFinite else {
            throw Failure("the gradients", "are not finite", "check the generator and the classifier")
        }
        guard added > 0 else { return result }
        for i in diagonal { moments[i] += added }
        var parts = [Double](repeating: 0, count: Int(n))
        cblas_dgemv(CblasRowMajor, CblasNoTrans, n, d, 1 / Double(n), gradients, d, result, 1, 0, &parts, 1)
        let upper = CChar(UInt8(ascii: "U"))
        guard LAPACKE_dposv(LAPACK_COL_MAJOR, upper, n, 1, &moments, n, &parts, n) == 0 else {
            throw Failure(
                "the gradients", "have moments that can't be inverted", "check the generator and the classifier")
        }
        cblas_dgemv(CblasRowMajor, CblasTrans, n, d, -1, spread, d, parts, 1, 1, &result, 1)
        return result
    }
}
