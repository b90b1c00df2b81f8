import Inversion
import Reporting

extension ReportSections {
    /// What ways to find codes of photographs are worth, where that was measured.
    func inversion() -> ReportPage.Section? {
        if inversions.isEmpty { return nil }
        let tables = inversions.flatMap { table -> [ReportPage.Item] in
            let (heads, rows) = table.cells
            let seen = table.isGrey ? "grey by Rec. 601 and compared in colour" : "in colour"
            return [
                .table(.init(columns: heads, rows: rows)),
                .text("\(table.count) photographs, \(seen), at 256 pixels; generator \(table.generator)."),
            ]
        }
        return ReportPage.Section(
            title: "Codes of photographs",
            items: tables + [
                .text(
                    "Published rows are of CelebA-HQ's test part with StyleGAN2-FFHQ; their identity is by another network, their "
                        + "seconds are of another machine.")
            ] + source(.inversion))
    }
}
