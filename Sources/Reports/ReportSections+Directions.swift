import Core
import DirectionFiles
import Evaluation
import Foundation
import Reporting

extension ReportSections {
    func fits() throws -> ReportPage.Section? {
        if directions.isEmpty { return nil }
        let rows = directions.map { file in
            let data = file.metadata
            let gap = data.solver?.relativeGap.map { String(format: "%.0e", $0) } ?? ""
            return [
                file.label, data.solver?.name ?? "imported", data.selection.map { "\($0.top) + \($0.bottom)" } ?? "",
                data.selection.map { String(format: "%.3f / %.4f", $0.thresholdTop, $0.thresholdBottom) } ?? "", gap,
                percent(data.trainAccuracy), percent(data.validationAccuracy), percent(data.restAccuracy),
                String(format: "%.3f", file.sigma),
            ]
        }
        let cosines = directions.map { a in directions.map { b in cosine(a, b) } }
        let names = directions.map(\.attribute)
        return ReportPage.Section(
            title: "Boundaries",
            items: [
                .table(
                    .init(
                        columns: [
                            "direction", "solver", "top + bottom", "thresholds", "duality gap", "train", "held out",
                            "all others", "sigma",
                        ], rows: rows))
            ] + source(.boundaries) + [
                .plot(
                    Plots.heatMap(cosines, rows: names, columns: names, title: "Cosines of the directions"),
                    caption:
                        "Cosines between the directions: how far they are the same direction. Point at a cell for its value."
                )
            ] + source(.cosines))
    }

    private func cosine(_ a: DirectionFile, _ b: DirectionFile) -> Double {
        guard a.size == b.size, a.rows == b.rows || a.rows == 1 || b.rows == 1 else { return 0 }
        // A direction of W is one of W+ with equal rows.
        let count = max(a.values.count, b.values.count)
        let sum = (0..<count).reduce(0.0) {
            $0 + Double(a.values[$1 % a.values.count]) * Double(b.values[$1 % b.values.count])
        }
        return sum / Double(max(a.rows, b.rows))
    }

    func responses() throws -> ReportPage.Section? {
        let measured = try measured()
        guard let faces = measured.first?.metrics.faces else { return nil }
        func curves(_ value: (DirectionMetrics.Level) -> Interval?, start: Double? = 0) -> [Plots.Curve] {
            measured.map { item in
                let points = item.metrics.levels.compactMap { level in
                    value(level).map { (x: level.strength, y: $0.value, low: $0.low, high: $0.high) }
                }
                let first = points.allSatisfy { $0.x > 0 } ? start.map { [(x: 0.0, y: $0, low: $0, high: $0)] } : nil
                return Plots.Curve(name: item.file.attribute, points: (first ?? []) + points)
            }
        }
        func rows(_ label: String, _ levels: [DirectionMetrics.Level]) -> [[String]] {
            levels.map { level in
                [
                    label, String(format: "%+.1f", level.strength),
                    String(format: "%+.2f (%+.2f … %+.2f)", level.target.value, level.target.low, level.target.high),
                    String(
                        format: "%.2f (%.2f … %.2f)", level.offTargetChange.value, level.offTargetChange.low,
                        level.offTargetChange.high),
                    percent(level.successRate?.value), percent(level.plausible?.value),
                    level.faceSimilarity.map { String(format: "%.3f (%.3f … %.3f)", $0.value, $0.low, $0.high) } ?? "",
                    percent(level.faceMatchRate?.value),
                ]
            }
        }
        let table = measured.flatMap { item in
            rows(item.file.label, item.metrics.levels)
                + rows("\(item.file.label), photographs", item.metrics.photographs?.levels ?? [])
        }
        let photographs = measured.compactMap(\.metrics.photographs?.count).max()
        let similarity = curves(\.faceSimilarity, start: 1)
        let plausible = curves(\.plausible, start: nil)
        var preserved: [(String, String)] = []
        if similarity.contains(where: { $0.points.count > 1 }) {
            preserved.append(
                (
                    Plots.curves(similarity, x: "sigma", y: "cosine", title: "Face similarity"),
                    "Mean cosine of the face embeddings before and after (dlib's face recognition network)."
                ))
        }
        if plausible.contains(where: { !$0.points.isEmpty }) {
            preserved.append(
                (
                    Plots.curves(plausible, x: "sigma", y: "share", title: "Plausible"),
                    "Share of the edited faces that are no stranger than 99 of 100 unedited ones."
                ))
        }
        return ReportPage.Section(
            title: "Response on fresh faces",
            items: [
                .text(
                    "\(faces) faces that no direction was fitted on, edited, synthesized without noise and scored again by the "
                        + "classifier that chose the training faces. Bands and brackets are 95 % intervals from resampling the faces."
                        + (photographs.map {
                            " Lines of photographs: \($0) pictures of people, inverted, edited and compared with the photograph itself."
                        } ?? "")
                ),
                .plots(
                    [
                        (
                            Plots.curves(curves(\.target), x: "sigma", y: "change of the own logit", title: "Response"),
                            "Mean change of the attribute's own logit."
                        ),
                        (
                            Plots.curves(
                                curves(\.offTargetChange), x: "sigma", y: "off-target change",
                                title: "Off-target change"),
                            "Mean absolute change of all other logits, on the same faces."
                        ),
                        (
                            Plots.curves(curves(\.successRate), x: "sigma", y: "success rate", title: "Success rate"),
                            "Share of the faces without the attribute that get it."
                        ),
                    ] + preserved),
                .table(
                    .init(
                        columns: [
                            "direction", "sigma", "own logit", "off-target change", "success rate", "plausible",
                            "face similarity", "face match",
                        ], rows: table)),
            ] + source(.responses(faces: faces)))
    }
}
