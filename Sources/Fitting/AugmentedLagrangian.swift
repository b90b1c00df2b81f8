import Core

/// The solver behind ``SupportVectorMachine``: an augmented Lagrangian method whose subproblems are solved by
/// semismooth Newton steps (Li, Sun and Toh, "A highly efficient semismooth Newton augmented Lagrangian method for
/// solving Lasso problems", SIAM J.
///
/// Optim. 2018, applied to the hinge loss).
///
/// Letters: n rows, d components, C the cost, α ∈ [0, C]ⁿ the multipliers, σ the penalty, vᵢ = 1 − yᵢ(w·xᵢ + b),
/// tᵢ = αᵢ + σvᵢ, aᵢ = tᵢ clipped to [0, C]. An outer step minimises over w and b
///
///     φ(w, b) = ½‖w‖² + Σ aᵢvᵢ − (aᵢ − αᵢ)²/2σ
///
/// and sets α = a. φ is piecewise quadratic with gradient (w − Σ yᵢaᵢxᵢ, −Σ yᵢaᵢ) and Hessian I + σ Σ_A x x′ over the rows
/// A with 0 < t < C, few near the end, so that a Newton step is one (d + 1)² Cholesky factorisation. Rows far from the
/// margin keep their α during an outer step; the step is repeated with those that turn out to cross over if they matter to
/// the gap, so leaving them out changes the cost of a step and not where it leads.
///
/// Every outer step gives a feasible dual point (α rebalanced so that Σ yα = 0), hence a lower bound
/// Σα − ½‖Σ yαx‖², and a primal point, hence an upper one; both are computed on all rows in float64.
struct AugmentedLagrangian {
    /// A primal point with its objective.
    struct Primal {
        var w: [Double]
        var b: Double
        var objective: Double
    }

    let frame: FeatureFrame
    let signs: [Double]
    /// C, which the primal objective is judged by.
    let fullCost: Double
    /// The bound on α at present, at most C.
    var cost: Double
    var best: Primal
    var lowerBound: Double
    var iterations = 0
    /// Asked whether to stop.
    var context = RunContext.silent

    var w: [Double]
    var b = 0.0
    var alpha: [Double]
    var decision: [Double]
    var penalty: Double
    var hessian: ActiveGram
    /// The largest share of the free rows that may change sides for ``finish(tolerance:)`` to be tried.
    var finishingShare = 0.125

    /// - Parameters:
    ///   - frame: The features.
    ///   - cost: C in the frame's coordinates.
    init(frame: FeatureFrame, cost: Double) {
        self.frame = frame
        fullCost = cost
        self.cost = min(cost, 1)
        signs = frame.samples.signs
        let n = signs.count
        w = [Double](repeating: 0, count: frame.dimension)
        alpha = [Double](repeating: 0, count: n)
        decision = [Double](repeating: 0, count: n)
        best = Primal(w: w, b: 0, objective: cost * Double(n))
        lowerBound = 0
        penalty = self.cost
        hessian = ActiveGram(frame: frame)
    }

    /// (upper − lower bound) / upper bound.
    var relativeGap: Double { (best.objective - lowerBound) / best.objective }

    /// Runs until the relative gap is at most `tolerance`.
    ///
    /// - Throws: `Failure` when it isn't after `iterationLimit` Newton steps, or on Ctrl-C.
    mutating func solve(tolerance: Double, iterationLimit: Int) throws {
        try start()
        var stalled = 0
        while true {
            let before = relativeGap
            try outerStep(tolerance: tolerance, iterationLimit: iterationLimit)
            certify(closeTo: 1000 * tolerance)
            if relativeGap <= tolerance { return }
            if try finish(tolerance: tolerance) { return }
            if raiseBound() { continue }
            stalled = relativeGap > 0.999 * before ? stalled + 1 : 0
            guard iterations < iterationLimit, stalled < 40, penalty < 1e300 else {
                throw Failure(
                    "the SVM", "stopped at a relative duality gap of \(relativeGap) after \(iterations) Newton steps",
                    "lower C, or scale the features so that their spread is near 1")
            }
            penalty *= 2
        }
    }

    /// Lets α grow further when it is held by a bound below C.
    ///
    /// With a C far above the multipliers' size, as separable data or large features have it, the problem is the same
    /// with a smaller C and far better conditioned, so the bound begins low.
    private mutating func raiseBound() -> Bool {
        guard cost < fullCost else { return false }
        var hinge = 0.0
        var gap = 0.0
        var isHeld = false
        for i in alpha.indices {
            let v = 1 - signs[i] * decision[i]
            hinge += cost * max(0, v)
            gap += cost * max(0, v) - alpha[i] * v
            if alpha[i] >= cost { isHeld = true }
        }
        let norm = 0.5 * FeatureFrame.dot(w, w)
        guard isHeld, gap < 1e-2 * (norm + hinge) else { return false }
        // Where the classes overlap the hinge outweighs the norm, and no smaller C will do.
        cost = hinge > norm ? fullCost : min(fullCost, 1000 * cost)
        penalty = cost
        for i in alpha.indices { alpha[i] = 0 }
        return true
    }

    /// A first w from a regularised least-squares step on some of the rows, with its best length on all.
    private mutating func start() throws {
        let n = signs.count
        let wanted = min(n, 4 * frame.dimension)
        let some = (0..<wanted).map { $0 * n / wanted }
        hessian.set(active: some)
        let weight = penalty * Double(n) / Double(wanted)
        let y = some.map { signs[$0] * weight }
        var gradient = frame.adjoint(y, rows: some.map { frame.samples.rows[$0] })
        gradient.append(y.reduce(0, +))
        let step = try hessian.solve(penalty: weight, gradient, isRough: true)
        try advance(along: step, on: Band(all: n))
        iterations += 1
    }

    /// Minimises φ and sets α to the clipped t.
    private mutating func outerStep(tolerance: Double, iterationLimit: Int) throws {
        var band = Band(
            decision: decision, signs: signs, alpha: alpha, cost: cost, reach: max(1024, 2 * hessian.active.count))
        while true {
            let gap = try minimise(on: band, tolerance: tolerance, iterationLimit: iterationLimit)
            decision = frame.forward(w, b, rows: frame.samples.rows)
            let crossed = band.crossed(decision: decision, signs: signs, alpha: alpha)
            // What they would add to the gap, at most.
            let missed = crossed.reduce(0) { $0 + cost * abs(1 - signs[$1] * decision[$1]) }
            if missed <= 0.1 * gap || iterations >= iterationLimit { break }
            band.add(crossed, reach: band.members.count, decision: decision, signs: signs)
        }
        for i in alpha.indices { alpha[i] = clipped(alpha[i], decision[i], signs[i]) }
    }

    /// Semismooth Newton steps on φ with the rows outside `band` held at their α.
    ///
    /// - Returns: What the outer step would leave of the duality gap if the rest of the descent were 0.
    private mutating func minimise(on band: Band, tolerance: Double, iterationLimit: Int) throws -> Double {
        let rows = band.members.map { frame.samples.rows[$0] }
        let fixed = fixedPart(outside: band)
        var gap = 0.0
        while iterations < iterationLimit {
            try context.check()
            iterations += 1
            var active: [Int] = []
            var coefficients = [Double](repeating: 0, count: band.members.count)
            gap = 0
            for (k, i) in band.members.enumerated() {
                let v = 1 - signs[i] * decision[i]
                let t = alpha[i] + penalty * v
                let a = min(max(t, 0), cost)
                if t > 0 && t < cost { active.append(i) }
                coefficients[k] = signs[i] * a
                gap += cost * max(0, v) - a * v
            }
            var descent = frame.adjoint(coefficients, rows: rows)
            for j in descent.indices { descent[j] += fixed[j] - w[j] }
            descent.append(coefficients.reduce(0, +) + fixed[frame.dimension])
            hessian.set(active: active)
            let step = try hessian.solve(penalty: penalty, descent)
            let decrease = FeatureFrame.dot(descent, step)
            try advance(along: step, on: band, rows: rows, fixed: fixed)
            if decrease <= max(3e-2 * gap, 0.03 * tolerance * best.objective) { break }
        }
        return gap
    }

    /// Σ yα x′ and Σ yα over the rows outside `band`: [d + 1].
    func fixedPart(outside band: Band) -> [Double] {
        var coefficients: [Double] = []
        var rows: [Int] = []
        for i in alpha.indices where !band.contains[i] && alpha[i] != 0 {
            coefficients.append(signs[i] * alpha[i])
            rows.append(frame.samples.rows[i])
        }
        return frame.adjoint(coefficients, rows: rows) + [coefficients.reduce(0, +)]
    }

    private func clipped(_ alpha: Double, _ decision: Double, _ sign: Double) -> Double {
        min(max(alpha + penalty * (1 - sign * decision), 0), cost)
    }
}

// MARK: - The step length

extension AugmentedLagrangian {
    /// Moves along a direction from the start, where no rows are held fixed.
    private mutating func advance(along step: [Double], on band: Band) throws {
        let zero = [Double](repeating: 0, count: frame.dimension + 1)
        try advance(along: step, on: band, rows: frame.samples.rows, fixed: zero)
    }

    /// Moves w, b and the band's decisions to where φ′ along `step` [d + 1] has all but vanished.
    private mutating func advance(along step: [Double], on band: Band, rows: [Int], fixed: [Double]) throws {
        let d = frame.dimension
        let dw = Array(step[..<d])
        let change = frame.forward(dw, step[d], rows: rows)
        let squared = FeatureFrame.dot(dw, dw)
        let constant = FeatureFrame.dot(w, dw) - FeatureFrame.dot(fixed, step)
        func slope(_ length: Double) -> Double {
            var sum = 0.0
            for (k, i) in band.members.enumerated() {
                sum += signs[i] * clipped(alpha[i], decision[i] + length * change[k], signs[i]) * change[k]
            }
            return constant + length * squared - sum
        }
        let length = try AugmentedLagrangian.root(of: slope)
        for j in 0..<d { w[j] += length * dw[j] }
        b += length * step[d]
        for (k, i) in band.members.enumerated() { decision[i] += length * change[k] }
    }

    /// Where an increasing function that is negative at 0 has lost nine tenths of its value there.
    private static func root(of slope: (Double) -> Double) throws -> Double {
        let first = slope(0)
        guard first < 0 else { return first.isNaN ? .nan : 0 }
        var low = 0.0
        var lowValue = first
        var high = Double.infinity
        var highValue = 0.0
        var length = 1.0
        for step in 0..<200 {
            let value = slope(length)
            if abs(value) <= 0.1 * abs(first) || length == low || length == high { return length }
            if value > 0 {
                (high, highValue) = (length, value)
            } else {
                (low, lowValue) = (length, value)
            }
            if high == .infinity {
                length *= 2
                guard length < 1e300 else { break }
            } else {
                // Alternate false position, kept off the ends, and bisection.
                let guess = low + (high - low) * (lowValue / (lowValue - highValue))
                let margin = 0.05 * (high - low)
                length = step % 3 == 2 ? 0.5 * (low + high) : min(max(guess, low + margin), high - margin)
            }
        }
        return low
    }
}

// MARK: - The certificate

extension AugmentedLagrangian {
    /// Updates the best primal point and the best lower bound from w, b and α.
    ///
    /// - Parameter closeTo: Below this relative gap the intercept is also optimised exactly.
    mutating func certify(closeTo: Double) {
        lowerBound = max(lowerBound, dualObjective())
        consider(b)
        if relativeGap < closeTo { consider(bestIntercept()) }
        considerSeparating()
    }

    private mutating func consider(_ intercept: Double) {
        var hinge = 0.0
        for i in signs.indices { hinge += max(0, 1 - signs[i] * (decision[i] - b + intercept)) }
        let objective = 0.5 * FeatureFrame.dot(w, w) + fullCost * hinge
        if objective < best.objective { best = Primal(w: w, b: intercept, objective: objective) }
    }

    /// The present point stretched until no row lies inside the margin, where that is possible.
    private mutating func considerSeparating() {
        let worst = signs.indices.reduce(0) { max($0, 1 - signs[$1] * decision[$1]) }
        guard worst < 0.5 else { return }
        let stretch = (1 + 1e-12) / (1 - worst)
        let objective = 0.5 * FeatureFrame.dot(w, w) * stretch * stretch
        if objective < best.objective {
            best = Primal(w: w.map { $0 * stretch }, b: b * stretch, objective: objective)
        }
    }

    /// The dual objective of α after the class with the larger Σα is scaled down to the other's.
    func dualObjective() -> Double {
        var positive = 0.0
        var negative = 0.0
        for i in alpha.indices {
            if signs[i] > 0 { positive += alpha[i] } else { negative += alpha[i] }
        }
        let least = min(positive, negative)
        guard least > 0 else { return 0 }
        var coefficients: [Double] = []
        var rows: [Int] = []
        for i in alpha.indices where alpha[i] > 0 {
            coefficients.append(signs[i] > 0 ? alpha[i] * (least / positive) : -alpha[i] * (least / negative))
            rows.append(frame.samples.rows[i])
        }
        let u = frame.adjoint(coefficients, rows: rows)
        return 2 * least - 0.5 * FeatureFrame.dot(u, u)
    }

    /// The intercept that minimises the hinge sum for the present w.
    ///
    /// The sum's slope rises by 1 at each yᵢ − w·xᵢ, from −(positives): its root is that order statistic.
    private func bestIntercept() -> Double {
        let turns = signs.indices.map { signs[$0] - (decision[$0] - b) }.sorted()
        let positives = signs.count { $0 > 0 }
        return 0.5 * (turns[positives - 1] + turns[min(positives, turns.count - 1)])
    }
}
