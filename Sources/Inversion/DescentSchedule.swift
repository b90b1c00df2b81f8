/// How fast a search moves, and when it is over: rates rise, stay and fall; a search that gets nowhere begins to fall at once.
struct DescentSchedule {
    private let rise: Double
    private let tolerance: Double
    private let fall: Double
    /// The share of the budget at which rates begin to fall, and at which the search ends.
    private var fallsFrom: Double
    private(set) var end = 1.0
    /// What was used up and the loss at each step since the last stage began.
    private var history: [(used: Double, loss: Double)] = []

    init(_ settings: InversionSettings) {
        (rise, fall, tolerance) = (settings.rise, settings.fall, settings.tolerance)
        fallsFrom = 1 - settings.fall
    }

    /// What rates are multiplied by when so much of the budget is used up.
    func scale(_ used: Double) -> Float {
        let up = rise > 0 ? min(1, (used + 0.1 * rise) / rise) : 1
        guard used > fallsFrom, end > fallsFrom else { return Float(up) }
        let left = max(0, 1 - (used - fallsFrom) / (end - fallsFrom))
        // Half a wave of a cosine.
        return Float(up * (left * left * (3 - 2 * left)))
    }

    /// Notes a loss of the last stage; where an eighth of the budget brought next to nothing, the fall begins.
    mutating func note(_ loss: Double, used: Double) {
        history.append((used, loss))
        guard used < fallsFrom, let first = history.first, used - first.used > 0.25 else { return }
        func mean(_ range: Range<Double>) -> Double {
            let losses = history.filter { range.contains($0.used) }.map(\.loss)
            return losses.reduce(0, +) / Double(max(1, losses.count))
        }
        let (before, now) = (mean(used - 0.25..<used - 0.125), mean(used - 0.125..<used.nextUp))
        guard now > before * (1 - tolerance) else { return }
        fallsFrom = used
        end = min(1, used + fall / max(1e-3, 1 - fall) * used)
    }
}
