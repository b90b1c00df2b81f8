import Core
import DirectionFiles
import Fitting

/// The search of ``LocalFit`` for one attribute: what was tried on the faces, what was seen, and what is best.
extension LocalFit {
    /// What a direction is seen to do at one strength.
    struct Effect {
        var strength = 0.0
        /// Mean change of the own logit on the faces where it counts.
        var rise = 0.0
        /// ``LocalCombination/cost(of:targets:target:)``.
        var drag = 0.0
        /// Share of the faces without the attribute that get it.
        var flipped = 0.0

        func towards(_ other: Effect, _ part: Double) -> Effect {
            func between(_ path: KeyPath<Effect, Double>) -> Double {
                self[keyPath: path] + part * (other[keyPath: path] - self[keyPath: path])
            }
            return Effect(
                strength: between(\.strength), rise: between(\.rise), drag: between(\.drag),
                flipped: between(\.flipped))
        }
    }

    /// A combination that was applied to the faces, at its length and at a longer one.
    struct Trial {
        let near: LocalCombination.Observation
        let far: LocalCombination.Observation
        /// At the strengths 1 and the longer one.
        let effects: [Effect]
        /// The penalty of the step to it; 0 for the plain direction.
        let penalty: Double
        /// As ``LocalCombination/length(_:)`` has it.
        let length: Double

        var coefficients: [Double] { near.coefficients }
    }

    /// Two strengths, of a combination in multiples of it and of the plain direction in sigma, at which they are alike.
    struct Match {
        let combination: Effect
        let plain: Effect
        /// How much is lacking until they are.
        var shortfall = 0.0

        var ratio: Double { combination.drag / max(plain.drag, 1e-9) }
    }

    /// What counts for how much in ``Candidate/score(_:)``.
    private enum Weights {
        /// Of what is lacking to the plain direction's response.
        static let shortfall = 3.0
        /// Of each standard deviation of W by which a combination is longer than tolerated.
        static let excess = 0.1
        /// The tolerated length, in lengths of the plain direction.
        static let tolerated = 1.1
        /// Of a ratio that is higher at the longer strength.
        static let far = 0.3
        /// The share of the plain direction's rise that is to be left at the longer strength.
        static let kept = 0.85
        /// Of the highest response, where it counts as reached.
        static let nearly = 0.97
    }

    /// An attribute on its way.
    struct Candidate {
        let attribute: Attribute
        let column: Int
        let plain: DirectionFile
        /// The faces on which its own logit counts.
        let own: [Int]
        /// The logit from which on a face has the attribute.
        let cut: Float
        /// What the plain direction does at each strength.
        let curve: [Effect]
        /// What it does where it flips half of the faces, else at two sigma.
        let reference: Effect
        /// The longer strength, in multiples.
        let far: Double
        /// The plain direction's length at the reference.
        let unit: Double
        /// Whatever was seen.
        var seen: [LocalCombination.Observation]
        /// What is tried next.
        var tried: [(coefficients: [Double], penalty: Double)]
        /// The share of a step that is tried.
        var stride = 1.0
        /// The best so far.
        var best: Trial?
        var score = Double.infinity

        /// What the plain direction does where a figure reaches a value; its farthest where it does not.
        func plain(_ figure: KeyPath<Effect, Double>, reaching value: Double) -> Effect {
            LocalFit.first(curve, figure, reaching: value)
                ?? curve.max { $0[keyPath: figure] < $1[keyPath: figure] } ?? reference
        }

        /// Whether the plain direction still goes on at the longer strength.
        var goesOn: Bool { plain(\.strength, reaching: far * reference.strength).rise > 1.05 * reference.rise }

        /// Where a combination is like the plain direction at the reference: both flip half of the faces, or else raise the
        /// own logit as far.
        func match(_ effects: [Effect]) -> Match {
            let flips = reference.flipped >= 0.5 - 1e-9
            let figure: KeyPath<Effect, Double> = flips ? \.flipped : \.rise
            let wanted = reference[keyPath: figure]
            if let reached = LocalFit.first(effects, figure, reaching: wanted - 1e-9) {
                return Match(combination: reached, plain: reference)
            }
            // As near as it comes, or where it is nearly there.
            let most = effects.map { $0[keyPath: figure] }.max() ?? 0
            return Match(
                combination: LocalFit.first(effects, figure, reaching: Weights.nearly * most) ?? Effect(),
                plain: plain(figure, reaching: Weights.nearly * most), shortfall: 1 - most / max(wanted, 1e-9))
        }

        /// How good a combination is, the lower the better.
        ///
        /// It is what it costs over the plain direction where they are alike, and whether it keeps that up at the longer
        /// strength. One that does not get there is no direction, however little it costs, and neither is one that leaves
        /// the known latents farther behind than the plain one does.
        func score(_ trial: Trial) -> Double {
            let match = match(trial.effects)
            let length = trial.length * match.combination.strength / unit
            var score = match.ratio + Weights.shortfall * match.shortfall
            score += Weights.excess * unit * max(0, length - Weights.tolerated)
            if goesOn, let long = trial.effects.last {
                let ratio = long.drag / max(plain(\.rise, reaching: long.rise).drag, 1e-9)
                let kept = long.rise / max(plain(\.strength, reaching: far * reference.strength).rise, 1e-9)
                score += max(0, Weights.far * (ratio - match.ratio)) + max(0, Weights.kept - kept)
            }
            return trial.effects.allSatisfy { $0.rise > 0 } ? score : .infinity
        }
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

    /// The faces that lack an attribute, but for the quarter of them that is farthest from it; all where none lacks it.
    static func counted(_ base: [Float], column: Int, targets: Int, cut: Float) -> [Int] {
        let lacking = (0..<base.count / targets).filter { base[$0 * targets + column] < cut }
        let nearest = lacking.sorted { base[$0 * targets + column] > base[$1 * targets + column] }
        let kept = nearest.prefix((3 * nearest.count + 3) / 4).sorted()
        return kept.isEmpty ? Array(0..<base.count / targets) : kept
    }
}
