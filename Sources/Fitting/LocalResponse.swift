import Foundation

/// What directions do to the calibration faces, as one attribute sees it, and where two of them are alike.
public struct LocalResponse: Sendable {
    /// What a direction does at one strength.
    public struct Effect: Sendable {
        public var strength = 0.0
        /// Mean change of the own logit on the faces where it counts.
        public var targetChange = 0.0
        /// ``LocalResponse/dependency(of:targets:target:)``.
        public var dependency = 0.0
        /// Share of the faces without the attribute that get it; those near the threshold count in part.
        public var successRate = 0.0
        /// Each judge's share of the faces without the attribute that get it, every face counting whole.
        public var shares: [Double] = []

        func towards(_ other: Effect, _ part: Double) -> Effect {
            func between(_ path: KeyPath<Effect, Double>) -> Double {
                self[keyPath: path] + part * (other[keyPath: path] - self[keyPath: path])
            }
            return Effect(
                strength: between(\.strength), targetChange: between(\.targetChange), dependency: between(\.dependency),
                successRate: between(\.successRate),
                shares: zip(shares, other.shares).map { $0 + part * ($1 - $0) }
            )
        }

        /// Where a figure first reaches a value, between two strengths; nil where it does not.
        static func first(_ effects: [Effect], _ figure: KeyPath<Effect, Double>, reaching value: Double) -> Effect? {
            var before = Effect()
            for effect in effects {
                if effect[keyPath: figure] >= value {
                    let (low, high) = (before[keyPath: figure], effect[keyPath: figure])
                    return before.towards(effect, (value - low) / max(high - low, 1e-9))
                }
                before = effect
            }
            return nil
        }
    }

    /// Strengths of two directions at which they are alike.
    public struct Match: Sendable {
        public let direction: Effect
        public let baseline: Effect

        /// The direction's attribute dependency as a multiple of the baseline's.
        public var ratio: Double { direction.dependency / max(baseline.dependency, 1e-9) }
    }

    /// The logits over which a face near the threshold counts in part: a share of a hundred faces is smoother so.
    static let softness = 1.5
    /// How much the mean shift counts beside the off-target change, face by face.
    public static let shiftWeight = 1.0
    /// The strength in sigma that counts where the baseline never succeeds on half of the faces.
    private static let usualStrength = 2.0
    /// Of the highest response, where it counts as reached.
    private static let nearly = 0.97
    /// The strengths in sigma at which a direction gives the attribute to no fewer faces than its baseline.
    private static let usualStrengths = 1.0...4.0
    /// By how much a share may be less: two faces in a hundred are chance.
    private static let shareSlack = 0.02
    /// The share from which on it does not matter: most faces have the attribute then, and more strength only breaks them.
    private static let fullShare = 0.75
    /// The most that sigma grows by for it.
    public static let mostGrowth = 1.5

    /// [faces, targets]: their logits as they are.
    private let base: [Float]
    private let targets: Int
    /// The own logit.
    private let target: Int
    /// The logit from which on a face has the attribute.
    private let threshold: Float
    /// The faces on which the own logit counts: those that lack the attribute, but for the quarter of them that is
    /// farthest from it; all where none lacks it.
    private let own: [Int]
    /// Places of the own logits of those that lack the attribute.
    private let lacking: [Int]
    private let judges: Int

    /// - Parameters:
    ///   - base: [faces, targets]: the logits of the faces as they are; of several judges one after another.
    ///   - targets: Logits a face.
    ///   - target: The own logit.
    ///   - threshold: The logit from which on a face has the attribute.
    ///   - judges: How many classifiers' logits these are.
    public init(base: [Float], targets: Int, target: Int, threshold: Float, judges: Int = 1) {
        lacking = stride(from: target, to: base.count, by: targets).filter { base[$0] < threshold }
        let nearest = lacking.sorted { base[$0] > base[$1] }
        let kept = nearest.prefix((3 * nearest.count + 3) / 4).map { $0 / targets }.sorted()
        own = kept.isEmpty ? Array(0..<base.count / targets) : kept
        (self.base, self.targets, self.target, self.threshold) = (base, targets, target, threshold)
        self.judges = judges
    }

    /// What the logits [faces, targets] of edited faces say of a direction at one strength.
    public func effect(_ logits: [Float], strength: Double) -> Effect {
        let changes = zip(logits, base).map { $0 - $1 }
        return Effect(
            strength: strength,
            targetChange: own.reduce(0) { $0 + Double(changes[$1 * targets + target]) } / Double(max(1, own.count)),
            dependency: (0..<judges).reduce(0) { sum, judge in
                let part = changes.count / judges
                return sum
                    + LocalResponse.dependency(
                        of: Array(changes[judge * part..<(judge + 1) * part]), targets: targets, target: target)
                    / Double(judges)
            },
            successRate: lacking.reduce(0) { $0 + LocalResponse.part(logits[$1], threshold: threshold) }
                / Double(max(1, lacking.count)),
            shares: (0..<judges).map { share(logits, judge: $0) }
        )
    }

    /// Of the faces that lack the attribute as one judge sees them, the part that gets it.
    private func share(_ logits: [Float], judge: Int) -> Double {
        let part = base.count / judges
        let faces = lacking.filter { judge * part..<(judge + 1) * part ~= $0 }
        return Double(faces.count { logits[$0] >= threshold }) / Double(max(1, faces.count))
    }

    /// What a face counts as having the attribute, 0 to 1.
    static func part(_ logit: Float, threshold: Float) -> Double { 1 / (1 + exp(Double(threshold - logit) / softness)) }

    /// The attribute dependency of changed logits: their mean absolute off-target change, face by face, and ``shiftWeight``
    /// times the mean shift, the mean absolute value of the other logits' mean changes.
    ///
    /// - Parameters:
    ///   - changes: [faces, targets].
    ///   - targets: Logits a face.
    ///   - target: The own logit, which does not count.
    /// - Returns: In logits.
    public static func dependency(of changes: [Float], targets: Int, target: Int) -> Double {
        let faces = changes.count / targets
        if faces == 0 { return 0 }
        var total = 0.0
        for k in 0..<targets where k != target {
            var (sum, absolute) = (0.0, 0.0)
            for face in 0..<faces {
                sum += Double(changes[face * targets + k])
                absolute += Double(abs(changes[face * targets + k]))
            }
            total += absolute + shiftWeight * abs(sum)
        }
        return total / Double(faces * (targets - 1))
    }

    /// What the baseline does where it succeeds on half of the faces, else at two sigma.
    ///
    /// - Parameter baseline: What it does, from low strengths to high.
    /// - Returns: nil where it does not raise its own logit.
    public static func reference(_ baseline: [Effect]) -> Effect? {
        let found =
            Effect.first(baseline, \.successRate, reaching: 0.5) ?? baseline.last { $0.strength <= usualStrength }
            ?? baseline.first
        return found.flatMap { $0.targetChange > 0 ? $0 : nil }
    }

    /// Where a direction is like the baseline at the reference: both have the same success rate.
    ///
    /// Where it never does, both at the highest that it comes to.
    ///
    /// - Parameters:
    ///   - effects: What the direction does, from low strengths to high.
    ///   - baseline: What the baseline does.
    ///   - reference: Of ``reference(_:)``.
    /// - Returns: The two at that success rate.
    public static func match(_ effects: [Effect], baseline: [Effect], reference: Effect) -> Match {
        if let reached = Effect.first(effects, \.successRate, reaching: reference.successRate - 1e-9) {
            return Match(direction: reached, baseline: reference)
        }
        let most = nearly * (effects.map(\.successRate).max() ?? 0)
        return Match(
            direction: Effect.first(effects, \.successRate, reaching: most) ?? Effect(),
            baseline: Effect.first(baseline, \.successRate, reaching: most) ?? reference)
    }

    /// What to multiply a direction's sigma by so that at one to four sigma each judge sees it give the attribute to no fewer
    /// faces than the baseline.
    ///
    /// The direction is as strong as the baseline where one half gets the attribute; above and below that its response
    /// can be flatter. Shares of three quarters and more don't count, nor those that the direction reaches at no strength.
    ///
    /// - Parameters:
    ///   - effects: What the direction does, from low strengths to high, in its own sigma.
    ///   - baseline: What the baseline does at its sigma.
    /// - Returns: 1 to ``mostGrowth``.
    public static func growth(_ effects: [Effect], baseline: [Effect]) -> Double {
        var growth = 1.0
        for wanted in baseline where usualStrengths ~= wanted.strength {
            for (judge, share) in wanted.shares.enumerated() where shareSlack..<fullShare ~= share {
                var before = Effect(shares: wanted.shares.map { _ in 0 })
                for effect in effects {
                    if effect.shares[judge] >= share - shareSlack {
                        let (low, high) = (before.shares[judge], effect.shares[judge])
                        let part = (share - shareSlack - low) / max(high - low, 1e-9)
                        let reached = before.towards(effect, max(0, part)).strength
                        growth = max(growth, reached / wanted.strength)
                        break
                    }
                    before = effect
                }
            }
        }
        return min(growth, mostGrowth)
    }
}
