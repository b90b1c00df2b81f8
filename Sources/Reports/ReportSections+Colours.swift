import ColourEvaluation
import ImageMetrics
import LatentStore
import Reporting

extension ReportSections {
    /// What ways to colour grey photographs are worth, where that was measured.
    func colours() throws -> ReportPage.Section? {
        guard let run = try store.newestColorizationRun() else { return nil }
        let rows = run.rows.map { row in
            ColourTable.Row(
                method: row.method, title: row.title,
                figures: Dictionary(
                    row.figures.map { figure in
                        (
                            figure.name,
                            Bootstrap.Estimate(
                                value: figure.value, low: figure.low ?? figure.value, high: figure.high ?? figure.value)
                        )
                    }, uniquingKeysWith: { first, _ in first }))
        }
        let (heads, cells) = ColourTable(count: run.count, rows: rows).cells
        let against = run.reference == nil ? "the true pictures" : "other photographs"
        return ReportPage.Section(
            title: "Colours for grey photographs",
            items: [
                .table(.init(columns: heads, rows: cells)),
                .text(
                    "\(run.count) photographs at 256 pixels, grey by Rec. 601; FID and KID against \(against). L2 and LPIPS prefer "
                        + "tints, which dare no colours: colourfulness and dE (CIEDE2000) by region say what they miss. The paper's rows "
                        + "are of its own pictures, do not keep the luminance, and have FFHQ as reference."),
            ] + source(.colours))
    }
}
