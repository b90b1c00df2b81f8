import CLinearAlgebra

/// The matrix I + σ Σ_A [x; 1][x; 1]ᵀ of ``AugmentedLagrangian`` (the last diagonal element without its 1), kept up to date
/// as rows enter and leave A.
struct ActiveGram {
    private let frame: FeatureFrame
    /// Positions (into the frame's rows) of the rows in A, ascending.
    private(set) var active: [Int] = []
    /// Σ_A x xᵀ, lower triangle [d, d]; `roundedGram` instead while ``isRounded``.
    private var gram: [Double]
    private var roundedGram: [Float]
    private var sum: [Double]
    private var factor: [Double]
    private var roundedFactor: [Float]
    private var chunk = RowKernels.Chunk()
    private var changesSinceRebuild = 0
    private var isRounded = false

    init(frame: FeatureFrame) {
        self.frame = frame
        gram = [Double](repeating: 0, count: frame.dimension * frame.dimension)
        roundedGram = [Float](repeating: 0, count: gram.count)
        sum = [Double](repeating: 0, count: frame.dimension)
        factor = [Double](repeating: 0, count: (frame.dimension + 1) * (frame.dimension + 1))
        roundedFactor = [Float](repeating: 0, count: factor.count)
    }

    /// Makes A the rows at these ascending positions.
    mutating func set(active wanted: [Int]) {
        let (entering, leaving) = ActiveGram.difference(from: active, to: wanted)
        let changes = entering.count + leaving.count
        if changes == 0 { return }
        changesSinceRebuild += changes
        // Many rows are active in the first steps only, whose direction need not be exact.
        let turnsRounded = !isRounded && wanted.count > 2 * frame.dimension && 4 * changes > wanted.count
        if turnsRounded { isRounded = true }
        if turnsRounded || changes >= wanted.count || changesSinceRebuild > 8 * wanted.count {
            // Anew when that is cheaper, and now and then against the drift of rounding.
            rebuild(wanted)
        } else {
            add(entering, sign: 1)
            add(leaving, sign: -1)
        }
        active = wanted
    }

    private mutating func rebuild(_ positions: [Int]) {
        if isRounded {
            for i in roundedGram.indices { roundedGram[i] = 0 }
        } else {
            for i in gram.indices { gram[i] = 0 }
        }
        for i in sum.indices { sum[i] = 0 }
        add(positions, sign: 1)
        changesSinceRebuild = 0
    }

    private mutating func add(_ positions: [Int], sign: Double) {
        if positions.isEmpty { return }
        let rows = positions.map { frame.samples.rows[$0] }
        if isRounded {
            frame.kernels.addRoundedGram(rows: rows, centre: frame.mean, sign: sign, gram: &roundedGram, sum: &sum)
        } else {
            frame.kernels.addGram(
                rows: rows, centre: frame.mean, sign: sign, gram: &gram, sum: &sum, chunk: &chunk)
        }
    }

    /// Solves the system.
    ///
    /// - Parameters:
    ///   - penalty: What multiplies the Gram matrix of the active rows.
    ///   - right: The right side, [d + 1].
    ///   - isRough: Whether float32 will do however ill-conditioned the system is.
    /// - Returns: The solution, [d + 1].
    /// - Throws: `Failure` when a value is not finite.
    mutating func solve(penalty: Double, _ right: [Double], isRough: Bool = false) throws -> [Double] {
        let d = frame.dimension
        let size = d + 1
        let quadratic = penalty / (frame.scale * frame.scale)
        let linear = penalty / frame.scale
        // Without active rows the intercept has no curvature: any positive number serves, the line search corrects.
        let corner = active.isEmpty ? penalty : penalty * Double(active.count) * (1 + 1e-12)
        if let step = roundedSolution(quadratic, linear: linear, corner: corner, right, isRough: isRough) {
            return step
        }
        if isRounded {
            isRounded = false
            rebuild(active)
        }
        let (gram, sum) = (gram, sum)
        return try SymmetricSystem.solve(scratch: &factor, right: right) { matrix in
            gram.withUnsafeBufferPointer { gram in
                for i in 0..<d {
                    for j in 0...i { matrix[i * size + j] = quadratic * gram[i * d + j] }
                    matrix[i * size + i] += 1
                }
            }
            for j in 0..<d { matrix[d * size + j] = linear * sum[j] }
            matrix[d * size + d] = corner
        }
    }

    /// The solution by float32 alone, or nil where that may be too far off.
    private mutating func roundedSolution(
        _ quadratic: Double, linear: Double, corner: Double, _ right: [Double], isRough: Bool
    ) -> [Double]? {
        // The largest eigenvalue is at most the Frobenius norm. Below the limit float32 gives the step to a tenth or better,
        // which is more than a Newton step with a line search needs.
        let count = blasint(gram.count)
        let squares =
            isRounded
            ? Double(cblas_sdot(count, roundedGram, 1, roundedGram, 1)) : cblas_ddot(count, gram, 1, gram, 1)
        guard isRough || quadratic * (2 * squares).squareRoot() < 3e6 else { return nil }
        if !isRounded {
            for i in gram.indices { roundedGram[i] = Float(gram[i]) }
        }
        let d = frame.dimension
        let size = d + 1
        let (gram, sum, factor) = (roundedGram, sum, Float(quadratic))
        return SymmetricSystem.roundedSolution(scratch: &roundedFactor, right: right) { matrix in
            gram.withUnsafeBufferPointer { gram in
                for i in 0..<d {
                    for j in 0...i { matrix[i * size + j] = factor * gram[i * d + j] }
                    matrix[i * size + i] += 1
                }
            }
            for j in 0..<d { matrix[d * size + j] = Float(linear * sum[j]) }
            matrix[d * size + d] = Float(corner)
        }
    }

    /// What two ascending lists do not share: (only in `new`, only in `old`).
    private static func difference(from old: [Int], to new: [Int]) -> (entering: [Int], leaving: [Int]) {
        var entering: [Int] = []
        var leaving: [Int] = []
        var i = 0
        for value in new {
            while i < old.count && old[i] < value {
                leaving.append(old[i])
                i += 1
            }
            if i < old.count && old[i] == value { i += 1 } else { entering.append(value) }
        }
        leaving += old[i...]
        return (entering, leaving)
    }
}
