import Core
import Foundation
import LatentStore
import Testing

@Suite struct PhotographTests {
    private static func record(_ photograph: String, settings: String = "{}", first: Float = 1) -> InversionRecord {
        InversionRecord(
            key: InversionKey(photograph: photograph, generator: "g1", method: "optimise", settings: settings),
            code: (0..<24).map { first + Float($0) }, ownCode: (0..<16).map { first - Float($0) }, error: 0.02,
            perceptual: 0.125, identity: nil, steps: 100, seconds: 12.5)
    }

    private static func photograph(_ sha256: String, path: String = "me.jpg") -> PhotographRecord {
        PhotographRecord(sha256: sha256, path: path, width: 640, height: 480)
    }

    @Test func codesOfPhotographsAreKeptByWhatIsInTheFile() throws {
        let database = SmallDatabase()
        let store = try LatentStore.open(database.path)
        let (a, b) = (Self.record("p1"), Self.record("p2", first: 3))
        try store.insert([(Self.photograph("p1"), a), (Self.photograph("p2"), b)], generator: database.generator)
        #expect(try store.inversion(a.key) == a && store.inversion(b.key) == b)
        #expect(try store.inversion(Self.record("p3").key) == nil)
        // A picture that moved is the same picture; another budget is another inversion, and the newest comes first.
        let slow = Self.record("p1", settings: "{\"seconds\":90}", first: 5)
        try store.insert([(Self.photograph("p1", path: "moved.jpg"), slow)], generator: database.generator)
        #expect(try store.answer("SELECT count(*), max(path) FROM photographs") == "2|moved.jpg")
        #expect(try store.inversions(ofPhotograph: "p1", generator: "g1") == [slow, a])
        #expect(try store.inversions(ofPhotograph: "p1", generator: "g2").isEmpty)
        // The same again takes the old one's place.
        try store.insert(
            [(Self.photograph("p1"), Self.record("p1", first: 9))], generator: database.generator)
        #expect(try store.inversion(a.key)?.code[0] == 9)
        #expect(try store.answer("SELECT count(*) FROM inversions") == "3")
    }

    @Test func codesGoWithTheirPhotograph() throws {
        let database = SmallDatabase()
        let store = try LatentStore.open(database.path)
        try store.insert([(Self.photograph("p1"), Self.record("p1"))], generator: database.generator)
        try database.byHand("DELETE FROM photographs")
        #expect(try store.answer("SELECT count(*) FROM inversions") == "0")
    }
}
