import Classifiers
import Core
import Foundation
import Testing

@Suite struct MetricsTests {
    /// The example in scikit-learn's documentation of average_precision_score and roc_auc_score: 0.8333… and 0.75.
    @Test func knownValues() {
        let scores: [Float] = [0.1, 0.4, 0.35, 0.8]
        #expect(abs(Metrics.averagePrecision(scores, [0, 0, 1, 1]) - 5.0 / 6) < 1e-12)
        #expect(abs(Metrics.areaUnderROC(scores, [0, 0, 1, 1]) - 0.75) < 1e-12)
    }

    @Test func tiesCountHalf() {
        #expect(Metrics.areaUnderROC([1, 1, 1, 1], [0, 1, 0, 1]) == 0.5)
        #expect(Metrics.averagePrecision([1, 1, 1, 1], [0, 1, 0, 1]) == 0.5)
    }

    @Test func oneClassOnlyIsNoCrash() {
        #expect(Metrics.areaUnderROC([1, 2], [1, 1]) == 0.5)
        #expect(Metrics.averagePrecision([1, 2], [0, 0]) == 0)
        #expect(Metrics.averagePrecision([], []) == 0)
        let empty = Metrics.measure(Attribute.celebA[0], logits: [], labels: [], temperature: 1, threshold: 0.5)
        #expect(empty.accuracy == 0 && empty.f1 == 0)
    }

    @Test func measuresByHand() {
        // Logits ±log 3 are probabilities 3/4 and 1/4.
        let l = Float(log(3.0))
        let m = Metrics.measure(
            Attribute.celebA[4], logits: [l, l, -l, -l, -l], labels: [1, 0, 0, 0, 1], temperature: 1, threshold: 0.5)
        #expect(m.attribute == "Bald" && abs(m.frequency - 0.4) < 1e-12)
        #expect(abs(m.accuracy - 0.6) < 1e-12)
        #expect(abs(m.balancedAccuracy - (0.5 + 2.0 / 3) / 2) < 1e-12)
        #expect(abs(m.f1 - 0.5) < 1e-12)
        // The bins' errors: 2·0.75 − 1 = 0.5 and 3·0.25 − 1 = −0.25, over five.
        #expect(abs(m.calibrationErrorBefore - 0.75 / 5) < 1e-6)
    }

    /// Logits three times too steep for their labels: the fitted temperature is near 3 and calibration improves.
    @Test func temperatureUndoesOverconfidence() {
        var random = CounterRandom(seed: 1, domain: 0x901)
        var logits: [Float] = [], labels: [UInt8] = []
        for _ in 0..<20_000 {
            let x = Double(random.next() >> 11) * 0x1p-53 * 6 - 3
            labels.append(Double(random.next() >> 11) * 0x1p-53 < 1 / (1 + exp(-x)) ? 1 : 0)
            logits.append(Float(3 * x))
        }
        let temperature = Calibration.temperature(logits, labels)
        #expect(abs(temperature - 3) < 0.2)
        let m = Metrics.measure(
            Attribute.celebA[0], logits: logits, labels: labels, temperature: temperature, threshold: 0.5)
        #expect(m.calibrationError < 0.02 && m.calibrationErrorBefore > 0.05)
    }

    @Test func theThresholdStaysInTheMiddleWithoutEvidence() {
        #expect(abs(Calibration.threshold([-1, 1], [0, 1], temperature: 1) - 0.5) < 0.011)
        #expect(Calibration.threshold([], [], temperature: 1) == 0.5)
    }
}
