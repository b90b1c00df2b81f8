import Core
import Foundation
import Mustache

/// A page that a person can read and send on: one HTML file with everything inside.
public struct ReportPage: Sendable {
    /// A table with a line of text under it.
    public struct Table: Sendable {
        public var columns: [String]
        public var rows: [[String]]

        public init(columns: [String], rows: [[String]]) {
            self.columns = columns
            self.rows = rows
        }
    }

    /// What stands in a section, in the order given.
    public enum Item: Sendable {
        case text(String)
        case table(Table)
        /// SVG, and what it shows.
        case plot(String, caption: String)
        /// Small plots side by side, each with a caption.
        case plots([(svg: String, caption: String)])
        /// A JPEG, and what it shows.
        case picture(Data, caption: String)
        /// The command or the SQL that gives the figures above.
        case source(String)
    }

    /// A heading and what stands under it.
    public struct Section: Sendable {
        public var title: String
        public var items: [Item]

        public init(title: String, items: [Item]) {
            self.title = title
            self.items = items
        }
    }

    public var title: String
    public var summary: String
    public var sections: [Section]

    public init(title: String, summary: String, sections: [Section]) {
        self.title = title
        self.summary = summary
        self.sections = sections
    }

    /// The page.
    ///
    /// - Throws: ``Failure`` when the template is missing from the installation or damaged.
    public func html() throws -> String {
        guard let path = Bundle.module.path(forResource: "report", ofType: "mustache", inDirectory: "Resources") else {
            throw Failure("report template", "is missing beside the program", "install the program with its resources")
        }
        let template = try MustacheTemplate(string: String(decoding: AtomicFile.read(path), as: UTF8.self))
        let content: [String: Any] = [
            "title": title, "summary": summary,
            "sections": sections.enumerated().map { number, section -> [String: Any] in
                ["number": number, "title": section.title, "items": section.items.map(ReportPage.object)]
            },
        ]
        return template.render(content)
    }

    /// An item as the template knows it: one key that says what it is.
    private static func object(_ item: Item) -> [String: Any] {
        switch item {
        case .text(let text): return ["text": text]
        case .table(let table):
            let rows = table.rows.map { row in ["cells": row] }
            return ["table": ["columns": table.columns, "rows": rows] as [String: Any]]
        case .plot(let svg, let caption): return ["plot": ["svg": svg, "caption": caption, "width": Plots.width(svg)]]
        case .plots(let plots):
            return ["plots": ["list": plots.map { ["svg": $0.svg, "caption": $0.caption] }]]
        case .picture(let jpeg, let caption):
            return ["picture": ["data": jpeg.base64EncodedString(), "caption": caption]]
        case .source(let text): return ["source": text]
        }
    }
}
