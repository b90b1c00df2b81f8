import CLinearAlgebra
import Core

/// Combines steps whose effect on faces has been measured into one that moves its own logit and leaves the others.
///
/// For the changes x of every logit that each step b makes on each calibration face, it looks for coefficients c that
/// minimise
///
///     mean over faces f and logits k ≠ t of |Σ c_b · x_bfk|  +  drift · mean over k ≠ t of |mean over f of Σ c_b · x_bfk|  +  penalty · ‖c‖
///     subject to  Σ c_b · (mean over some f of x_bft) = 1
///
/// by iteratively reweighted least squares. The first term takes absolute values face by face, what a person sees on one
/// face; the second is the drift, the mean absolute value of the entanglement row. The penalty, and whether all steps take
/// part or the direction's own alone, are chosen by cross-validation over the faces.
///
/// Effects of steps do not quite add up, so ``correction(of:target:measured:own:)`` goes on from what a combination is seen to do.
public struct LocalCombination: Sendable {
    /// What was found.
    public struct Solution: Sendable {
        /// One for each step; the own logit's mean change is that of the plain steps.
        public var coefficients: [Double]
        /// ``cost(of:targets:target:own:drift:)`` on held-out faces, over that of the plain steps.
        public var ratio: Double
        /// What was chosen.
        public var penalty: Double
        public var usesAll: Bool
    }

    /// Steps, faces and logits.
    public let steps: Int
    public let faces: Int
    public let targets: Int
    /// [steps][faces][targets].
    private let changes: [Float]

    /// - Parameter changes: For each step [faces, targets]: the logits of the edited faces minus those of the faces as they are.
    /// - Throws: `Failure` when the shapes do not fit, values are not finite, or there are fewer than ten faces.
    public init(changes: [[Float]], targets: Int) throws {
        guard let first = changes.first, targets > 1, first.count % targets == 0,
            changes.allSatisfy({ $0.count == first.count && $0.allSatisfy(\.isFinite) })
        else { throw Failure("the changes of the logits", "are not all there", "evaluate again") }
        steps = changes.count
        faces = first.count / targets
        self.targets = targets
        self.changes = changes.flatMap { $0 }
        guard faces >= 10 else {
            throw Failure("--faces \(faces)", "are too few to learn from", "give 10 or more", isUsage: true)
        }
    }

    private static let penalties = [0, 0.01, 0.03, 0.1, 0.3]
    private static let folds = 5
    /// The penalty of corrections, in logits a step.
    private static let correctionPenalty = 0.3
    /// How much the drift counts beside the change face by face.
    public static let driftShare = 2.0

    /// The best combination for one logit.
    ///
    /// - Parameters:
    ///   - target: t.
    ///   - plain: Which steps make the plain direction when added up.
    ///   - own: The faces on which the own logit counts.
    ///   - drift: How much the drift counts.
    /// - Returns: nil when the plain direction does not raise its own logit.
    /// - Throws: `Failure` when a linear system has no solution.
    public func fit(
        target: Int, plain: [Bool], own: [Int], drift: Double = LocalCombination.driftShare
    ) throws -> Solution? {
        let reference = plain.map { $0 ? 1.0 : 0 }
        let all = Array(0..<faces)
        let wanted = zip(meanChanges(target, own), reference).reduce(0) { $0 + $1.0 * $1.1 }
        guard wanted > 0, cost(reference, target, all, own: own, drift: drift) > 0 else { return nil }
        var best: (ratio: Double, penalty: Double, usesAll: Bool)?
        for usesAll in [false, true] {
            for penalty in Self.penalties {
                var ratio = 0.0
                for fold in 0..<Self.folds {
                    let held = all.filter { $0 % Self.folds == fold }
                    let learnt = all.filter { $0 % Self.folds != fold }
                    // With few faces a fold may have none that counts.
                    func part(_ some: [Int]) -> [Int] {
                        let counted = own.filter(Set(some).contains)
                        return counted.isEmpty ? some : counted
                    }
                    let found = try minimise(
                        target, learnt, own: part(learnt), penalty: penalty, drift: drift, mask: usesAll ? nil : plain)
                    ratio +=
                        cost(found, target, held, own: part(held), drift: drift)
                        / cost(reference, target, held, own: part(held), drift: drift) / Double(Self.folds)
                }
                if ratio > 0, ratio.isFinite, ratio < best?.ratio ?? .infinity { best = (ratio, penalty, usesAll) }
            }
        }
        guard let best else { return nil }
        let found = try minimise(
            target, all, own: own, penalty: best.penalty, drift: drift, mask: best.usesAll ? nil : plain)
        return Solution(
            coefficients: found.map { $0 * wanted }, ratio: best.ratio, penalty: best.penalty, usesAll: best.usesAll)
    }

    /// What to add to the coefficients of a combination so that the others change less, the own logit as much.
    ///
    /// - Parameters:
    ///   - target: t.
    ///   - measured: [faces, targets]: what the combination is seen to change.
    ///   - own: The faces on which the own logit counts.
    /// - Returns: One for each step.
    /// - Throws: `Failure` when a linear system has no solution.
    public func correction(of target: Int, measured: [Float], own: [Int]) throws -> [Double] {
        precondition(measured.count == faces * targets, "changes of every face's logits")
        return try minimise(
            target, Array(0..<faces), own: own, penalty: Self.correctionPenalty, drift: Self.driftShare, mask: nil,
            start: measured)
    }

    /// What a change of the logits costs: the others' mean absolute change face by face, and the drift, per mean change of
    /// the own logit; infinite where that does not rise.
    ///
    /// - Parameters:
    ///   - changes: [faces, targets].
    ///   - own: The faces on which the own logit counts.
    ///   - drift: How much the drift counts.
    public static func cost(of changes: [Float], targets: Int, target: Int, own: [Int], drift: Double = driftShare)
        -> Double
    {
        let faces = changes.count / targets
        let rise = own.reduce(0) { $0 + Double(changes[$1 * targets + target]) } / Double(max(1, own.count))
        if rise <= 0 || faces == 0 { return .infinity }
        var total = 0.0
        for k in 0..<targets where k != target {
            var (sum, absolute) = (0.0, 0.0)
            for face in 0..<faces {
                sum += Double(changes[face * targets + k])
                absolute += Double(abs(changes[face * targets + k]))
            }
            total += absolute + drift * abs(sum)
        }
        return total / Double(faces * (targets - 1)) / rise
    }

    /// The mean change of a logit that a combination promises.
    public func rise(of coefficients: [Double], target: Int, own: [Int]) -> Double {
        zip(meanChanges(target, own), coefficients).reduce(0) { $0 + $1.0 * $1.1 }
    }

    private func change(_ step: Int, _ face: Int, _ target: Int) -> Double {
        Double(changes[(step * faces + face) * targets + target])
    }

    private func meanChanges(_ target: Int, _ some: [Int]) -> [Double] {
        (0..<steps).map { step in some.reduce(0) { $0 + change(step, $1, target) } / Double(max(1, some.count)) }
    }

    /// The cost of a combination as its steps promise it, on some faces.
    private func cost(_ coefficients: [Double], _ target: Int, _ some: [Int], own: [Int], drift: Double) -> Double {
        var sums = [Float](repeating: 0, count: some.count * targets)
        for (step, coefficient) in coefficients.enumerated() where coefficient != 0 {
            for (row, face) in some.enumerated() {
                for k in 0..<targets { sums[row * targets + k] += Float(coefficient * change(step, face, k)) }
            }
        }
        let rows = Dictionary(uniqueKeysWithValues: some.enumerated().map { ($1, $0) })
        return LocalCombination.cost(
            of: sums, targets: targets, target: target, own: own.compactMap { rows[$0] }, drift: drift)
    }

    /// Rows [count][n] of what the steps change: one for each face and other logit, then one for the mean of each.
    private func rows(_ target: Int, _ some: [Int], _ used: [Int]) -> [Double] {
        let others = (0..<targets).filter { $0 != target }
        var rows: [Double] = []
        rows.reserveCapacity((some.count + 1) * others.count * used.count)
        for face in some {
            for k in others { rows += used.map { change($0, face, k) } }
        }
        for k in others {
            let means = meanChanges(k, some)
            rows += used.map { means[$0] }
        }
        return rows
    }

    /// The same rows of one measured change, each a number.
    private func values(_ measured: [Float], _ target: Int, _ some: [Int]) -> [Double] {
        let others = (0..<targets).filter { $0 != target }
        let each = some.flatMap { face in others.map { Double(measured[face * targets + $0]) } }
        let means = others.indices.map { k in
            stride(from: k, to: each.count, by: others.count).reduce(0) { $0 + each[$1] } / Double(some.count)
        }
        return each + means
    }

    /// - Parameters:
    ///   - start: [faces, targets] to which the steps are added, while the own logit is to stay; nil begins with nothing,
    ///     and the own logit is to rise by 1.
    private func minimise(
        _ target: Int, _ some: [Int], own: [Int], penalty: Double, drift: Double, mask: [Bool]?,
        start: [Float]? = nil
    ) throws -> [Double] {
        let used = (0..<steps).filter { mask?[$0] ?? true }
        let n = used.count
        let rises = meanChanges(target, own)
        let rise = used.map { rises[$0] }
        let rows = rows(target, some, used)
        let count = rows.count / n
        let others = targets - 1
        let constant = start.map { values($0, target, some) } ?? [Double](repeating: 0, count: count)
        // What each row's absolute value counts for.
        let shares =
            [Double](repeating: 1 / Double(count - others), count: count - others)
            + [Double](repeating: drift / Double(others), count: others)
        var residuals = constant
        var weights = start == nil ? shares : reweighted(shares, residuals)
        var norm = start == nil ? 1.0 : 0.05
        var solution = [Double](repeating: 0, count: n)
        var last = solution
        var scratch = [Double](repeating: 0, count: n * n)
        var scaled = rows
        for _ in 0..<40 {
            for row in 0..<count {
                let root = weights[row].squareRoot()
                for i in 0..<n { scaled[row * n + i] = rows[row * n + i] * root }
            }
            func solved(_ right: [Double]) throws -> [Double] {
                try SymmetricSystem.solve(scratch: &scratch, right: right) { matrix in
                    cblas_dsyrk(
                        CblasRowMajor, CblasLower, CblasTrans, blasint(n), blasint(count), 1, scaled, blasint(n), 0,
                        matrix.baseAddress, blasint(n))
                    for i in 0..<n { matrix[i * n + i] += penalty / norm + 1e-9 }
                }
            }
            let along = try solved(rise)
            let gain = zip(rise, along).reduce(0) { $0 + $1.0 * $1.1 }
            guard gain > 0 else { break }
            if start == nil {
                solution = along.map { $0 / gain }
            } else {
                var slope = [Double](repeating: 0, count: n)
                let pull = zip(weights, constant).map { -$0 * $1 }
                cblas_dgemv(
                    CblasRowMajor, CblasTrans, blasint(count), blasint(n), 1, rows, blasint(n), pull, 1, 0, &slope, 1)
                let free = try solved(slope)
                let surplus = zip(rise, free).reduce(0) { $0 + $1.0 * $1.1 } / gain
                solution = zip(free, along).map { $0 - surplus * $1 }
            }
            let moved = zip(solution, last).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
            last = solution
            norm = max(start == nil ? 1e-6 : 0.05, solution.reduce(0) { $0 + $1 * $1 }.squareRoot())
            residuals = constant
            cblas_dgemv(
                CblasRowMajor, CblasNoTrans, blasint(count), blasint(n), 1, rows, blasint(n), solution, 1, 1,
                &residuals, 1)
            weights = reweighted(shares, residuals)
            if moved < 1e-3 * norm { break }
        }
        var result = [Double](repeating: 0, count: steps)
        for (i, step) in used.enumerated() { result[step] = solution[i] }
        return result
    }

    /// Weights that make squares of the residuals what their absolute values are, from a floor on.
    private func reweighted(_ shares: [Double], _ residuals: [Double]) -> [Double] {
        let mean = residuals.reduce(0) { $0 + abs($1) } / Double(residuals.count)
        let floor = max(mean * 0.02, 1e-12)
        return zip(shares, residuals).map { $0 / max(abs($1), floor) }
    }
}
