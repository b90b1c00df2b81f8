import Core
import Foundation

/// The search for one attribute's combination of steps: what is tried on the calibration faces next, what was seen, and
/// what is best.
///
/// It begins with the plain direction, as long as it has to be until half of the faces flip, and with combinations made of
/// nothing but the steps' effects. What is to be tried stands in ``tried``; whoever has edited the faces tells what became
/// of them with ``see(_:near:far:)``, and ``goOn()`` finds what to try next: steps from the best, and what lies between.
public struct LocalSearch: Sendable {
    /// A combination to be applied to the faces.
    public struct Trial: Sendable {
        /// One for each step.
        public let coefficients: [Double]
        /// The penalty that led to it; 0 for the plain direction.
        public let penalty: Double
    }

    /// What a direction is seen to do at one strength.
    public struct Effect: Sendable {
        public var strength = 0.0
        /// Mean change of the own logit on the faces where it counts.
        public var rise = 0.0
        /// ``LocalCombination/cost(of:targets:target:)``.
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

    /// A combination that was applied to the faces, at its length and at a longer one.
    public struct Seen: Sendable {
        let near: LocalCombination.Observation
        let far: LocalCombination.Observation
        /// At the strengths 1 and ``LocalSearch/far``.
        let effects: [Effect]
        /// The penalty that led to it; 0 for the plain direction.
        public let penalty: Double
        /// As ``LocalCombination/length(_:)`` has it.
        let length: Double

        public var coefficients: [Double] { near.coefficients }
    }

    /// Two strengths, of a combination in multiples of it and of the plain direction in sigma, at which they are alike.
    public struct Match: Sendable {
        public let combination: Effect
        public let plain: Effect
        /// How much is lacking until they are.
        public var shortfall = 0.0

        /// What the combination costs over what the plain direction does.
        public var ratio: Double { combination.drag / max(plain.drag, 1e-9) }
    }

    /// The calibration faces, as one attribute sees them.
    private struct Faces {
        /// [faces, targets]: their logits as they are.
        let base: [Float]
        let targets: Int
        /// The own logit.
        let target: Int
        /// The logit from which on a face has the attribute.
        let cut: Float
        /// The faces on which the own logit counts: those that lack the attribute, but for the quarter of them that is
        /// farthest from it; all where none lacks it.
        let own: [Int]
        /// Places of the own logits of those that lack the attribute.
        private let lacking: [Int]

        init(base: [Float], targets: Int, target: Int, cut: Float) {
            lacking = Swift.stride(from: target, to: base.count, by: targets).filter { base[$0] < cut }
            let nearest = lacking.sorted { base[$0] > base[$1] }
            let kept = nearest.prefix((3 * nearest.count + 3) / 4).map { $0 / targets }.sorted()
            own = kept.isEmpty ? Array(0..<base.count / targets) : kept
            (self.base, self.targets, self.target, self.cut) = (base, targets, target, cut)
        }

        /// What edited faces' logits [faces, targets] have changed.
        func changes(_ logits: [Float]) -> [Float] { zip(logits, base).map { $0 - $1 } }

        /// What edited faces' logits [faces, targets] say of a direction at one strength.
        func effect(_ logits: [Float], strength: Double) -> Effect {
            let changes = changes(logits)
            return Effect(
                strength: strength,
                rise: own.reduce(0) { $0 + Double(changes[$1 * targets + target]) } / Double(max(1, own.count)),
                drag: LocalCombination.cost(of: changes, targets: targets, target: target),
                flipped: lacking.reduce(0) { $0 + 1 / (1 + exp(Double(cut - logits[$1]) / softness)) }
                    / Double(max(1, lacking.count)))
        }
    }

    /// What counts for how much in ``score(_:shortfall:)``.
    private enum Weights {
        /// Of what is lacking to the plain direction's response.
        static let shortfall = 3.0
        /// The same where there are steps to go yet.
        static let promising = 0.5
        /// Of each length of the plain direction by which a combination is longer than that.
        static let excess = 0.25
        /// Of a ratio that is higher at the longer strength.
        static let far = 0.3
        /// The share of the plain direction's rise that is to be left at the longer strength.
        static let kept = 0.85
        /// Of the highest response, where it counts as reached.
        static let nearly = 0.97
    }

    /// What the length of a combination that begins from nothing costs, in lengths of the plain direction: each is tried.
    private static let freshPenalties = [0.1, 0.3]
    /// By how much those are longer than promises ask: faces keep a part of them.
    private static let fresh = 1.25
    /// What a step's length costs, in lengths of the plain direction: each is tried.
    private static let penalties = [0.02, 0.08]
    /// What the length of the combination that it leads to costs.
    private static let lengthPenalty = 0.05
    /// What steps are shortened by after a round in which nothing was better.
    private static let shortening = 0.5
    /// A step of less than this share of the plain direction's length is not worth a try.
    private static let leastStep = 0.05
    /// The logits over which a face near the threshold counts in part: a share of a hundred faces is smoother so.
    private static let softness = 1.0
    /// The longer strength is about this in the plain direction's sigma, within multiples of the reference.
    private static let farStrength = 3.0
    private static let farMultiples = (1.25, 2.2)
    /// How much the longer strength counts.
    private static let farWeight = 0.5
    /// The strength in sigma that counts where the plain direction never flips half of the faces.
    private static let usualStrength = 2.0

    private let combination: LocalCombination
    private let faces: Faces
    /// What the plain direction does at each strength.
    private let curve: [Effect]
    /// What it does where it flips half of the faces, else at two sigma.
    public let reference: Effect
    /// The longer strength, in multiples.
    public let far: Double
    /// The plain direction's length at the reference.
    private let unit: Double
    /// Whatever was seen.
    private var observations: [LocalCombination.Observation]
    /// The share of a step that is tried.
    private var stride = 1.0

    /// What to apply to the faces next.
    public private(set) var tried: [Trial] = []
    /// The best so far.
    public private(set) var best: Seen?
    private var score = Double.infinity
    /// The score at the round's beginning.
    private var before = Double.infinity
    /// The best combination so far when what is lacking to the response counts less: steps may yet bring it.
    private var promising: Seen?
    private var promise = Double.infinity

    /// - Parameters:
    ///   - plain: The plain direction, one sigma long, as a combination.
    ///   - curve: At some strengths in sigma, the logits of the faces edited along it [faces, targets].
    ///   - base: [faces, targets]: the logits of the faces as they are.
    ///   - target: The own logit.
    ///   - cut: The logit from which on a face has the attribute.
    /// - Returns: nil where the plain direction does not raise its own logit.
    /// - Throws: `Failure` when a linear system has no solution.
    public init?(
        _ combination: LocalCombination, plain: [Double], curve: [(strength: Double, logits: [Float])], base: [Float],
        target: Int, cut: Float
    ) throws {
        let faces = Faces(base: base, targets: combination.targets, target: target, cut: cut)
        let effects = curve.map { strength, logits in faces.effect(logits, strength: strength) }
        let reference =
            Effect.first(effects, \.flipped, reaching: 0.5)
            ?? effects.first { $0.strength == LocalSearch.usualStrength }
        guard let reference, reference.rise > 0 else { return nil }
        func scaled(_ strength: Double) -> [Double] { plain.map { $0 * strength } }
        self.combination = combination
        self.faces = faces
        self.curve = effects
        self.reference = reference
        let (least, most) = LocalSearch.farMultiples
        far = min(max(LocalSearch.farStrength / reference.strength, least), most)
        unit = combination.length(scaled(reference.strength))
        observations = curve.map { strength, logits in
            LocalCombination.Observation(coefficients: scaled(strength), changes: faces.changes(logits))
        }
        let fresh = try combination.fresh(
            target: target, own: faces.own, rise: reference.rise, unit: unit, penalties: LocalSearch.freshPenalties)
        tried = [Trial(coefficients: scaled(reference.strength), penalty: 0)]
        tried += zip(fresh, LocalSearch.freshPenalties).map { coefficients, penalty in
            Trial(coefficients: coefficients.map { LocalSearch.fresh * $0 }, penalty: penalty)
        }
    }

    /// Takes note of what was seen of a combination.
    ///
    /// - Parameters:
    ///   - near: [faces, targets]: the logits of the faces edited by it.
    ///   - far: The same at the strength ``far``.
    public mutating func see(_ trial: Trial, near: [Float], far: [Float]) {
        func observed(_ multiple: Double, _ logits: [Float]) -> LocalCombination.Observation {
            LocalCombination.Observation(
                coefficients: trial.coefficients.map { multiple * $0 }, changes: faces.changes(logits))
        }
        let seen = Seen(
            near: observed(1, near), far: observed(self.far, far), effects: effects([(1, near), (self.far, far)]),
            penalty: trial.penalty, length: combination.length(trial.coefficients))
        observations += [seen.near, seen.far]
        let score = score(seen, shortfall: Weights.shortfall)
        if score < self.score { (best, self.score) = (seen, score) }
        if trial.penalty == 0 { return }
        let promise = self.score(seen, shortfall: Weights.promising)
        if promise < self.promise { (promising, self.promise) = (seen, promise) }
    }

    /// Finds what to try next: steps on from the best combinations, and what lies between them.
    ///
    /// - Throws: `Failure` when a linear system has no solution or the work is to stop.
    public mutating func goOn() throws {
        if score == before { stride *= LocalSearch.shortening }
        before = score
        tried = []
        let centres = self.centres
        for (place, centre) in centres.enumerated() {
            // The second gets the more careful step alone.
            let penalties = place == 0 ? LocalSearch.penalties : Array(LocalSearch.penalties.suffix(1))
            for (penalty, whole) in zip(penalties, try steps(from: centre, penalties: penalties)) {
                let step = whole.map { stride * $0 }
                if combination.length(step) < LocalSearch.leastStep * unit { continue }
                tried.append(Trial(coefficients: zip(centre.coefficients, step).map { $0 + $1 }, penalty: penalty))
            }
        }
        if centres.count == 2 {
            let alike = centres.map { centre in
                let strength = match(centre.effects).combination.strength
                return centre.coefficients.map { strength * $0 }
            }
            tried.append(
                Trial(
                    coefficients: zip(alike[0], alike[1]).map { ($0 + $1) / 2 },
                    penalty: centres.map(\.penalty).max() ?? 0))
        }
    }

    /// Where a combination is like the plain direction at the reference: both flip half of the faces, or else raise the
    /// own logit as far.
    ///
    /// - Parameter edited: The logits of the faces at some multiples of it, from low to high.
    public func match(_ edited: [(multiple: Double, logits: [Float])]) -> Match {
        match(effects(edited))
    }

    /// Where to go on from: the best, and the most promising where that is another.
    private var centres: [Seen] {
        guard let best else { return [] }
        guard let promising, promising.coefficients != best.coefficients else { return [best] }
        return [best, promising]
    }

    /// A step for each penalty.
    private func steps(from centre: Seen, penalties: [Double]) throws -> [[Double]] {
        try Interruption.check()
        let match = match(centre.effects)
        let share = match.shortfall > 0 ? 1.15 : match.combination.rise / reference.rise
        var views = [LocalCombination.View(centre: centre.near, seen: observations)]
        if goesOn {
            views.append(
                LocalCombination.View(
                    centre: centre.far, multiple: far, weight: LocalSearch.farWeight, seen: observations))
        }
        return try combination.steps(
            from: views, target: faces.target, own: faces.own, rise: reference.rise * min(max(share, 0.8), 1.3),
            unit: unit, penalties: penalties, lengthPenalty: LocalSearch.lengthPenalty)
    }

    /// What the plain direction does where a figure reaches a value; its farthest where it does not.
    private func plain(_ figure: KeyPath<Effect, Double>, reaching value: Double) -> Effect {
        Effect.first(curve, figure, reaching: value)
            ?? curve.max { $0[keyPath: figure] < $1[keyPath: figure] } ?? reference
    }

    /// Whether the plain direction still goes on at the longer strength.
    private var goesOn: Bool { plain(\.strength, reaching: far * reference.strength).rise > 1.05 * reference.rise }

    private func match(_ effects: [Effect]) -> Match {
        match(effects, reference.flipped >= 0.5 - 1e-9 ? \.flipped : \.rise)
    }

    /// Where a combination has a figure of the plain direction's at the reference.
    private func match(_ effects: [Effect], _ figure: KeyPath<Effect, Double>) -> Match {
        let wanted = reference[keyPath: figure]
        if let reached = Effect.first(effects, figure, reaching: wanted - 1e-9) {
            return Match(combination: reached, plain: reference)
        }
        // As near as it comes, or where it is nearly there.
        let most = effects.map { $0[keyPath: figure] }.max() ?? 0
        return Match(
            combination: Effect.first(effects, figure, reaching: Weights.nearly * most) ?? Effect(),
            plain: plain(figure, reaching: Weights.nearly * most), shortfall: 1 - most / max(wanted, 1e-9))
    }

    /// How good a combination is, the lower the better.
    ///
    /// It is what it costs over the plain direction where they are alike, in the share of faces that flip and in the rise
    /// of the own logit (a share of a hundred faces alone is rough), and whether it keeps that up at the longer
    /// strength. One that does not get there is no direction, however little it costs, and neither is one that leaves
    /// the known latents farther behind than the plain one does.
    private func score(_ seen: Seen, shortfall: Double) -> Double {
        let alike = [match(seen.effects), match(seen.effects, \.rise)]
        func mean(_ figure: (Match) -> Double) -> Double { (figure(alike[0]) + figure(alike[1])) / 2 }
        let length = seen.length * alike[0].combination.strength / unit
        let ratio = mean(\.ratio)
        var score = ratio + shortfall * mean(\.shortfall)
        score += Weights.excess * max(0, length - 1)
        if goesOn, let long = seen.effects.last {
            let farther = long.drag / max(plain(\.rise, reaching: long.rise).drag, 1e-9)
            let kept = long.rise / max(plain(\.strength, reaching: far * reference.strength).rise, 1e-9)
            score += max(0, Weights.far * (farther - ratio)) + max(0, Weights.kept - kept)
        }
        return seen.effects.allSatisfy { $0.rise > 0 } ? score : .infinity
    }

    private func effects(_ edited: [(Double, [Float])]) -> [Effect] {
        edited.map { strength, logits in faces.effect(logits, strength: strength) }
    }
}
