import Foundation

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

    /// The page, with what it shows inside it.
    public func html() -> String {
        let parts = sections.enumerated()
        let links = parts.map { "<div><a href=\"#s\($0)\">\(HTML.text($1.title))</a></div>" }.joined()
        let body = parts.map { number, section in
            """
            <section id="s\(number)">
            <h2>\(HTML.text(section.title))</h2>
            \(section.items.map(\.html).joined(separator: "\n"))
            </section>

            """
        }
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(HTML.text(title))</title>
            <style>
            \(HTML.style)
            </style>
            </head>
            <body>
            <h1>\(HTML.text(title))</h1>
            <p>\(HTML.text(summary))</p>
            <nav>\(links)</nav>
            \(body.joined())</body>
            </html>

            """
    }
}

extension ReportPage.Item {
    fileprivate var html: String {
        switch self {
        case .text(let text): "<p>\(HTML.text(text))</p>"
        case .table(let table): table.html
        case .plot(let svg, let caption):
            "<figure class=\"plot\" style=\"--width: \(Plots.width(svg))\">\(svg)\(HTML.caption(caption))</figure>"
        case .plots(let plots):
            "<div class=\"small\">\(plots.map { "<figure>\($0.svg)\(HTML.caption($0.caption))</figure>" }.joined())</div>"
        case .picture(let jpeg, let caption):
            """
            <figure><img alt="\(HTML.text(caption))" src="data:image/jpeg;base64,\(jpeg.base64EncodedString())">\
            \(HTML.caption(caption))</figure>
            """
        case .source(let text): "<code>\(HTML.text(text))</code>"
        }
    }
}

extension ReportPage.Table {
    fileprivate var html: String {
        func cells(_ texts: [String], _ tag: String) -> String {
            texts.map { "<\(tag)>\(HTML.text($0))</\(tag)>" }.joined()
        }
        return """
            <div class="wide"><table><thead><tr>\(cells(columns, "th"))</tr></thead><tbody>
            \(rows.map { "<tr>\(cells($0, "td"))</tr>\n" }.joined())</tbody></table></div>
            """
    }
}
