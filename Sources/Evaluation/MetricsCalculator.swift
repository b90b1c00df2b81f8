import Core
import Faces
import Fitting
import Foundation

/// Figures from the logits of edited faces.
public struct MetricsCalculator: Sendable {
    /// Names of the logits' columns.
    public let attributes: [String]
    /// For each attribute the logit from which on a face has it.
    public let thresholds: [Float]
    /// Resamplings of the faces.
    public var rounds = 500
    /// Of unedited faces; nil leaves `plausible` out.
    public var statistics: LogitStatistics?

    public init(attributes: [String], thresholds: [Float]) {
        precondition(attributes.count == thresholds.count, "one threshold an attribute")
        self.attributes = attributes
        self.thresholds = thresholds
    }

    /// The figures of one direction.
    ///
    /// - Parameters:
    ///   - measured: Its logits, and the embeddings where there are some.
    ///   - attribute: The name of the direction's own attribute.
    ///   - lowers: Whether the direction is to take the attribute away, as one of age does with Young; what is said of the
    ///     target then holds for the negative of its logit.
    /// - Returns: The figures with their intervals.
    /// - Throws: ``Failure`` when the classifier does not know it.
    public func metrics(
        _ measured: DirectionEvaluator.Measured, attribute: String, lowers: Bool = false
    ) throws -> DirectionMetrics {
        guard let column = attributes.firstIndex(of: attribute) else {
            throw Failure(
                measured.label, "is no direction of an attribute that the classifier scores",
                "name the attribute that judges it", kind: .usage)
        }
        let width = attributes.count
        let count = measured.base.count / width
        let levels = measured.logits.map {
            Level(
                $0, base: measured.base, width: width, column: column, threshold: thresholds[column],
                sign: lowers ? -1 : 1,
                statistics: statistics)
        }
        let views = measured.embeddings.map { embeddings in
            embeddings.edited.map { View($0, base: embeddings.base) }
        }
        let whole = Array(0..<count)
        let samples = resamples(count)
        func interval(_ value: ([Int]) -> Double?) -> Interval? {
            guard let middle = value(whole) else { return nil }
            let sorted = samples.compactMap(value).sorted()
            guard let first = sorted.first, let last = sorted.last else { return nil }
            let low = sorted.count >= 40 ? sorted[sorted.count / 40] : first
            let high = sorted.count >= 40 ? sorted[sorted.count - 1 - sorted.count / 40] : last
            return Interval(value: middle, low: low, high: high)
        }
        let none = Interval(value: 0, low: 0, high: 0)
        let half = crossing(whole, levels, measured.strengths)
        let changeLevel = half?.weights ?? [(max(0, levels.count - 1), 1)]
        var changes: [String: Double] = [:]
        for (index, name) in attributes.enumerated() {
            changes[name] = changeLevel.reduce(0) { sum, part in
                sum + part.weight * meanChange(measured.logits[part.level], measured.base, index, width)
            }
        }
        return DirectionMetrics(
            direction: measured.label, attribute: (lowers ? "-" : "") + attribute, faces: count,
            levels: levels.enumerated().map { index, level in
                DirectionMetrics.Level(
                    strength: measured.strengths[index], target: interval { level.mean(level.target, $0) } ?? none,
                    offTargetChange: interval { level.mean(level.offTarget, $0) } ?? none,
                    meanShift: interval { level.meanShift($0) }, successRate: interval(level.successRate),
                    faceSimilarity: views.flatMap { views in interval { level.mean(views[index].cosines, $0) } },
                    faceMatchRate: views.flatMap { views in interval { level.mean(views[index].isSame, $0) } },
                    plausible: level.plausible.isEmpty ? nil : interval { level.mean(level.plausible, $0) })
            },
            halfStrength: half?.strength,
            offTargetChangeAtHalf: interval { sample in
                crossing(sample, levels, measured.strengths)?.weights.reduce(0) { sum, part in
                    sum + part.weight * levels[part.level].mean(levels[part.level].offTarget, sample)
                }
            },
            meanShiftAtHalf: interval { sample in
                crossing(sample, levels, measured.strengths)?.weights.reduce(0) { sum, part in
                    sum + part.weight * levels[part.level].meanShift(sample)
                }
            },
            faceSimilarityAtHalf: views.flatMap { views in
                interval { sample in
                    crossing(sample, levels, measured.strengths)?.weights.reduce(1) { sum, part in
                        // What the levels leave of the weight is the unedited face's, whose cosine is 1.
                        sum + part.weight * (levels[part.level].mean(views[part.level].cosines, sample) - 1)
                    }
                }
            }, attributeChanges: changes)
    }

    /// Per face: how near its embedding is to that of the unedited face.
    private struct View {
        var cosines: [Double] = []
        /// 1 where the network takes them for one person, else 0.
        var isSame: [Double] = []

        init(_ edited: [Float], base: [Float]) {
            for start in stride(from: 0, to: base.count, by: FaceEmbedder.size) {
                var (dot, first, second, distance) = (0.0, 0.0, 0.0, 0.0)
                for i in start..<start + FaceEmbedder.size {
                    let (a, b) = (Double(base[i]), Double(edited[i]))
                    dot += a * b
                    first += a * a
                    second += b * b
                    distance += (a - b) * (a - b)
                }
                cosines.append(dot / max((first * second).squareRoot(), 1e-12))
                isSame.append(distance.squareRoot() < FaceEmbedder.matchThreshold ? 1 : 0)
            }
        }
    }

    /// Per face: change of the target's logit, mean absolute change of the others (off target), and whether it gains the attribute.
    private struct Level {
        var target: [Double] = []
        var offTarget: [Double] = []
        /// Changes of the others, [faces][others].
        private var changes: [Float] = []
        private let width: Int
        /// 1 or 0; nil where the face had the attribute before.
        var successes: [Double?] = []
        /// 1 where the face is no stranger than most unedited ones, else 0; empty without statistics.
        var plausible: [Double] = []

        init(
            _ logits: [Float], base: [Float], width: Int, column: Int, threshold: Float, sign: Float,
            statistics: LogitStatistics?
        ) {
            self.width = width - 1
            for start in stride(from: 0, to: logits.count, by: width) {
                var sum = 0.0
                for i in 0..<width where i != column {
                    let change = logits[start + i] - base[start + i]
                    changes.append(change)
                    sum += Double(abs(change))
                }
                offTarget.append(width > 1 ? sum / Double(width - 1) : 0)
                let (before, after) = (sign * base[start + column], sign * logits[start + column])
                target.append(Double(after - before))
                if let statistics {
                    plausible.append(
                        statistics.distance(logits[start..<start + width]) <= statistics.limit ? 1 : 0)
                }
                successes.append(before >= sign * threshold ? nil : after >= sign * threshold ? 1 : 0)
            }
        }

        func mean(_ values: [Double], _ faces: [Int]) -> Double {
            faces.isEmpty ? 0 : faces.reduce(0) { $0 + values[$1] } / Double(faces.count)
        }

        func meanShift(_ faces: [Int]) -> Double {
            if width == 0 || faces.isEmpty { return 0 }
            var sums = [Float](repeating: 0, count: width)
            for face in faces { for i in 0..<width { sums[i] += changes[face * width + i] } }
            return sums.reduce(0) { $0 + Double(abs($1)) } / Double(faces.count * width)
        }

        func successRate(_ faces: [Int]) -> Double? {
            let known = faces.compactMap { successes[$0] }
            return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
        }
    }

    /// Where the success rate passes one half: the strength, and the weights of the levels around it.
    private func crossing(_ faces: [Int], _ levels: [Level], _ strengths: [Double]) -> (
        strength: Double, weights: [(level: Int, weight: Double)]
    )? {
        var before = (strength: 0.0, share: 0.0, level: -1)
        for (index, level) in levels.enumerated() {
            guard strengths[index] > 0, let share = level.successRate(faces) else { continue }
            if share >= 0.5 {
                let t = (0.5 - before.share) / max(share - before.share, 1e-9)
                let strength = before.strength + t * (strengths[index] - before.strength)
                return (strength, [(before.level, 1 - t), (index, t)].filter { $0.0 >= 0 })
            }
            before = (strengths[index], share, index)
        }
        return nil
    }

    private func meanChange(_ logits: [Float], _ base: [Float], _ column: Int, _ width: Int) -> Double {
        let rows = stride(from: column, to: base.count, by: width)
        return rows.reduce(0.0) { $0 + Double(logits[$1] - base[$1]) } / Double(max(1, base.count / width))
    }

    private func resamples(_ count: Int) -> [[Int]] {
        var random = CounterRandom(seed: 0, domain: 0x626F_6F74)
        return (0..<rounds).map { _ in
            (0..<count).map { _ in Int(random.next().multipliedFullWidth(by: UInt64(count)).high) }
        }
    }
}
