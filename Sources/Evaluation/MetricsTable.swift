import Foundation

extension DirectionMetrics {
    /// Figures as lines of text, one a strength.
    public static func table(_ results: [DirectionMetrics]) -> String {
        var lines = [
            "direction                  sigma  target change [95 %]    off-target change [95 %]  mean shift  success  plausible  face similarity  face match"
        ]
        func text(_ interval: Interval) -> String {
            String(format: "%+6.2f [%+6.2f, %+6.2f]", interval.value, interval.low, interval.high)
        }
        func padded(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        func share(_ interval: Interval?, _ width: Int) -> String {
            padded(interval.map { String(format: "%.1f %%", 100 * $0.value) } ?? "-", width)
        }
        func number(_ interval: Interval?, _ format: String, _ width: Int) -> String {
            padded(interval.map { String(format: format, $0.value) } ?? "-", width)
        }
        func add(_ direction: String, _ levels: [Level]) {
            for level in levels {
                let name = direction.padding(toLength: 26, withPad: " ", startingAt: 0)
                lines.append(
                    String(format: "%@ %+5.2f  ", name, level.strength) + text(level.target) + "  "
                        + text(level.offTargetChange) + number(level.meanShift, "%.2f", 14)
                        + share(level.successRate, 9)
                        + share(level.plausible, 11) + number(level.faceSimilarity, "%.3f", 17)
                        + share(level.faceMatchRate, 12))
            }
        }
        func addHalf(_ half: Double?, _ change: Interval?, _ shift: Interval?, _ similarity: Interval?) {
            guard let half, let change else { return }
            lines.append(
                "".padding(toLength: 27, withPad: " ", startingAt: 0)
                    + String(format: "success rate one half at %.2f sigma, off-target change there ", half)
                    + text(change) + (shift.map { ", mean shift " + text($0) } ?? "")
                    + (similarity.map { ", face similarity " + text($0) } ?? ""))
        }
        for result in results {
            add(result.direction, result.levels)
            addHalf(
                result.halfStrength, result.offTargetChangeAtHalf, result.meanShiftAtHalf, result.faceSimilarityAtHalf)
            if let judged = result.judged {
                add("  as \(judged.classifier) sees it", judged.levels)
                addHalf(judged.halfStrength, judged.offTargetChangeAtHalf, judged.meanShiftAtHalf, nil)
            }
            if let photographs = result.photographs { add("  on photographs", photographs.levels) }
        }
        return lines.joined(separator: "\n")
    }
}
