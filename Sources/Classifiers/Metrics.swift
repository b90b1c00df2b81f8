import Core
import Foundation

/// What a classifier is worth on one attribute of one set of pictures.
public struct AttributeMetrics: Sendable, Codable, Equatable {
    public var attribute: String
    /// Share of positives in the set.
    public var frequency: Double
    /// The probability from which on the answer is yes.
    public var threshold: Double
    public var accuracy: Double
    /// Mean of the accuracies on positives and on negatives.
    public var balancedAccuracy: Double
    /// Area under the step-wise precision-recall curve.
    public var averagePrecision: Double
    /// Area under the receiver operating characteristic.
    public var areaUnderROC: Double
    public var f1: Double
    /// Expected calibration error with 15 equal bins (Guo et al., 2017) of the plain and the temperature-scaled probabilities.
    public var calibrationErrorBefore: Double
    public var calibrationError: Double
    public var temperature: Double
}

/// Measures on scores and labels.
public enum Metrics {
    /// Σ (recall_n − recall_(n−1)) · precision_n over the distinct scores, falling; 0 without positives.
    public static func averagePrecision(_ scores: [Float], _ labels: [UInt8]) -> Double {
        let positives = labels.reduce(0) { $0 + Int($1) }
        if positives == 0 { return 0 }
        var sum = 0.0, hits = 0, seen = 0
        forEachTie(scores, labels, falling: true) { hitsHere, count in
            hits += hitsHere
            seen += count
            sum += Double(hitsHere) / Double(positives) * Double(hits) / Double(seen)
        }
        return sum
    }

    /// The chance that a random positive scores above a random negative, ties counted half; 0.5 with one class only.
    public static func areaUnderROC(_ scores: [Float], _ labels: [UInt8]) -> Double {
        let positives = labels.reduce(0) { $0 + Int($1) }
        let negatives = labels.count - positives
        if positives == 0 || negatives == 0 { return 0.5 }
        var sum = 0.0, below = 0
        forEachTie(scores, labels, falling: false) { hits, count in
            sum += Double(hits) * (Double(below) + Double(count - hits) / 2)
            below += count - hits
        }
        return sum / (Double(positives) * Double(negatives))
    }

    /// Mean distance between confidence and frequency over 15 bins of the probability, weighted by their sizes.
    public static func calibrationError(_ probabilities: [Float], _ labels: [UInt8]) -> Double {
        var sums = [Double](repeating: 0, count: 15)
        for (p, label) in zip(probabilities, labels) { sums[min(14, max(0, Int(p * 15)))] += Double(p) - Double(label) }
        return sums.reduce(0) { $0 + abs($1) } / Double(max(1, labels.count))
    }

    /// Everything about one attribute.
    ///
    /// - Parameters:
    ///   - attribute: The attribute.
    ///   - logits: One per picture.
    ///   - labels: 0 or 1 per picture.
    ///   - temperature: What logits are divided by.
    ///   - threshold: The probability from which on the answer is yes.
    /// - Returns: The attribute's figures.
    public static func measure(
        _ attribute: Attribute, logits: [Float], labels: [UInt8], temperature: Float, threshold: Float
    ) -> AttributeMetrics {
        let plain = logits.map(Calibration.sigmoid)
        let scaled = logits.map { Calibration.sigmoid($0 / temperature) }
        var right = [0, 0], total = [0, 0], yes = 0
        for (p, label) in zip(scaled, labels) {
            let answer = p >= threshold
            total[Int(label)] += 1
            if answer == (label == 1) { right[Int(label)] += 1 }
            if answer { yes += 1 }
        }
        func share(_ a: Int, _ b: Int) -> Double { b == 0 ? 0 : Double(a) / Double(b) }
        return AttributeMetrics(
            attribute: attribute.name, frequency: share(total[1], labels.count), threshold: Double(threshold),
            accuracy: share(right[0] + right[1], labels.count),
            balancedAccuracy: (share(right[0], total[0]) + share(right[1], total[1])) / 2,
            averagePrecision: averagePrecision(logits, labels), areaUnderROC: areaUnderROC(logits, labels),
            f1: share(2 * right[1], yes + total[1]), calibrationErrorBefore: calibrationError(plain, labels),
            calibrationError: calibrationError(scaled, labels), temperature: Double(temperature))
    }

    private static func forEachTie(
        _ scores: [Float], _ labels: [UInt8], falling: Bool, _ body: (_ hits: Int, _ count: Int) -> Void
    ) {
        let order = scores.indices.sorted { falling ? scores[$0] > scores[$1] : scores[$0] < scores[$1] }
        var i = 0
        while i < order.count {
            var hits = 0, j = i
            while j < order.count, scores[order[j]] == scores[order[i]] {
                hits += Int(labels[order[j]])
                j += 1
            }
            body(hits, j - i)
            i = j
        }
    }
}

/// Temperatures and thresholds, chosen on the validation part.
public enum Calibration {
    static func sigmoid(_ x: Float) -> Float { 1 / (1 + exp(-x)) }

    /// The temperature T that makes σ(logit / T) most likely (Guo et al., "On Calibration of Modern Neural Networks", 2017), by
    /// golden-section search on log T in 1/4…4.
    public static func temperature(_ logits: [Float], _ labels: [UInt8]) -> Float {
        func loss(_ logT: Double) -> Double {
            let scale = exp(-logT)
            return zip(logits, labels).reduce(0) { sum, pair in
                let x = Double(pair.0) * scale
                return sum + max(x, 0) - x * Double(pair.1) + log1p(exp(-abs(x)))
            }
        }
        let ratio = (5.0.squareRoot() - 1) / 2
        var low = -log(4.0), high = log(4.0)
        for _ in 0..<40 {
            let a = high - ratio * (high - low), b = low + ratio * (high - low)
            if loss(a) < loss(b) { high = b } else { low = a }
        }
        return Float(exp((low + high) / 2))
    }

    /// The threshold in 0.3…0.7 with the best expected accuracy when every scaled logit is uncertain by `width`.
    ///
    /// The smoothing keeps a rare attribute's few validation pictures from pulling the threshold to where they happen to lie.
    public static func threshold(_ logits: [Float], _ labels: [UInt8], temperature: Float, width: Double = 0.6) -> Float
    {
        var best = (accuracy: -1.0, threshold: 0.5)
        for step in 0...40 {
            let p = 0.3 + 0.01 * Double(step)
            let cut = log(p / (1 - p))
            var sum = 0.0
            for (logit, label) in zip(logits, labels) {
                let yes = 0.5 * erfc(-(Double(logit / temperature) - cut) / (width * 2.0.squareRoot()))
                sum += label == 1 ? yes : 1 - yes
            }
            // A tie goes to the threshold nearest one half.
            if sum > best.accuracy + 1e-9
                || (abs(sum - best.accuracy) <= 1e-9 && abs(p - 0.5) < abs(best.threshold - 0.5))
            {
                best = (sum, p)
            }
        }
        return Float(best.threshold)
    }
}
