import CLinearAlgebra
import Core

/// Combines steps whose effect on faces has been measured into one that moves its own logit and leaves the others.
///
/// For the changes x of every logit that each step b makes on each calibration face, it looks for coefficients c that
/// minimise
///
///     mean over faces f and logits k ≠ t of |Σ c_b · x_bfk|  +  penalty · ‖c‖     subject to  Σ c_b · (mean over f of x_bft) = 1
///
/// by iteratively reweighted least squares. Absolute values face by face, because on the mean over faces gains and losses
/// cancel, which no single face notices. The penalty, and whether all steps take part or the direction's own alone, are
/// chosen by cross-validation over the faces.
public struct LocalCombination: Sendable {
    /// What was found.
    public struct Solution: Sendable {
        /// One for each step; the own logit's mean change is that of the plain steps.
        public var coefficients: [Double]
        /// Mean absolute change of the others per change of the own logit on held-out faces, over that of the plain steps.
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

    /// The best combination for one logit.
    ///
    /// - Parameters:
    ///   - target: t.
    ///   - plain: Which steps make the plain direction when added up.
    /// - Returns: nil when the plain direction does not raise its own logit.
    /// - Throws: `Failure` when a linear system has no solution.
    public func fit(target: Int, plain: [Bool]) throws -> Solution? {
        let reference = plain.map { $0 ? 1.0 : 0 }
        let all = Array(0..<faces)
        let own = meanChanges(target, all)
        let wanted = zip(own, reference).reduce(0) { $0 + $1.0 * $1.1 }
        guard wanted > 0, score(reference, target, all) > 0 else { return nil }
        var best: (ratio: Double, penalty: Double, usesAll: Bool)?
        for usesAll in [false, true] {
            for penalty in Self.penalties {
                var ratio = 0.0
                for fold in 0..<Self.folds {
                    let held = all.filter { $0 % Self.folds == fold }
                    let learnt = all.filter { $0 % Self.folds != fold }
                    let found = try minimise(target, learnt, penalty: penalty, mask: usesAll ? nil : plain)
                    ratio += score(found, target, held) / score(reference, target, held) / Double(Self.folds)
                }
                if ratio > 0, ratio.isFinite, ratio < best?.ratio ?? .infinity { best = (ratio, penalty, usesAll) }
            }
        }
        guard let best else { return nil }
        let found = try minimise(target, all, penalty: best.penalty, mask: best.usesAll ? nil : plain)
        let scale = wanted / zip(own, found).reduce(0) { $0 + $1.0 * $1.1 }
        return Solution(
            coefficients: found.map { $0 * scale }, ratio: best.ratio, penalty: best.penalty, usesAll: best.usesAll)
    }

    private func change(_ step: Int, _ face: Int, _ target: Int) -> Double {
        Double(changes[(step * faces + face) * targets + target])
    }

    private func meanChanges(_ target: Int, _ some: [Int]) -> [Double] {
        (0..<steps).map { step in some.reduce(0) { $0 + change(step, $1, target) } / Double(some.count) }
    }

    /// Mean absolute change of the others per mean change of the own logit; infinite where that falls.
    private func score(_ coefficients: [Double], _ target: Int, _ some: [Int]) -> Double {
        let own = zip(meanChanges(target, some), coefficients).reduce(0) { $0 + $1.0 * $1.1 }
        if own <= 0 { return .infinity }
        var others = 0.0
        for face in some {
            for k in 0..<targets where k != target {
                others += abs((0..<steps).reduce(0) { $0 + coefficients[$1] * change($1, face, k) })
            }
        }
        return others / Double(some.count * (targets - 1)) / own
    }

    private func minimise(_ target: Int, _ some: [Int], penalty: Double, mask: [Bool]?) throws -> [Double] {
        let used = (0..<steps).filter { mask?[$0] ?? true }
        let n = used.count
        let mean = meanChanges(target, some)
        let own = used.map { mean[$0] }
        // [columns][n]: one column for each face and other logit.
        var columns: [Double] = []
        columns.reserveCapacity(some.count * (targets - 1) * n)
        for face in some {
            for k in 0..<targets where k != target { columns += used.map { change($0, face, k) } }
        }
        let count = columns.count / n
        var weights = [Double](repeating: 1, count: count)
        var norm = 1.0
        var solution = own
        var scratch = [Double](repeating: 0, count: n * n)
        var scaled = columns
        for _ in 0..<40 {
            for column in 0..<count {
                let root = (weights[column] / Double(count)).squareRoot()
                for i in 0..<n { scaled[column * n + i] = columns[column * n + i] * root }
            }
            solution = try SymmetricSystem.solve(scratch: &scratch, right: own) { matrix in
                cblas_dsyrk(
                    CblasRowMajor, CblasLower, CblasTrans, blasint(n), blasint(count), 1, scaled, blasint(n), 0,
                    matrix.baseAddress, blasint(n))
                for i in 0..<n { matrix[i * n + i] += penalty / norm + 1e-9 }
            }
            let along = zip(own, solution).reduce(0) { $0 + $1.0 * $1.1 }
            guard along > 0 else { break }
            solution = solution.map { $0 / along }
            norm = max(1e-6, solution.reduce(0) { $0 + $1 * $1 }.squareRoot())
            var residuals = [Double](repeating: 0, count: count)
            cblas_dgemv(
                CblasRowMajor, CblasNoTrans, blasint(count), blasint(n), 1, columns, blasint(n), solution, 1, 0,
                &residuals, 1)
            let floor = residuals.reduce(0) { $0 + abs($1) } / Double(count) * 0.01
            weights = residuals.map { 1 / max(abs($0), floor, 1e-12) }
        }
        var result = [Double](repeating: 0, count: steps)
        for (i, step) in used.enumerated() { result[step] = solution[i] }
        return result
    }
}
