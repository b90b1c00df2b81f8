import CLinearAlgebra
import Core

/// Combines steps whose effect on faces has been measured into a direction that moves its own logit and leaves the
/// others.
///
/// A step's effect is what it changes of every logit of each calibration face; a combination of steps promises the sum.
/// Faces keep such promises only nearby, so a combination that promises all (``fresh(target:own:rise:unit:penalties:)``) is
/// but a place to begin: ``steps(from:target:own:rise:unit:penalties:lengthPenalty:)`` goes from one that was seen on the
/// faces to a better one near it, and effects are corrected by all that was seen (a secant update, as in Broyden's
/// method, with a linear kernel and a ridge for what is not linear).
///
/// Near is measured in the distance of Mahalanobis, with W's covariance, averaged over the groups of layers: a direction that is
/// long in it leaves the latents that the generator knows, and tears faces apart before it has changed them.
public struct LocalCombination: Sendable {
    /// What a combination was seen to change.
    public struct Observation: Sendable {
        /// One for each step.
        public var coefficients: [Double]
        /// [faces, targets]: the logits of the edited faces minus those of the faces as they are.
        public var changes: [Float]

        public init(coefficients: [Double], changes: [Float]) {
            self.coefficients = coefficients
            self.changes = changes
        }
    }

    /// One strength at which the next combination is to be better.
    public struct View: Sendable {
        /// What was seen there: ``multiple`` times the combination to go on from.
        public var centre: Observation
        public var multiple: Double
        /// How much it counts.
        public var weight: Double
        /// Whatever else was seen of this attribute; what is far away is left out.
        public var seen: [Observation]

        public init(centre: Observation, multiple: Double = 1, weight: Double = 1, seen: [Observation] = []) {
            self.centre = centre
            self.multiple = multiple
            self.weight = weight
            self.seen = seen
        }
    }

    /// Steps, faces and logits.
    public let steps: Int
    public let faces: Int
    public let targets: Int
    /// [steps, faces, targets].
    private let changes: [Float]
    /// Inner products of the steps, [steps, steps].
    private let gram: [Double]

    /// - Parameters:
    ///   - changes: For each step [faces, targets]: the logits of the edited faces minus those of the faces as they are.
    ///   - gram: [steps, steps]: the steps' inner products, by which lengths are measured.
    /// - Throws: `Failure` when the shapes do not fit, values are not finite, or there are fewer than ten faces.
    public init(changes: [[Float]], targets: Int, gram: [Double]) throws {
        guard let first = changes.first, targets > 1, first.count % targets == 0,
            changes.allSatisfy({ $0.count == first.count && $0.allSatisfy(\.isFinite) }),
            gram.count == changes.count * changes.count, gram.allSatisfy(\.isFinite)
        else { throw Failure("the changes of the logits", "are not all there", "evaluate again") }
        steps = changes.count
        faces = first.count / targets
        self.targets = targets
        self.changes = changes.flatMap { $0 }
        self.gram = gram
        guard faces >= 10 else {
            throw Failure("--faces \(faces)", "are too few to learn from", "give 10 or more", isUsage: true)
        }
    }

    /// How much the drift counts beside the change face by face.
    public static let driftShare = 2.0
    /// Farther than this, in units, nothing is learnt from what was seen.
    private static let reach = 1.5
    /// How much of what was seen near a combination is put down to what no step explains.
    private static let ridge = 0.03
    /// The most that a step from one combination to the next goes after its own logit, as a share of the rise that is
    /// wanted.
    private static let largestRise = 0.3

    /// Inner product of two combinations.
    public func product(_ a: [Double], _ b: [Double]) -> Double {
        FeatureFrame.dot(a, image(of: b, under: gram))
    }

    /// Length of a combination.
    public func length(_ coefficients: [Double]) -> Double {
        max(product(coefficients, coefficients), 0).squareRoot()
    }

    /// What a change of the logits costs, in logits: the others' mean absolute change face by face, and ``driftShare``
    /// times the drift, the mean absolute value of their mean changes.
    ///
    /// - Parameters:
    ///   - changes: [faces, targets].
    ///   - target: The logit that does not count.
    public static func cost(of changes: [Float], targets: Int, target: Int) -> Double {
        let faces = changes.count / targets
        if faces == 0 { return 0 }
        var total = 0.0
        for k in 0..<targets where k != target {
            var (sum, absolute) = (0.0, 0.0)
            for face in 0..<faces {
                sum += Double(changes[face * targets + k])
                absolute += Double(abs(changes[face * targets + k]))
            }
            total += absolute + driftShare * abs(sum)
        }
        return total / Double(faces * (targets - 1))
    }

    /// Combinations made of nothing but the steps' effects: those of
    /// ``steps(from:target:own:rise:unit:penalties:lengthPenalty:)`` from where nothing is changed yet.
    ///
    /// - Parameters:
    ///   - target: The own logit.
    ///   - own: The faces on which it counts.
    ///   - rise: Its mean change there that is wanted, in logits.
    ///   - unit: The length to which lengths are compared.
    ///   - penalties: What a length of one unit costs; each gives a combination.
    /// - Returns: For each penalty one number for each step of the basis.
    /// - Throws: `Failure` when a linear system has no solution.
    public func fresh(
        target: Int, own: [Int], rise: Double, unit: Double, penalties: [Double]
    ) throws -> [[Double]] {
        let nothing = Observation(
            coefficients: [Double](repeating: 0, count: steps),
            changes: [Float](repeating: 0, count: faces * targets))
        return try self.steps(
            from: [View(centre: nothing)], target: target, own: own, rise: rise, unit: unit, penalties: penalties)
    }

    /// What to add to the coefficients of a combination so that its own logit rises as wanted and the others change
    /// less.
    ///
    /// For the first view's centre c, of multiple 1, and x_b the effects of the steps as corrected around each view's centre,
    /// it minimises over d
    ///
    ///     Σ over views of weight · [mean over faces f and logits k ≠ t of |r_fk + Σ d_b · x_bfk| + driftShare · mean over k ≠ t of |mean over f of the same|] / rise
    ///       + (Σ weights) · (penalty · ‖d‖ + lengthPenalty · ‖c + d‖) / unit
    ///     subject to  Σ d_b · (mean over own faces of x_bft) = rise − what c is seen to raise
    ///
    /// by iteratively reweighted least squares; r is what the centre changes, divided by its multiple.
    ///
    /// - Parameters:
    ///   - views: What was seen of the combination at some strengths, the first at its own.
    ///   - target: t.
    ///   - own: The faces on which the own logit counts.
    ///   - rise: The mean change of the own logit that is wanted there, in logits.
    ///   - unit: The length to which lengths are compared: that of the plain direction.
    ///   - penalties: What a step of one unit costs; each gives a step.
    ///   - lengthPenalty: What it costs that the combination it leads to is one unit long.
    /// - Returns: For each penalty d, one number for each step of the basis.
    /// - Throws: `Failure` when a linear system has no solution.
    public func steps(
        from views: [View], target: Int, own: [Int], rise: Double, unit: Double, penalties: [Double],
        lengthPenalty: Double = 0
    ) throws -> [[Double]] {
        precondition(views.allSatisfy { $0.centre.changes.count == faces * targets }, "changes of every face's logits")
        let others = (0..<targets).filter { $0 != target }
        var problem = Problem(columns: steps)
        var pull = [Double](repeating: 0, count: steps)
        var lacking = 0.0
        for (index, view) in views.enumerated() {
            let effects = try effects(around: view, unit: unit * view.multiple)
            let scale = 1 / (view.multiple * rise)
            if index == 0 {
                let raised = mean(view.centre.changes, target, own)
                let limit = view.centre.coefficients.allSatisfy { $0 == 0 } ? 1 : LocalCombination.largestRise
                lacking = min(max(1 - raised / rise, -limit), limit)
                for step in 0..<steps {
                    pull[step] = mean(effects, target, own, offset: step * faces * targets)
                }
            }
            let share = view.weight / Double(others.count)
            for face in 0..<faces {
                for k in others {
                    problem.add(
                        constant: Double(view.centre.changes[face * targets + k]) * scale, share: share / Double(faces)
                    ) { Double(effects[($0 * faces + face) * targets + k]) }
                }
            }
            let all = Array(0..<faces)
            for k in others {
                problem.add(
                    constant: mean(view.centre.changes, k, all) * scale, share: LocalCombination.driftShare * share
                ) { mean(effects, k, all, offset: $0 * faces * targets) }
            }
        }
        let weights = views.reduce(0) { $0 + $1.weight }
        let metric = gram.map { $0 * (rise / unit) * (rise / unit) }
        return try penalties.map { penalty in
            try problem.minimise(
                metric: metric, penalty: penalty * weights, start: views[0].centre.coefficients.map { $0 / rise },
                lengthPenalty: lengthPenalty * weights, pull: pull, by: lacking
            ).map { $0 * rise }
        }
    }

    /// Mean of one logit over some faces.
    private func mean(_ values: [Float], _ target: Int, _ some: [Int], offset: Int = 0) -> Double {
        some.reduce(0) { $0 + Double(values[offset + $1 * targets + target]) } / Double(max(1, some.count))
    }

    /// The steps' effects [steps, faces, targets] around a centre, corrected so that they explain what was seen near it.
    private func effects(around view: View, unit: Double) throws -> [Float] {
        var differences: [[Double]] = []
        var errors: [Float] = []
        var noises: [Double] = []
        let one = faces * targets
        for other in view.seen {
            let difference = zip(other.coefficients, view.centre.coefficients).map { $0 - $1 }
            let distance = length(difference) / unit
            guard distance > 1e-6, distance < LocalCombination.reach else { continue }
            var error = zip(other.changes, view.centre.changes).map { $0 - $1 }
            let negated = difference.map { Float(-$0) }
            cblas_sgemv(
                CblasRowMajor, CblasTrans, blasint(steps), blasint(one), 1, changes, blasint(one), negated, 1, 1,
                &error, 1)
            differences.append(difference)
            errors += error
            // What is farther away is less linear.
            let square = 4 * distance * distance
            noises.append(LocalCombination.ridge * (1 + square * square))
        }
        let n = differences.count
        if n == 0 { return changes }
        let square = unit * unit
        var images = [Float](repeating: 0, count: steps * n)
        var kernel = [Double](repeating: 0, count: n * n)
        for i in 0..<n {
            let image = image(of: differences[i], under: gram).map { $0 / square }
            for step in 0..<steps { images[step * n + i] = Float(image[step]) }
            for j in 0..<n { kernel[i * n + j] = FeatureFrame.dot(differences[j], image) }
        }
        var scratch = kernel
        var inverse: [Float] = []
        for i in 0..<n {
            inverse += try SymmetricSystem.solve(
                scratch: &scratch, right: (0..<n).map { $0 == i ? 1 : 0 }
            ) { matrix in
                for j in 0..<n * n { matrix[j] = kernel[j] }
                for j in 0..<n { matrix[j * n + j] += noises[j] }
            }.map(Float.init)
        }
        // X + (M·D)·(K⁻¹·E).
        var scaled = [Float](repeating: 0, count: n * one)
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(n), blasint(one), blasint(n), 1, inverse, blasint(n),
            errors, blasint(one), 0, &scaled, blasint(one))
        var corrected = changes
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(steps), blasint(one), blasint(n), 1, images, blasint(n),
            scaled, blasint(one), 1, &corrected, blasint(one))
        return corrected
    }
}

/// min over d of Σ share_i · |constant_i + row_i · d| + penalty · ‖d‖ + lengthPenalty · ‖start + d‖, subject to
/// pull · d = by; lengths are those of the metric.
private struct Problem {
    let columns: Int
    private var rows: [Double] = []
    private var constants: [Double] = []
    private var shares: [Double] = []

    init(columns: Int) { self.columns = columns }

    mutating func add(constant: Double, share: Double, row: (Int) -> Double) {
        constants.append(constant)
        shares.append(share)
        for column in 0..<columns { rows.append(row(column)) }
    }

    private static let iterations = 40
    /// Residuals below this share of their mean at first count as squares.
    private static let floor = 0.02
    /// So do lengths below this.
    private static let shortest = 0.05

    func minimise(
        metric: [Double], penalty: Double, start: [Double], lengthPenalty: Double, pull: [Double], by: Double
    ) throws -> [Double] {
        let (n, count) = (columns, constants.count)
        let mean = constants.reduce(0) { $0 + abs($1) } / Double(count)
        let least = max(mean * Problem.floor, 1e-9)
        var residuals = constants
        var solution = [Double](repeating: 0, count: n)
        func length(_ values: [Double]) -> Double {
            max(FeatureFrame.dot(values, image(of: values, under: metric)), 0).squareRoot()
        }
        let startImage = image(of: start, under: metric)
        var scratch = [Double](repeating: 0, count: n * n)
        var scaled = rows
        for _ in 0..<Problem.iterations {
            let weights = zip(shares, residuals).map { $0 / max(abs($1), least) }
            for row in 0..<count {
                let root = weights[row].squareRoot()
                for i in 0..<n { scaled[row * n + i] = rows[row * n + i] * root }
            }
            let hold = lengthPenalty / max(length(zip(start, solution).map { $0 + $1 }), Problem.shortest)
            let stiffness = penalty / max(length(solution), Problem.shortest) + hold
            func solved(_ right: [Double]) throws -> [Double] {
                try SymmetricSystem.solve(scratch: &scratch, right: right) { matrix in
                    for i in 0..<n * n { matrix[i] = stiffness * metric[i] }
                    for i in 0..<n { matrix[i * n + i] += 1e-9 }
                    cblas_dsyrk(
                        CblasRowMajor, CblasLower, CblasTrans, blasint(n), blasint(count), 1, scaled, blasint(n), 1,
                        matrix.baseAddress, blasint(n))
                }
            }
            var slope = startImage.map { -hold * $0 }
            let weighted = zip(weights, constants).map { -$0 * $1 }
            cblas_dgemv(
                CblasRowMajor, CblasTrans, blasint(count), blasint(n), 1, rows, blasint(n), weighted, 1, 1, &slope, 1)
            let free = try solved(slope)
            let along = try solved(pull)
            let gain = FeatureFrame.dot(pull, along)
            guard gain > 1e-12 else { break }
            let missing = (by - FeatureFrame.dot(pull, free)) / gain
            let next = zip(free, along).map { $0 + missing * $1 }
            let moved = zip(next, solution).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            solution = next
            residuals = constants
            cblas_dgemv(
                CblasRowMajor, CblasNoTrans, blasint(count), blasint(n), 1, rows, blasint(n), solution, 1, 1,
                &residuals, 1)
            if moved < 1e-6 * FeatureFrame.dot(solution, solution) { break }
        }
        return solution
    }
}

/// A symmetric matrix [n, n] times a vector [n].
private func image(of vector: [Double], under matrix: [Double]) -> [Double] {
    var image = [Double](repeating: 0, count: vector.count)
    let n = blasint(vector.count)
    cblas_dgemv(CblasRowMajor, CblasNoTrans, n, n, 1, matrix, n, vector, 1, 0, &image, 1)
    return image
}
