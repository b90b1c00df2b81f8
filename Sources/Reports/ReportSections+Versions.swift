import Core
import DirectionFiles
import Evaluation
import Foundation
import Reporting

extension ReportSections {
    func entanglement() throws -> ReportPage.Section? {
        let measured = try measured()
        if measured.isEmpty { return nil }
        let names = judge.attributes.map(\.name)
        func map(_ items: [(file: DirectionFile, metrics: DirectionMetrics)], _ title: String) -> ReportPage.Item {
            .plot(
                Plots.heatMap(
                    items.map { item in names.map { item.metrics.attributeChanges[$0] ?? 0 } },
                    rows: items.map(\.file.label),
                    columns: names, title: title),
                caption: title
                    + ": mean change of every logit at the strength that gives half of the faces the attribute (at the "
                    + "largest measured where none does). Red rises, blue falls; point at a cell for its value.")
        }
        let before = try directions.compactMap { try baseline($0.attribute) }
        let isSame = before.map(\.file.label) == measured.map(\.file.label)
        return ReportPage.Section(
            title: "Entanglement",
            items: (isSame || before.isEmpty ? [] : [map(before, "Before: the baseline SVM")])
                + [map(measured, isSame || before.isEmpty ? "Entanglement" : "After")] + source(.attributeChanges))
    }

    /// An attribute's first measured SVM from a selection of the ends, nothing projected out.
    private func baseline(_ attribute: String) throws -> (file: DirectionFile, metrics: DirectionMetrics)? {
        try versions(attribute).first {
            $0.file.metadata.solver?.name == "svm" && $0.file.metadata.orthogonalTo.isEmpty
                && $0.file.metadata.selection?.isMatched != true
        }
    }

    /// All measured versions of an attribute.
    private func versions(_ attribute: String) throws -> [(file: DirectionFile, metrics: DirectionMetrics)] {
        try library.files(of: attribute).compactMap { file in try library.metrics(of: file).map { (file, $0) } }
    }

    /// Every measured version of every attribute at the strength that gives half of the faces the attribute.
    func waysOut() throws -> ReportPage.Section? {
        var rows: [[String]] = []
        var isWorthIt = false
        let response = 2.0
        for attribute in directions.map(\.attribute) {
            let all = try versions(attribute)
            if all.count > 1 { isWorthIt = true }
            let base = try baseline(attribute)?.metrics
            for (file, metrics) in all {
                var way = file.metadata.solver?.name ?? "imported"
                if file.metadata.selection?.isMatched == true { way += ", matched selection" }
                if !file.metadata.orthogonalTo.isEmpty {
                    let out = file.metadata.orthogonalTo
                    way += ", without " + (out.count > 2 ? "\(out.count) others" : out.joined(separator: " and "))
                }
                if let faces = file.metadata.refinement?.faces { way += ", \(faces) calibration faces" }
                func brackets(_ interval: Interval?, _ format: String) -> String {
                    interval.map { String(format: "\(format) (\(format) … \(format))", $0.value, $0.low, $0.high) }
                        ?? ""
                }
                func share(_ mine: Interval?, _ base: Interval?) -> String {
                    guard let mine, let base, base.value > 0 else { return "" }
                    return String(format: "%.2f", mine.value / base.value)
                }
                let (atHalf, equal) = (
                    metrics.offTargetChangeAtHalf, metrics.offTargetChange(atResponse: response)
                )
                rows.append([
                    file.label, way, brackets(equal, "%.2f"), share(equal, base?.offTargetChange(atResponse: response)),
                    share(metrics.meanShift(atResponse: response), base?.meanShift(atResponse: response)),
                    metrics.halfStrength.map { String(format: "%.2f", $0) } ?? "not reached", brackets(atHalf, "%.2f"),
                    share(atHalf, base?.offTargetChangeAtHalf), share(metrics.meanShiftAtHalf, base?.meanShiftAtHalf),
                    brackets(metrics.faceSimilarityAtHalf, "%.3f"), "\(metrics.faces)",
                ])
            }
        }
        if !isWorthIt { return nil }
        return ReportPage.Section(
            title: "Ways out of entanglement",
            items: [
                .text(
                    "Off-target change (mean absolute change of all other logits, face by face) in two places: where the own logit "
                        + "has risen by \(response) on average (between two measured strengths), and at the strength in sigma with a "
                        + "success rate of one half. Each stands also as a multiple of the baseline SVM's, and so does the mean shift, "
                        + "for which the change is averaged over the faces before its size is taken. There too the face similarity: "
                        + "the cosine of the face embeddings. Brackets are 95 % intervals from resampling the faces."
                ),
                .table(
                    .init(
                        columns: [
                            "direction", "way", "off-target change at +2", "of the baseline's",
                            "mean shift, of the baseline's", "half at", "off-target change there", "of the baseline's",
                            "mean shift, of the baseline's", "face similarity there", "faces",
                        ], rows: rows)),
            ] + source(.versions))
    }
}
