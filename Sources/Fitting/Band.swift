/// The rows that an outer step of ``AugmentedLagrangian`` may change: those near the margin and those between bounds.
struct Band {
    /// Positions, ascending.
    private(set) var members: [Int]
    /// Whether each row is a member.
    private(set) var contains: [Bool]

    /// All `count` rows.
    init(all count: Int) {
        members = Array(0..<count)
        contains = [Bool](repeating: true, count: count)
    }

    /// The rows whose α is between the bounds or on the wrong one, and the `reach` rows nearest to the margin.
    init(decision: [Double], signs: [Double], alpha: [Double], cost: Double, reach: Int) {
        let width = Band.width(decision: decision, signs: signs, reach: reach)
        contains = signs.indices.map { i in
            let v = 1 - signs[i] * decision[i]
            if abs(v) <= width { return true }
            return v > 0 ? alpha[i] < cost : alpha[i] > 0
        }
        members = contains.indices.filter { [contains] in contains[$0] }
    }

    /// The rows outside that no longer belong on their bound.
    func crossed(decision: [Double], signs: [Double], alpha: [Double]) -> [Int] {
        contains.indices.filter { i in
            if contains[i] { return false }
            let v = 1 - signs[i] * decision[i]
            return alpha[i] == 0 ? v > 0 : v < 0
        }
    }

    /// Takes in `rows` and the `reach` rows nearest to the margin.
    mutating func add(_ rows: [Int], reach: Int, decision: [Double], signs: [Double]) {
        let width = Band.width(decision: decision, signs: signs, reach: reach)
        for i in signs.indices where abs(1 - signs[i] * decision[i]) <= width { contains[i] = true }
        for i in rows { contains[i] = true }
        members = contains.indices.filter { [contains] in contains[$0] }
    }

    /// The distance from the margin that about `reach` rows are nearer than, from a sample of the rows.
    private static func width(decision: [Double], signs: [Double], reach: Int) -> Double {
        let stride = max(1, signs.count / 2048)
        let distances = Swift.stride(from: 0, to: signs.count, by: stride).map { abs(1 - signs[$0] * decision[$0]) }
        let order = reach / stride
        return order >= distances.count ? .infinity : distances.sorted()[order]
    }
}
