import Core
import Directions
import Foundation
import Serving
import Testing

/// What the API tells of directions and of the database.
@Suite(.serialized) struct DirectionTests {
    private struct Page: Decodable {
        struct Version: Decodable {
            let version: Int
            let cosine: Double
            let texts: [String: String]
            let metrics: DirectionMetrics?
        }
        let name: String
        let version: Int
        let versions: [Version]
    }

    @Test func putsVersionsSideBySide() throws {
        let running = try ServerTests.Running()
        let first = try running.storeDirection("first", seed: 1)
        try running.storeDirection("first", seed: 2, near: first)
        let answer = Client.ask(running.port, "GET /api/directions/first@v1")
        try #require(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
        let page = try JSONDecoder().decode(Page.self, from: answer.body)
        #expect((page.name, page.version) == ("first", 1))
        #expect(page.versions.map(\.version) == [1, 2])
        let second = try running.session.diff("first@v1", "first@v2").cosine
        #expect(abs(page.versions[0].cosine - 1) < 1e-6)
        #expect(abs(page.versions[1].cosine - second) < 1e-9 && second > 0.5 && second < 0.9)
        #expect(page.versions.allSatisfy { $0.metrics == nil && $0.texts["sigma"] == "1.5" })
        #expect(Client.ask(running.port, "GET /api/directions/first@v3").status == 404)
    }

    @Test func tellsTheDatabasesAttributes() throws {
        let running = try ServerTests.Running()
        #expect(Client.ask(running.port, "GET /api/attributes").status == 404)
        _ = try running.session.sample(SampleRequest(count: 4))
        let answer = Client.ask(running.port, "GET /api/attributes")
        #expect(answer.status == 200)
        let all = Client.ask(running.port, "GET /api/query?limit=3")
        #expect(all.status == 200)
        #expect(String(decoding: all.body, as: UTF8.self).contains("\"rows\":[["))
        for query in [
            "filter=male+%3E+0.5", "order=nothing", "near=77777", "near=x", "limit=0", "filter=%27%3B--",
            "show=male", "show=\(Array(repeating: "male", count: 65).joined(separator: ","))",
        ] {
            let refused = Client.ask(running.port, "GET /api/query?\(query)")
            #expect((400...404).contains(refused.status), "\(query): \(refused.status)")
        }
    }
}
