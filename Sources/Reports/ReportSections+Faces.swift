import Classifiers
import Core
import DirectionFiles
import Editing
import Evaluation
import Foundation
import Generators
import Images
import LatentStore
import Latents
import Reporting

extension ReportSections {
    func edits(seed: UInt64) throws -> ReportPage.Section? {
        let usable = directions.filter {
            ($0.rows == 1 || $0.rows == generator.identity.styleGAN2Layers)
                && $0.size == generator.identity.latentSize
        }
        if usable.isEmpty { return nil }
        let plan = EditPlan(
            codes: try LatentCodes(
                generator.latents(seed: seed, indices: 0..<1), size: generator.identity.latentSize),
            labels: ["seed \(seed)"],
            mixtures: usable.map { EditMixture(EditDirection($0)) },
            strengths: [0, 1, 2, 3], unit: .sigma, layers: nil, layerCount: generator.identity.styleGAN2Layers)
        let grid = try plan.grid(synthesized(plan.edited())).rendered()
        return ReportPage.Section(
            title: "Edits",
            items: [
                .picture(try grid.encodedJPEG(quality: 88), caption: "Each direction on the face of seed \(seed).")
            ] + source(.edits(directions: usable.map(\.label), seed: seed)))
    }

    func rankings(faces: Int) throws -> ReportPage.Section? {
        if scored == 0 { return nil }
        var items: [ReportPage.Item] = []
        let ranked = attributes.filter { judge.attributes.contains($0) }
        let ends = try ranked.map { attribute in
            try [true, false].map { highest in
                try store.ranked(
                    attribute, classifier: scores.id, generator: generator.identity.sha256, highest: highest,
                    count: min(faces, scored)
                ).map(\.id)
            }
        }
        // A face may be at the end of several rankings; it is synthesized once.
        let ids = ends.joined().joined().map { $0 }
        let images = try synthesized(
            LatentCodes(store.latents(ids: ids), size: generator.identity.latentSize))
        var place = 0
        for (attribute, ends) in zip(ranked, ends) {
            let rows = ends.map { end in
                defer { place += end.count }
                return Array(images[place..<place + end.count])
            }
            let grid = try Grid(rows.map { $0.map { Optional($0) } }, rowLabels: ["highest", "lowest"]).rendered()
            items.append(
                .picture(
                    try grid.encodedJPEG(quality: 85),
                    caption: "\(attribute.name): the highest and lowest of \(scored)."))
        }
        items += source(.rankings(count: faces))
        return ReportPage.Section(title: "Ends of the rankings", items: items)
    }

    private func synthesized(_ codes: LatentCodes) throws -> [Image] {
        let size = generator.size(128)
        let distinct = try DistinctCodes(codes)
        var faces: [Image] = []
        for start in stride(from: 0, to: distinct.codes.count, by: 16) {
            try context.check()
            let batch = try distinct.codes.slice(start..<min(start + 16, distinct.codes.count))
            faces += try synthesizer.synthesize(batch, size: size, noise: .none).images
        }
        return distinct.indices.map { faces[$0] }
    }

    func distributions() throws -> ReportPage.Section? {
        if scored == 0 { return nil }
        let (ids, logits) = try store.logits(classifier: scores.id, generator: generator.identity.sha256)
        let weights = try store.weights(ofLatents: ids)
        let total = weights.reduce(0, +)
        let width = scores.attributes.count
        let selections = try store.selections()
        var plots: [(svg: String, caption: String)] = []
        for attribute in attributes {
            guard let column = scores.attributes.firstIndex(of: attribute) else { continue }
            var counts = [Int](repeating: 0, count: 48)
            var positive = 0.0
            let threshold = judge.logitThresholds[column]
            for (row, start) in stride(from: column, to: logits.count, by: width).enumerated() {
                counts[min(47, max(0, Int((logits[start] + 12) * 2)))] += 1
                if logits[start] >= threshold { positive += weights[row] }
            }
            var marks: [(x: Double, text: String)] = []
            if let selection = selections.last(where: {
                $0.attribute == attribute.name && $0.generator == generator.identity.sha256
            }) {
                let temperature = Double(judge.card.temperatures[column])
                for (p, text) in [(selection.topThreshold, "top"), (selection.bottomThreshold, "bottom")] {
                    let inside = min(max(p, 1e-7), 1 - 1e-7)
                    marks.append((temperature * log(inside / (1 - inside)), text))
                }
            }
            let share = percent(positive / max(1, total))
            plots.append(
                (
                    Plots.histogram(counts, range: -12...12, marks: marks, title: attribute.name),
                    "\(attribute.name): logits, counts on a logarithmic scale; \(share) have it. Lines: the selection's thresholds."
                ))
        }
        return ReportPage.Section(
            title: "Scores",
            items: [
                .plots(plots)
            ] + source(.scores))
    }

    func classifierTable() -> ReportPage.Section {
        let card = judge.card
        let metrics = card.test.isEmpty ? card.validation : card.test
        let rows = metrics.map { m in
            [
                m.attribute, percent(m.frequency), percent(m.accuracy), percent(m.balancedAccuracy),
                String(format: "%.3f", m.averagePrecision), String(format: "%.3f", m.areaUnderROC),
                String(format: "%.3f", m.f1), String(format: "%.3f", m.calibrationError),
            ]
        }
        let mean = ClassifierCard.means(metrics)
        return ReportPage.Section(
            title: "The classifier",
            items: [
                .text(
                    String(
                        format:
                            "On the %@ part of its data, mean over the paper's eight attributes: accuracy %.2f %%, average "
                            + "precision %.3f, area under ROC %.3f. Trained on %d pictures of CelebA.",
                        card.test.isEmpty ? "validation" : "test", 100 * mean.accuracy, mean.precision, mean.area,
                        card.trainingPictures)),
                .table(
                    .init(
                        columns: ["attribute", "positive", "accuracy", "balanced", "AP", "AUC", "F1", "ECE"], rows: rows
                    )),
            ] + source(.classifier))
    }
}
