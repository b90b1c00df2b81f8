import Foundation

extension ClassifierCard {
    /// A row per attribute of the test part (of the validation part where there is no test part), and the means.
    public var table: String {
        let metrics = test.isEmpty ? validation : test
        var lines = [
            "attribute              positive  accuracy  balanced     AP     AUC      F1  ECE before  after  threshold"
        ]
        for m in metrics {
            let figures = String(
                format: "%8.1f%% %8.2f%% %8.2f%%  %.3f  %.4f  %.3f      %.4f  %.4f       %.2f", 100 * m.frequency,
                100 * m.accuracy, 100 * m.balancedAccuracy, m.averagePrecision, m.areaUnderROC, m.f1,
                m.calibrationErrorBefore, m.calibrationError, m.threshold)
            lines.append(m.attribute.padding(toLength: 21, withPad: " ", startingAt: 0) + figures)
        }
        let mean = ClassifierCard.means(metrics)
        lines.append(
            String(
                format: "mean of the paper's eight: accuracy %.2f%%, AP %.4f, AUC %.4f (%@ part)", 100 * mean.accuracy,
                mean.precision, mean.area, test.isEmpty ? "validation" : "test"))
        return lines.joined(separator: "\n")
    }
}
