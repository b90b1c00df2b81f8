import LatentStore
import Testing

@Suite struct ColorizationTests {
    @Test func tablesComeBackAsTheyWere() throws {
        let database = SmallDatabase()
        let store = try LatentStore.open(database.path)
        #expect(try store.newestColorizationRun() == nil)
        let run = ColorizationRun(
            pictures: "ab", folder: "test", count: 3, reference: nil,
            rows: [
                .init(method: "tint", title: "a tint", figures: [.init(name: "l2", value: 0.5, low: 0.4, high: 0.6)]),
                .init(method: "tint", title: "another", figures: [.init(name: "fid", value: 9)]),
            ])
        try store.insert(run)
        #expect(try store.newestColorizationRun() == run)
        try store.insert(ColorizationRun(pictures: "cd", folder: "other", count: 1, reference: "train", rows: run.rows))
        #expect(try store.newestColorizationRun()?.reference == "train")
    }
}
