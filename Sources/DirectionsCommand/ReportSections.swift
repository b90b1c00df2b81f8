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

/// The parts of a report, each nil where the workspace has nothing for it.
struct ReportSections {
    let generator: Generator
    let judge: AttributeClassifier
    /// The classifier as the database knows it.
    let scores: ClassifierRecord
    let store: LatentStore
    let library: DirectionLibrary
    let attributes: [Attribute]
    let directions: [DirectionFile]

    private func percent(_ value: Double?) -> String { value.map { String(format: "%.1f %%", 100 * $0) } ?? "" }

    /// What was measured of the directions, in their order.
    private func measured() throws -> [(file: DirectionFile, metrics: DirectionMetrics)] {
        try directions.compactMap { file in try library.metrics(of: file).map { (file, $0) } }
    }

    // MARK: Provenance

    func provenance() throws -> ReportPage.Section {
        let identity = generator.identity
        var rows = [
            ["generator", "\(identity.name) (\(identity.architecture), \(identity.resolution) px)", identity.sha256],
            ["its source", identity.sourceName, identity.sourceSHA256], ["classifier", judge.name, judge.sha256],
        ]
        for set in try store.sampleSets() {
            let text = "\(set.count) latents of seed \(set.set.seed), psi \(set.set.psi), noise-free"
            rows.append(["sample set \(set.set.id)", text, ""])
        }
        return ReportPage.Section(
            title: "Provenance",
            items: [
                .table(.init(columns: ["", "", "SHA-256"], rows: rows)),
                .source("directions status --json"), .text("Licence: " + identity.licence),
            ])
    }

    func jobs() throws -> ReportPage.Section {
        let answer = try store.query(
            """
            SELECT id, verb, status, started, round((julianday(ended) - julianday(started)) * 86400, 0) AS seconds
            FROM job_runs ORDER BY id DESC LIMIT 40
            """)
        return ReportPage.Section(
            title: "What was run",
            items: [
                .table(.init(columns: answer.columns, rows: answer.rows.map { $0.map(\.text) })),
                .source("directions query --sql \"SELECT * FROM job_runs\""),
            ])
    }

    // MARK: Directions

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
                        ], rows: rows)),
                .source("directions show ATTRIBUTE --json"),
                .plot(
                    Plots.heatMap(cosines, rows: names, columns: names, title: "Cosines of the directions"),
                    caption:
                        "Cosines between the directions: how far they are the same direction. Point at a cell for its value."
                ),
                .source("directions diff A B"),
            ])
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
        let rows = measured.flatMap { item in
            item.metrics.levels.map { level in
                [
                    item.file.label, String(format: "%+.1f", level.strength),
                    String(format: "%+.2f (%+.2f … %+.2f)", level.target.value, level.target.low, level.target.high),
                    String(format: "%.2f (%.2f … %.2f)", level.others.value, level.others.low, level.others.high),
                    percent(level.flipped?.value), percent(level.plausible?.value),
                    level.identity.map { String(format: "%.3f (%.3f … %.3f)", $0.value, $0.low, $0.high) } ?? "",
                    percent(level.samePerson?.value),
                ]
            }
        }
        let identity = curves(\.identity, start: 1)
        let plausible = curves(\.plausible, start: nil)
        var preserved: [(String, String)] = []
        if identity.contains(where: { $0.points.count > 1 }) {
            preserved.append(
                (
                    Plots.curves(identity, x: "sigma", y: "cosine", title: "Identity"),
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
                ),
                .plots(
                    [
                        (
                            Plots.curves(curves(\.target), x: "sigma", y: "change of the own logit", title: "Response"),
                            "Mean change of the attribute's own logit."
                        ),
                        (
                            Plots.curves(curves(\.others), x: "sigma", y: "change of the others", title: "Drag"),
                            "Mean absolute change of all other logits, on the same faces."
                        ),
                        (
                            Plots.curves(curves(\.flipped), x: "sigma", y: "share that gets it", title: "Flipped"),
                            "Share of the faces without the attribute that get it."
                        ),
                    ] + preserved),
                .table(
                    .init(
                        columns: [
                            "direction", "sigma", "own logit", "others", "get it", "plausible", "identity",
                            "same person",
                        ], rows: rows)),
                .source("directions evaluate --count \(faces)"),
            ])
    }

    func entanglement() throws -> ReportPage.Section? {
        let measured = try measured()
        if measured.isEmpty { return nil }
        let names = judge.attributes.map(\.name)
        func map(_ items: [(file: DirectionFile, metrics: DirectionMetrics)], _ title: String) -> ReportPage.Item {
            .plot(
                Plots.heatMap(
                    items.map { item in names.map { item.metrics.row[$0] ?? 0 } }, rows: items.map(\.file.label),
                    columns: names, title: title),
                caption: title
                    + ": mean change of every logit at the strength that gives half of the faces the attribute (at the "
                    + "largest measured where none does). Red rises, blue falls; point at a cell for its value.")
        }
        let before = try directions.compactMap { try plain($0.attribute) }
        let isSame = before.map(\.file.label) == measured.map(\.file.label)
        return ReportPage.Section(
            title: "Entanglement",
            items: (isSame || before.isEmpty ? [] : [map(before, "Before: the plain SVM")])
                + [
                    map(measured, isSame || before.isEmpty ? "Entanglement" : "After"),
                    .source("directions evaluate --json   # `row`"),
                ])
    }

    /// An attribute's first measured SVM from a selection of the ends, nothing projected out.
    private func plain(_ attribute: String) throws -> (file: DirectionFile, metrics: DirectionMetrics)? {
        try versions(attribute).first {
            $0.file.metadata.solver?.name == "svm" && $0.file.metadata.orthogonalTo.isEmpty
                && $0.file.metadata.other["selection_kind"] == nil
        }
    }

    /// All measured versions of an attribute.
    private func versions(_ attribute: String) throws -> [(file: DirectionFile, metrics: DirectionMetrics)] {
        try library.versions(of: attribute).compactMap { version in
            let file = try library.load("\(attribute)@v\(version)")
            return try library.metrics(of: file).map { (file, $0) }
        }
    }

    /// Every measured version of every attribute at the strength that gives half of the faces the attribute.
    func waysOut() throws -> ReportPage.Section? {
        var rows: [[String]] = []
        var isWorthIt = false
        let response = 2.0
        for attribute in directions.map(\.attribute) {
            let all = try versions(attribute)
            if all.count > 1 { isWorthIt = true }
            let base = try plain(attribute)?.metrics
            for (file, metrics) in all {
                var way = file.metadata.solver?.name ?? "imported"
                if file.metadata.other["selection_kind"] == "matched" { way += ", matched selection" }
                if !file.metadata.orthogonalTo.isEmpty {
                    let out = file.metadata.orthogonalTo
                    way += ", without " + (out.count > 2 ? "\(out.count) others" : out.joined(separator: " and "))
                }
                if let faces = file.metadata.other["local_faces"] { way += ", \(faces) calibration faces" }
                func brackets(_ interval: Interval?, _ format: String) -> String {
                    interval.map { String(format: "\(format) (\(format) … \(format))", $0.value, $0.low, $0.high) }
                        ?? ""
                }
                func share(_ mine: Interval?, _ plain: Interval?) -> String {
                    guard let mine, let plain, plain.value > 0 else { return "" }
                    return String(format: "%.2f", mine.value / plain.value)
                }
                let (others, equal) = (metrics.othersAtHalf, metrics.others(atResponse: response))
                rows.append([
                    file.label, way, brackets(equal, "%.2f"), share(equal, base?.others(atResponse: response)),
                    share(metrics.drift(atResponse: response), base?.drift(atResponse: response)),
                    metrics.halfStrength.map { String(format: "%.2f", $0) } ?? "not reached", brackets(others, "%.2f"),
                    share(others, base?.othersAtHalf), share(metrics.driftAtHalf, base?.driftAtHalf),
                    brackets(metrics.identityAtHalf, "%.3f"), "\(metrics.faces)",
                ])
            }
        }
        if !isWorthIt { return nil }
        return ReportPage.Section(
            title: "Ways out of entanglement",
            items: [
                .text(
                    "Mean absolute change of all other logits, face by face, in two places: where the own logit has risen by "
                        + "\(response) on average (between two measured strengths), and at the strength in sigma that gives half "
                        + "of the faces without an attribute that attribute; each also as a multiple of the plain SVM's, and so is the drift, "
                        + "for which the change is averaged over the faces before its size is taken. There too the cosine of the face embeddings. Brackets are 95 % intervals from resampling the faces."
                ),
                .table(
                    .init(
                        columns: [
                            "direction", "way", "others at +2", "of the SVM's", "drift, of the SVM's", "half at",
                            "others there", "of the SVM's", "drift, of the SVM's", "identity there", "faces",
                        ], rows: rows)),
                .source("directions evaluate --direction A@v1,A@v2 --json   # othersAtHalf, identityAtHalf"),
            ])
    }

    // MARK: Pictures

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
            mixtures: usable.map { ($0.label, [(direction: EditDirection($0), weight: Float(1))]) },
            strengths: [0, 1, 2, 3], unit: .sigma, layers: nil, layerCount: generator.identity.styleGAN2Layers)
        let grid = try plan.grid(synthesized(plan.edited())).rendered()
        let names = usable.map(\.label).joined(separator: ",")
        return ReportPage.Section(
            title: "Edits",
            items: [
                .picture(try grid.encodedJPEG(quality: 88), caption: "Each direction on the face of seed \(seed)."),
                .source(
                    "directions edit --direction \(names) --strength 0,1,2,3 --unit sigma --seed \(seed) --out table.png"
                ),
            ])
    }

    func rankings(faces: Int) throws -> ReportPage.Section? {
        if scores.scored == 0 { return nil }
        var items: [ReportPage.Item] = []
        for attribute in attributes where judge.attributes.contains(attribute) {
            try Terminal.context.check()
            let ends = try [true, false].map { highest in
                try store.ranked(
                    attribute, classifier: scores.id, generator: generator.identity.sha256, highest: highest,
                    count: min(faces, scores.scored))
            }
            let images = try synthesized(
                LatentCodes(store.latents(ids: ends.joined().map(\.id)), size: generator.identity.latentSize))
            let rows = [Array(images[..<ends[0].count]), Array(images[ends[0].count...])]
            let grid = try Grid(rows.map { $0.map { Optional($0) } }, rowLabels: ["highest", "lowest"]).rendered()
            items.append(
                .picture(
                    try grid.encodedJPEG(quality: 85),
                    caption: "\(attribute.name): the highest and lowest of \(scores.scored)."))
        }
        items.append(
            .source("directions query --order ATTRIBUTE --limit \(faces) --out top.png   # -ATTRIBUTE for the lowest"))
        return ReportPage.Section(title: "Ends of the rankings", items: items)
    }

    private func synthesized(_ codes: LatentCodes) throws -> [Image] {
        let size = generator.size(128)
        return try generator.synthesizer().synthesize(codes, size: size, noise: .none).images
    }

    // MARK: Scores

    func distributions() throws -> ReportPage.Section? {
        if scores.scored == 0 { return nil }
        let (_, logits) = try store.logits(classifier: scores.id, generator: generator.identity.sha256)
        let width = scores.attributes.count
        let selections = try store.selections()
        var plots: [(svg: String, caption: String)] = []
        for attribute in attributes {
            guard let column = scores.attributes.firstIndex(of: attribute) else { continue }
            var counts = [Int](repeating: 0, count: 48)
            var positive = 0
            let cut = EvaluateCommand.cuts(judge)[column]
            for start in stride(from: column, to: logits.count, by: width) {
                counts[min(47, max(0, Int((logits[start] + 12) * 2)))] += 1
                if logits[start] >= cut { positive += 1 }
            }
            var marks: [(x: Double, text: String)] = []
            if let selection = selections.last(where: { $0.attribute == attribute.name }) {
                let temperature = Double(judge.card.temperatures[column])
                for (p, text) in [(selection.topThreshold, "top"), (selection.bottomThreshold, "bottom")] {
                    let inside = min(max(p, 1e-7), 1 - 1e-7)
                    marks.append((temperature * log(inside / (1 - inside)), text))
                }
            }
            let share = percent(Double(positive) / Double(max(1, logits.count / width)))
            plots.append(
                (
                    Plots.histogram(counts, range: -12...12, marks: marks, title: attribute.name),
                    "\(attribute.name): logits, counts on a logarithmic scale; \(share) have it. Lines: the selection's thresholds."
                ))
        }
        return ReportPage.Section(
            title: "Scores",
            items: [
                .plots(plots),
                .source(
                    "directions query --sql \"SELECT latent, smiling, male FROM scores\"   # probabilities; logits as a blob"
                ),
            ])
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
                .source("the card in the classifier file; Reports/classifier"),
            ])
    }
}
