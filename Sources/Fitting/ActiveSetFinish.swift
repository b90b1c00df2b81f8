import Core

/// The last steps of ``AugmentedLagrangian``: a primal-dual active set method (Hintermüller, Ito and Kunisch, "The
/// primal-dual active set strategy as a semismooth Newton method", SIAM J. Optim. 2002).
///
/// Once nearly all rows are on their final side, guessing the sides anew after every full Newton step finds the rest in a
/// few of them, where the outer loop would take dozens. It need not converge, so it is tried only when an outer step has
/// moved few rows, is given up when the gap does not shrink, and then leaves everything as it was.
extension AugmentedLagrangian {
    /// Whether the solution was found and certified.
    ///
    /// - Throws: `Failure` when a value is not finite, or on Ctrl-C.
    mutating func finish(tolerance: Double) throws -> Bool {
        guard cost == fullCost, isSettled() else { return false }
        let before = (w, b, alpha, decision)
        let band = Band(
            decision: decision, signs: signs, alpha: alpha, cost: cost, reach: max(1024, 2 * hessian.active.count))
        let rows = band.members.map { frame.samples.rows[$0] }
        let fixed = fixedPart(outside: band)
        let held = alpha.indices.reduce(0) { band.contains[$1] ? $0 : $0 + alpha[$1] }
        var multipliers = band.members.map { alpha[$0] }
        var stiffness = 3 * penalty
        var first = Double.infinity
        for step in 0..<9 {
            try context.check()
            iterations += 1
            let active = try fullStep(
                on: band, rows: rows, fixed: fixed, multipliers: multipliers, stiffness: stiffness)
            var upper = 0.5 * FeatureFrame.dot(w, w) + held - FeatureFrame.dot(fixed, w + [b])
            for (k, i) in band.members.enumerated() {
                let v = 1 - signs[i] * decision[i]
                switch active[k] {
                case .free: multipliers[k] += stiffness * v
                case .inside: multipliers[k] = cost
                case .outside: multipliers[k] = 0
                }
                alpha[i] = min(max(multipliers[k], 0), cost)
                upper += cost * max(0, v)
            }
            let gap = (upper - dualObjective()) / upper
            if gap <= tolerance {
                decision = frame.forward(w, b, rows: frame.samples.rows)
                certify(closeTo: .infinity)
                if relativeGap <= tolerance { return true }
            }
            // Not a number ends it too.
            guard gap < (step < 2 ? 0.5 : min(0.5, first)) else { break }
            if step == 0 { first = gap }
            stiffness *= 2
        }
        (w, b, alpha, decision) = before
        finishingShare *= 0.5
        return false
    }

    /// Where a row's multiplier is: at C, at 0, or between.
    private enum Side { case inside, outside, free }

    /// Whether the next step would move few rows to or from the bounds.
    private func isSettled() -> Bool {
        var free = 0
        var changes = 0
        for i in alpha.indices {
            let t = alpha[i] + penalty * (1 - signs[i] * decision[i])
            if alpha[i] > 0 && alpha[i] < cost { free += 1 }
            if (t > 0) != (alpha[i] > 0) || (t < cost) != (alpha[i] < cost) { changes += 1 }
        }
        return Double(changes) <= finishingShare * Double(free)
    }

    /// Guesses the rows' sides from α + Cv, and moves w, b and the band's decisions to the minimum with the free rows held
    /// to the margin by `stiffness`.
    private mutating func fullStep(
        on band: Band, rows: [Int], fixed: [Double], multipliers: [Double], stiffness: Double
    ) throws -> [Side] {
        var active: [Int] = []
        var coefficients = [Double](repeating: 0, count: band.members.count)
        let sides = band.members.enumerated().map { k, i in
            let v = 1 - signs[i] * decision[i]
            let t = multipliers[k] + cost * v
            if t <= 0 { return Side.outside }
            coefficients[k] = signs[i] * cost
            if t >= cost { return .inside }
            coefficients[k] = signs[i] * (multipliers[k] + stiffness * v)
            active.append(i)
            return .free
        }
        var descent = frame.adjoint(coefficients, rows: rows)
        for j in descent.indices { descent[j] += fixed[j] - w[j] }
        descent.append(coefficients.reduce(0, +) + fixed[frame.dimension])
        hessian.set(active: active)
        let step = try hessian.solve(penalty: stiffness, descent)
        let change = frame.forward(Array(step[..<frame.dimension]), step[frame.dimension], rows: rows)
        for j in w.indices { w[j] += step[j] }
        b += step[frame.dimension]
        for (k, i) in band.members.enumerated() { decision[i] += change[k] }
        return sides
    }
}
