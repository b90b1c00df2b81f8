import Core
import Foundation

/// The descent that refines one attribute's baseline of W into a direction of W+.
///
/// A direction has one vector for each group of layers; all begin as the baseline, as long as it has to be until the edit
/// succeeds on half of the faces. In each step a batch of fresh faces is edited along it, half of them by less, so that it
/// holds the other attributes all the way. Of the changes Δ of their logits,
///
///     mean over faces f and k ≠ t of |Δ_fk| + shiftWeight · mean over k ≠ t of |mean over f of Δ_fk|
///       − λ · share of the faces that lack the attribute and get it
///
/// is to fall. λ is what a success costs when the direction is made longer, so that neither longer nor shorter is better;
/// the length follows the success rate, and is in W's standard deviations never more than the baseline's. The means over
/// faces are running ones, for a batch alone is too small to know a mean shift. Gradients are averaged (momentum), turned
/// into steps by ``NaturalGradient``, and made as long as the step is to be: the steps shrink to nothing. The result is the
/// mean of the last points.
///
/// - SeeAlso: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging" (1992).
public struct LocalDescent: Sendable {
    /// By what the direction is multiplied for the faces of a batch, in turn.
    private static let multiples: [Float] = [1, 0.7]
    /// How long a step is at first, in lengths of the direction, and the power of what is left to go by which it shrinks.
    private static let stride = (first: 0.06, power: 1.25)
    private static let momentum = 0.85
    /// How much of the running means is kept in each step.
    private static let kept = (changes: 0.92, share: 0.8, price: 0.9)
    /// How strongly the length follows the success rate.
    private static let gain = 0.6
    /// Changes below these count as squares, in logits: of one face, and of their mean.
    private static let (smallChange, smallShift) = (Float(0.1), 0.05)
    /// The share of the steps whose points are averaged.
    private static let averaged = 0.4

    /// Steps in all, and those done.
    public let steps: Int
    public private(set) var done = 0
    private let metric: LatentMetric
    private let target: Int
    private let targets: Int
    private let threshold: Float
    /// The success rate that the direction is to have.
    private let wanted: Double
    private let judges: Int
    /// The length of the baseline.
    private let unit: Double
    /// [groups][dimension].
    private var point: [[Double]]
    /// [groups · dimension].
    private var velocity: [Double]
    private var natural: NaturalGradient
    private var sum: [[Double]]
    private var summed = 0
    /// Running means: of each logit's change, of the off-target change, of the success rate, of λ.
    private var meanShift: [[Double]]?
    private var offTarget = 0.0
    private var successRate = 0.0
    private var price = 0.0
    private var cost = 0.0

    /// - Parameters:
    ///   - baseline: [dimension], the direction of W as long as it has to be.
    ///   - groups: How many vectors the direction has.
    ///   - successRate: The share of the faces that lack the attribute that is to get it.
    ///   - metric: How latents are spread.
    ///   - target: The own logit.
    ///   - targets: How many logits there are.
    ///   - threshold: The logit from which on a face has the attribute.
    ///   - steps: How many steps it will go.
    ///   - judges: How many classifiers' logits there are of each face.
    public init(
        baseline: [Double], groups: Int, successRate: Double, metric: LatentMetric, target: Int, targets: Int,
        threshold: Float,
        steps: Int, judges: Int = 1
    ) {
        precondition(baseline.count == metric.dimension && groups > 0 && targets > 1 && 0..<targets ~= target)
        (self.metric, self.target, self.targets, self.threshold, self.wanted) = (
            metric, target, targets, threshold, successRate
        )
        self.steps = steps
        self.judges = judges
        unit = max(metric.length(baseline), 1e-9)
        point = [[Double]](repeating: baseline, count: groups)
        velocity = [Double](repeating: 0, count: groups * baseline.count)
        natural = NaturalGradient(metric: metric, groups: groups)
        sum = [[Double]](repeating: [Double](repeating: 0, count: baseline.count), count: groups)
    }

    /// The vector of each group of layers now, [groups][dimension].
    public var direction: [[Double]] { point }

    /// The vectors that the descent has come to.
    public var result: [[Double]] {
        summed == 0 ? point : sum.map { $0.map { $0 / Double(summed) } }
    }

    /// By what the direction is multiplied for each face of a batch.
    public static func multiples(count: Int) -> [Float] {
        (0..<count).map { multiples[$0 % multiples.count] }
    }

    /// Takes note of what became of a batch.
    ///
    /// Several judges' opinions of a face count like several faces, but each judge has mean shifts of its own: what one of them
    /// sees more of does not make up for what another sees less of.
    ///
    /// - Parameters:
    ///   - base: [judges, faces, targets]: the logits of the faces as they are.
    ///   - logits: [judges, faces, targets]: of the faces edited by ``multiples(count:)`` of ``direction``.
    ///   - cost: What the edit costs besides, such as a perceptual distance: the mean over faces.
    /// - Returns: [judges, faces, targets]: gradients with respect to `logits` of what is to fall.
    public mutating func gradients(base: [Float], logits: [Float], cost: Double = 0) -> [Float] {
        let rows = logits.count / targets
        observe(base: base, logits: logits, cost: cost)
        let lacking = (0..<rows).filter { base[$0 * targets + target] < threshold }
        let shift = (meanShift ?? []).map { $0.map { tanh($0 / LocalDescent.smallShift) } }
        var result = [Float](repeating: 0, count: logits.count)
        for row in 0..<rows {
            let each = 1 / Double(rows * (targets - 1))
            let own = shift[kind(ofRow: row, of: rows)]
            for k in 0..<targets where k != target {
                let at = row * targets + k
                let sign = Double(tanh((logits[at] - base[at]) / LocalDescent.smallChange))
                result[at] = Float(each * (sign + LocalResponse.shiftWeight * own[k]))
            }
        }
        for row in lacking {
            let part = LocalResponse.part(logits[row * targets + target], threshold: threshold)
            result[row * targets + target] =
                -Float(price * part * (1 - part) / (LocalResponse.softness * Double(lacking.count)))
        }
        return result
    }

    /// Which running means a row belongs to: a judge's at one of the multiples.
    private func kind(ofRow row: Int, of rows: Int) -> Int {
        let (faces, kinds) = (rows / judges, LocalDescent.multiples.count)
        return row / faces * kinds + row % faces % kinds
    }

    /// Goes one step.
    ///
    /// - Parameter gradients: [faces][groups · dimension], of what is to fall with respect to ``direction``, each face's part.
    /// - Throws: `Failure` where gradients are not finite.
    public mutating func move(_ gradients: [[Double]]) throws {
        let (groups, dimension) = (point.count, metric.dimension)
        for i in velocity.indices { velocity[i] *= LocalDescent.momentum }
        for gradient in gradients {
            natural.observe(gradient)
            for i in velocity.indices { velocity[i] += gradient[i] }
        }
        let flat = try natural.step(velocity)
        let steps = (0..<groups).map { Array(flat[$0 * dimension..<($0 + 1) * dimension]) }
        let left = 1 - Double(done) / Double(max(1, self.steps))
        let stride = LocalDescent.stride.first * pow(left, LocalDescent.stride.power)
        let factor = length(of: point) * stride / max(length(of: steps), 1e-12)
        for group in 0..<groups {
            for i in 0..<dimension { point[group][i] -= factor * steps[group][i] }
        }
        let longer = min(exp(LocalDescent.gain * (wanted - successRate)), unit / max(length(of: point), 1e-12))
        point = point.map { $0.map { $0 * longer } }
        done += 1
        if Double(done) > Double(self.steps) * (1 - LocalDescent.averaged) {
            for group in 0..<groups { for i in point[group].indices { sum[group][i] += point[group][i] } }
            summed += 1
        }
    }

    /// The length of vectors, [groups][dimension], in square mean.
    private func length(of vectors: [[Double]]) -> Double {
        (vectors.reduce(0) { $0 + pow(metric.length($1), 2) } / Double(vectors.count)).squareRoot()
    }

    /// The running attribute dependency.
    private var dependency: Double { offTarget + LocalResponse.shiftWeight * totalShift }

    private var totalShift: Double {
        guard let meanShift else { return 0 }
        let total = meanShift.reduce(0) { total, means in
            total + means.indices.reduce(0) { $0 + ($1 == target ? 0 : abs(means[$1])) }
        }
        return total / Double(meanShift.count * (targets - 1))
    }

    /// A line for people: the running means.
    public var note: String {
        String(
            format: "success %.2f, off-target %.2f, mean shift %.2f, length %.2f", successRate, offTarget, totalShift,
            length(of: point) / unit)
    }

    private mutating func observe(base: [Float], logits: [Float], cost: Double) {
        let rows = logits.count / targets
        let (faces, kinds) = (rows / judges, LocalDescent.multiples.count)
        var mean = [[Double]](repeating: [Double](repeating: 0, count: targets), count: kinds * judges)
        var absolute = 0.0
        var (parts, slope, lacking) = (0.0, 0.0, 0)
        for row in 0..<rows {
            let (kind, face) = (kind(ofRow: row, of: rows), row % faces)
            let alike = Double((faces - face % kinds + kinds - 1) / kinds)
            for k in 0..<targets {
                let at = row * targets + k
                let one = Double(logits[at] - base[at])
                mean[kind][k] += one / alike
                if k != target { absolute += abs(one) / Double(rows * (targets - 1)) }
            }
            let own = row * targets + target
            // Only at the direction's own length does the success rate count.
            guard base[own] < threshold, LocalDescent.multiples[face % kinds] == 1 else { continue }
            let part = LocalResponse.part(logits[own], threshold: threshold)
            lacking += 1
            parts += part
            slope += part * (1 - part) / LocalResponse.softness * Double(logits[own] - base[own])
        }
        func running(_ before: Double, _ now: Double, _ kept: Double) -> Double {
            meanShift == nil ? now : kept * before + (1 - kept) * now
        }
        let kept = LocalDescent.kept
        offTarget = running(offTarget, absolute, kept.changes)
        self.cost = running(self.cost, cost, kept.changes)
        if lacking > 0 { successRate = running(successRate, parts / Double(lacking), kept.share) }
        let before = meanShift
        meanShift =
            before.map { before in
                zip(before, mean).map { zip($0, $1).map { kept.changes * $0 + (1 - kept.changes) * $1 } }
            } ?? mean
        // What a success costs when the direction is made longer.
        if lacking > 0 {
            let here = (dependency + self.cost) / max(slope / Double(lacking), LocalDescent.leastSlope)
            price = before == nil ? here : kept.price * price + (1 - kept.price) * here
        }
    }

    /// λ does not rise beyond what this slope of the success rate makes of it.
    private static let leastSlope = 0.05
}
