import CLinearAlgebra
import Core

/// Solves A·x = b for a symmetric positive definite A given by its lower triangle, row-major [n, n].
enum SymmetricSystem {
    /// Solves a system by Cholesky factorisation (LAPACK dpotrf, dpotrs).
    ///
    /// A matrix that rounding has made indefinite gets a growing multiple of its own diagonal added.
    ///
    /// - Parameters:
    ///   - scratch: [n, n], holds the factor afterwards.
    ///   - right: b, [n].
    ///   - fill: Writes the lower triangle of A.
    /// - Returns: The solution, [n].
    /// - Throws: `Failure` when no factor exists even so, which means that a value is not finite.
    static func solve(
        scratch: inout [Double], right: [Double], fill: (UnsafeMutableBufferPointer<Double>) -> Void
    ) throws -> [Double] {
        let n = right.count
        let size = Int32(n)
        var jitter = 0.0
        while true {
            // Row-major lower is column-major upper.
            let status = scratch.withUnsafeMutableBufferPointer { matrix in
                fill(matrix)
                for i in 0..<n where jitter > 0 { matrix[i * n + i] += jitter * abs(matrix[i * n + i]) }
                return LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, CChar(UInt8(ascii: "U")), size, matrix.baseAddress, size)
            }
            if status == 0 { break }
            jitter = jitter == 0 ? 1e-14 : jitter * 100
            guard jitter < 1 else {
                throw Failure(
                    "the fit", "met a linear system without a solution",
                    "check the features for huge values, or lower C")
            }
        }
        var solution = right
        LAPACKE_dpotrs_work(LAPACK_COL_MAJOR, CChar(UInt8(ascii: "U")), size, 1, scratch, size, &solution, size)
        return solution
    }

    /// Solves a system by a factorisation in float32.
    ///
    /// - Parameters:
    ///   - scratch: [n, n], holds the factor afterwards.
    ///   - right: b, [n].
    ///   - fill: Writes the lower triangle of A.
    /// - Returns: The solution, [n]; nil when rounding has made the matrix indefinite.
    static func roundedSolution(
        scratch: inout [Float], right: [Double], fill: (UnsafeMutableBufferPointer<Float>) -> Void
    ) -> [Double]? {
        let size = Int32(right.count)
        let status = scratch.withUnsafeMutableBufferPointer { matrix in
            fill(matrix)
            return LAPACKE_spotrf_work(LAPACK_COL_MAJOR, CChar(UInt8(ascii: "U")), size, matrix.baseAddress, size)
        }
        guard status == 0 else { return nil }
        var solution = right.map(Float.init)
        LAPACKE_spotrs_work(LAPACK_COL_MAJOR, CChar(UInt8(ascii: "U")), size, 1, scratch, size, &solution, size)
        return solution.allSatisfy(\.isFinite) ? solution.map(Double.init) : nil
    }
}
