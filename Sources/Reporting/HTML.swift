/// Pieces of HTML.
enum HTML {
    /// A text as HTML shows it, in an element or in an attribute.
    static func text(_ text: String) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }

    static func caption(_ caption: String) -> String { "<figcaption>\(text(caption))</figcaption>" }

    /// The page's style sheet.
    static let style = """
        body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 0 auto; padding: 1rem; }
        h1 { font-size: 1.7rem; } h2 { font-size: 1.25rem; border-bottom: 1px solid #ccc; margin-top: 2.2rem; }
        nav { columns: 3 12rem; font-size: .9rem; }
        .wide { overflow-x: auto; }
        table { border-collapse: collapse; font-size: .85rem; }
        th, td { padding: .15rem .55rem; border-bottom: 1px solid #e4e4e4; text-align: right; white-space: nowrap; }
        th:first-child, td:first-child { text-align: left; }
        figure { margin: 1rem 0; } figcaption { font-size: .85rem; color: #555; }
        img { max-width: 100%; height: auto; display: block; }
        svg { width: 100%; height: auto; display: block; }
        .plot { max-width: calc(1.1px * var(--width)); }
        .small { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1rem; }
        .small figure { margin: 0; }
        code { display: block; background: #f5f5f5; padding: .4rem .6rem; font-size: .8rem; overflow-x: auto; white-space: pre-wrap; }
        @media print { body { max-width: none; font-size: 10pt; } section { break-inside: avoid-page; } nav { display: none; } }
        """
}
