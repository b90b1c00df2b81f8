import Core
import Foundation
import Testing
import Weights

/// The reader of OpenVINO's graphs, mostly on graphs that lie.
struct OpenVINOGraphTests {
    /// A constant a that feeds a product b.
    private func xml(
        version: String = "10", type: String = "f32", shape: String = "2, 3", offset: String = "4", size: String = "24",
        to: Int = 2
    ) -> String {
        """
        <?xml version="1.0"?><net name="n" version="\(version)"><layers>
        <layer id="1" name="a" type="Const"><data element_type="\(type)" shape="\(shape)" offset="\(offset)" size="\(size)"/></layer>
        <layer id="2" name="b" type="MatMul"><data transpose_b="true"/></layer>
        </layers><edges><edge from-layer="1" from-port="0" to-layer="\(to)" to-port="1"/></edges></net>
        """
    }

    private let weights = (0..<7).reduce(into: Data()) { data, i in
        withUnsafeBytes(of: Float(i)) { data.append(contentsOf: $0) }
    }

    private func graph(_ text: String) throws -> OpenVINOGraph {
        try OpenVINOGraph(xml: Data(text.utf8), weights: weights, name: "net.xml")
    }

    @Test func constantsAndEdgesAreRead() throws {
        let graph = try graph(xml())
        let a = try graph.layer(named: "a")
        #expect(try graph.constant(a) == TensorData([1, 2, 3, 4, 5, 6], shape: [2, 3]))
        #expect(try graph.consumer(of: a, type: "MatMul").name == "b")
        #expect(try graph.input(0, of: graph.layer(named: "b")).id == 1)
        #expect(throws: Failure.self) { try graph.constant(graph.layer(named: "b")) }
        #expect(throws: Failure.self) { try graph.layer(named: "c") }
        #expect(throws: Failure.self) { try graph.input(1, of: a) }
    }

    @Test func constantsThatLieAreRefusedByName() throws {
        let lies = [
            xml(offset: "8"), xml(offset: "-4"), xml(offset: "9223372036854775807"), xml(offset: "x"),
            xml(shape: "2, 4"), xml(shape: "-2, -3"), xml(shape: "4294967296, 4294967296, 4294967296"),
            xml(shape: "2, y"),
            xml(size: "28"), xml(shape: "1000000000, 1000", size: "4000000000000"), xml(size: "-24"), xml(type: "f8"),
        ]
        for lie in lies {
            let failure = #expect(throws: Failure.self, "\(lie)") {
                let graph = try graph(lie)
                return try graph.constant(graph.layer(named: "a"))
            }
            #expect(failure?.description.contains("net.xml") == true)
            #expect(failure?.description.contains(" a") == true)
        }
    }

    @Test func brokenGraphsAreRefused() {
        let text = xml()
        let bomb = "<!DOCTYPE n [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>"
        let broken = [
            "", "{}", String(text.prefix(text.count / 2)), xml(version: "11"), xml(to: 9),
            text.replacingOccurrences(of: "<net", with: bomb + "<net"),
            text.replacingOccurrences(of: "id=\"2\"", with: "id=\"1\""),
            text.replacingOccurrences(of: "id=\"2\"", with: "id=\"99999999999999999999\""),
        ]
        for text in broken { #expect(throws: Failure.self, "\(text)") { try graph(text) } }
    }
}
