import Core
import Foundation
import LatentStore
import Testing

@Suite struct MergeTests {
    /// Everything that merging is about.
    private func content(_ store: LatentStore) throws -> String {
        try store.answer(
            """
            SELECT t.seed, t.psi, l.id & 4294967295, hex(l.w), s.eyeglasses, s.male, hex(s.logits), CAST(h.jpeg AS TEXT) FROM latents l
            JOIN sample_sets t ON t.id = l.sample_set LEFT JOIN scores s ON s.latent = l.id
            LEFT JOIN thumbnails h ON h.latent = l.id ORDER BY t.seed, t.psi, l.id
            """)
    }

    @Test func shardsInAnyOrderAreTheWhole() throws {
        let (whole, shards) = (SmallDatabase(), (0..<3).map { _ in SmallDatabase() })
        let store = try LatentStore.open(whole.path)
        try whole.fill(store)
        for (number, shard) in shards.enumerated() {
            try shard.fill(LatentStore.open(shard.path), indices: number * 20 / 3..<(number + 1) * 20 / 3)
        }
        for order in [[0, 1, 2], [2, 0, 1]] {
            let merged = SmallDatabase()
            let target = try LatentStore.open(merged.path)
            let counts = try order.map { try target.merge(shards[$0].path) }
            #expect(counts.map(\.latents).reduce(0, +) == 20 && counts.map(\.scores).reduce(0, +) == 20)
            #expect(try content(target) == content(store))
            for number in order { #expect(try target.merge(shards[number].path) == (0, 0)) }
            #expect(try content(target) == content(store))
        }
    }

    @Test func setsAndClassifiersAreMatchedByWhatTheyAreNotByNumber() throws {
        let (one, other) = (SmallDatabase(), SmallDatabase())
        let store = try LatentStore.open(one.path)
        try one.fill(store, seed: 0)
        let shard = try LatentStore.open(other.path)
        // There the second set is this one's first, and another classifier has the first number.
        _ = try shard.registerClassifier(sha256: "c0", name: "older", attributes: SmallDatabase.attributes)
        try other.fill(shard, seed: 7, thumbnails: true)
        try other.fill(shard, seed: 0, indices: 10..<30, thumbnails: true)
        #expect(try store.merge(other.path) == (30, 30))
        #expect(try store.sampleSets().map { $0.set.seed } == [0, 7])
        #expect(try store.answer("SELECT count(*) FROM latents WHERE sample_set - 1 <> id >> 32") == "0")
        let whole = SmallDatabase()
        let expected = try LatentStore.open(whole.path)
        try whole.fill(expected, seed: 0, indices: 0..<30)
        try whole.fill(expected, seed: 7)
        let scores = "SELECT latent, eyeglasses, hex(logits) FROM scores ORDER BY latent"
        #expect(try store.answer(scores) == expected.answer(scores))
        #expect(
            try store.answer("SELECT DISTINCT c.sha256 FROM scores s JOIN classifiers c ON c.id = s.classifier") == "c1"
        )
        // Thumbnails come along, under the numbers that their latents have here: shard set 2 is set 1 here.
        #expect(try store.answer("SELECT count(*), min(latent) FROM thumbnails") == "40|10")
        #expect(
            try store.answer("SELECT CAST(jpeg AS TEXT) FROM thumbnails WHERE latent = 29") == "jpeg \(1 << 32 + 29)")
    }

    @Test func anotherMeanLatentAndOtherFilesAreRefused() throws {
        let (one, other) = (SmallDatabase(), SmallDatabase())
        let store = try LatentStore.open(one.path)
        try one.fill(store)
        try other.fill(LatentStore.open(other.path), indices: 20..<30, mean: 0.25)
        let before = try content(store)
        #expect { try store.merge(other.path) } throws: { "\($0)".contains("another mean latent") }
        #expect { try store.merge(one.folder + "/none.sqlite") } throws: { "\($0)".contains("does not exist") }
        try AtomicFile.write(String(repeating: "x", count: 100), to: one.folder + "/text.sqlite")
        #expect { try store.merge(one.folder + "/text.sqlite") } throws: {
            "\($0)".contains("is not a latent database")
        }
        #expect(try content(store) == before)
    }
}
