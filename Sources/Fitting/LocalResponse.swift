import Foundation

/// What directions do to the calibration faces, as one attribute sees it, and where two of them are alike.
public struct LocalResponse: Sendable {
    /// What a direction does at one strength.
    public struct Effect: Sendable {
        public var strength = 0.0
        /// Mean change of the own logit on the faces where it counts.
        public var rise = 0.0
        /// ``LocalResponse/cost(of:targets:target:)``.
        public var drag = 0.0
        /// Share of the faces without the attribute that get it; those near the threshold count in part.
        public var flipped = 0.0

        func towards(_ other: Effect, _ part: Double) -> Effect {
            func between(_ path: KeyPath<Effect, Double>) -> Double {
                self[keyPath: path] + part * (other[keyPath: path] - self[keyPath: path])
            }
            return Effect(
                strength: between(\.strength), rise: between(\.rise), drag: between(\.drag), flipped: between(\.flipped)
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
        public let plain: Effect

        /// What the direction costs over what the plain one does.
        public var ratio: Double { direction.drag / max(plain.drag, 1e-9) }
    }

    /// The logits over which a face near the threshold counts in part: a share of a hundred faces is smoother so.
    static let softness = 1.5
    /// How much the drift counts beside the change face by face.
    public static let driftShare = 1.0
    /// The strength in sigma that counts where the plain direction never flips half of the faces.
    private static let usualStrength = 2.0
    /// Of the highest response, where it counts as reached.
    private static let nearly = 0.97

    /// [faces, targets]: their logits as they are.
    private let base: [Float]
    private let targets: Int
    /// The own logit.
    private let target: Int
    /// The logit from which on a face has the attribute.
    private let cut: Float
    /// The faces on which the own logit counts: those that lack the attribute, but for the quarter of them that is
    /// farthest from it; all where none lacks it.
    private let own: [Int]
    /// Places of the own logits of those that lack the attribute.
    private let lacking: [Int]

    /// - Parameters:
    ///   - base: [faces, targets]: the logits of the faces as they are.
    ///   - target: The own logit.
    ///   - cut: The logit from which on a face has the attribute.
    public init(base: [Float], targets: Int, target: Int, cut: Float) {
        lacking = stride(from: target, to: base.count, by: targets).filter { base[$0] < cut }
        let nearest = lacking.sorted { base[$0] > base[$1] }
        let kept = nearest.prefix((3 * nearest.count + 3) / 4).map { $0 / targets }.sorted()
        own = kept.isEmpty ? Array(0..<base.count / targets) : kept
        (self.base, self.targets, self.target, self.cut) = (base, targets, target, cut)
    }

    /// What the logits [faces, targets] of edited faces say of a direction at one strength.
    public func effect(_ logits: [Float], strength: Double) -> Effect {
        let changes = zip(logits, base).map { $0 - $1 }
        return Effect(
            strength: strength,
            rise: own.reduce(0) { $0 + Double(changes[$1 * targets + target]) } / Double(max(1, own.count)),
            drag: LocalResponse.cost(of: changes, targets: targets, target: target),
            flipped: lacking.reduce(0) { $0 + LocalResponse.part(logits[$1], cut: cut) } / Double(max(1, lacking.count))
        )
    }

    /// What a face counts as having the attribute, 0 to 1.
    static func part(_ logit: Float, cut: Float) -> Double { 1 / (1 + exp(Double(cut - logit) / softness)) }

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

    /// What the plain direction does where it flips half of the faces, else at two sigma.
    ///
    /// - Parameter plain: What it does, from low strengths to high.
    /// - Returns: nil where it does not raise its own logit.
    public static func reference(_ plain: [Effect]) -> Effect? {
        let found =
            Effect.first(plain, \.flipped, reaching: 0.5) ?? plain.last { $0.strength <= usualStrength } ?? plain.first
        return found.flatMap { $0.rise > 0 ? $0 : nil }
    }

    /// Where a direction is like the plain one at the reference: both flip as many of the faces.
    ///
    /// Where it never does, both at as many as it comes to.
    ///
    /// - Parameters:
    ///   - effects: What the direction does, from low strengths to high.
    ///   - plain: What the plain one does.
    ///   - reference: Of ``reference(_:)``.
    public static func match(_ effects: [Effect], plain: [Effect], reference: Effect) -> Match {
        if let reached = Effect.first(effects, \.flipped, reaching: reference.flipped - 1e-9) {
            return Match(direction: reached, plain: reference)
        }
        let most = nearly * (effects.map(\.flipped).max() ?? 0)
        return Match(
            direction: Effect.first(effects, \.flipped, reaching: most) ?? Effect(),
            plain: Effect.first(plain, \.flipped, reaching: most) ?? reference)
    }
}
