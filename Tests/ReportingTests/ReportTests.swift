import Foundation
import FoundationXML
import Reporting
import Testing

@Suite struct ReportTests {
    @Test func thePageHoldsEverythingAndEscapesIt() throws {
        let page = ReportPage(
            title: "A <b>title</b>", summary: "one & two",
            sections: [
                .init(
                    title: "First",
                    items: [
                        .text("x < y"), .table(.init(columns: ["a", "b"], rows: [["1", "2"], ["3", "<4>"]])),
                        .plot("<svg><title>t</title></svg>", caption: "a plot"),
                        .plots([(svg: "<svg id=\"p\"/>", caption: "small")]),
                        .picture(Data([1, 2, 3]), caption: "a picture"), .source("SELECT 1"),
                    ])
            ])
        let html = page.html()
        #expect(html.contains("A &lt;b&gt;title") && html.contains("x &lt; y") && html.contains("<td>&lt;4&gt;</td>"))
        #expect(html.contains("<svg><title>t</title></svg>") && html.contains("<svg id=\"p\"/>"))
        #expect(html.contains("data:image/jpeg;base64,AQID") && html.contains("<code>SELECT 1</code>"))
        #expect(html.contains("<th>a</th><th>b</th>") && html.contains("<td>1</td><td>2</td>"))
        #expect(!html.contains("http://") || !html.contains("src=\"http"))
    }

    @Test func plotsAreWellFormedWhateverTheNumbers() throws {
        let curve = Plots.Curve(name: "a & b", points: [(x: 1, y: 2, low: 1, high: 3)])
        for svg in [
            Plots.histogram([0, 0, 0], range: -1...1, marks: [], title: "empty"),
            Plots.histogram([1, 100, 0], range: -1...1, marks: [(9, "far")], title: "<x>"),
            Plots.curves([], x: "x", y: "y", title: "none"), Plots.curves([curve], x: "x", y: "y", title: "one"),
            Plots.heatMap([], rows: [], columns: [], title: "none"),
            Plots.heatMap([[1, -1], [0, 0]], rows: ["a", "b"], columns: ["c", "<d>"], title: "four"),
        ] {
            #expect(XMLParser(data: Data(svg.utf8)).parse(), "\(svg)")
            #expect(!svg.contains("nan") && !svg.contains("inf"))
        }
    }
}
