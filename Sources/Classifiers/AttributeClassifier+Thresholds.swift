import Foundation

extension AttributeClassifier {
    /// For each attribute the logit from which on the classifier's calibrated answer is yes.
    public var logitThresholds: [Float] {
        zip(card.temperatures, thresholds).map { temperature, threshold in
            let p = min(max(threshold, 1e-6), 1 - 1e-6)
            return temperature * log(p / (1 - p))
        }
    }
}
