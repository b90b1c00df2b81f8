import Core
import Foundation
import LatentStore
import Testing

import Selection

@Suite struct MatchingTests {
    /// Two attributes that go together: b follows a, and is what a naive selection would also pick.
    private func logits(_ count: Int) -> [Float] {
        let noise = LatentNoise(seed: 1, size: 4).rows(0..<UInt64(count))
        return (0..<count).flatMap { row in
            let a = noise[4 * row]
            return [a, 0.8 * a + 0.6 * noise[4 * row + 1], noise[4 * row + 2]]
        }
    }

    @Test func partnersAreAlikeInAllButTheAttribute() throws {
        let count = 4000
        let logits = logits(count)
        let order = (0..<count).sorted { logits[3 * $0] > logits[3 * $1] }
        let top = Array(order.prefix(200))
        let matching = Matching(logits: logits, attributes: 3, leavingOut: 0)
        let partners = try matching.partners(of: top, among: Array(order[(count / 2)...]))
        #expect(Set(partners).count == 200)
        func mean(_ rows: [Int], _ column: Int) -> Float {
            rows.reduce(0) { $0 + logits[3 * $1 + column] } / Float(rows.count)
        }
        // The lowest scores differ by about 4 in b; the partners hardly, and still lack a.
        #expect(mean(top, 1) - mean(Array(order.suffix(200)), 1) > 3)
        #expect(abs(mean(top, 1) - mean(partners, 1)) < 1.2)
        #expect(mean(top, 0) - mean(partners, 0) > 2)
    }

    @Test func theNearestIsTakenAndOnlyOnce() throws {
        let logits: [Float] = [5, 1, 0, 5, 1, 0, -5, 1, 0, -5, 1.5, 0, -5, -3, 0]
        let matching = Matching(logits: logits, attributes: 3, leavingOut: 0)
        #expect(try matching.partners(of: [0, 1], among: [4, 3, 2]) == [2, 3])
        #expect(try matching.partners(of: [0, 1], among: [4]) == [4])
    }

    @Test func aMatchedSelectionIsRecordedAsOne() throws {
        let folder = NSTemporaryDirectory() + "matching-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try AtomicFile.makeFolder(folder)
        let store = try LatentStore.open(folder + "/latents.sqlite")
        let generator = GeneratorRecord(
            sha256: "g", name: "g", architecture: "stylegan2", resolution: 8, latentSize: 2, layers: 2)
        let set = try store.sampleSet(generator: generator, seed: 0, psi: 1, meanLatent: [0, 0])
        let count = 200
        try store.insert([Float](repeating: 0, count: 2 * count), into: set, first: 0)
        let attributes = try ["Bald", "Male", "Smiling"].map { try Attribute.named($0) }
        let judge = try store.registerClassifier(sha256: "c", name: "c", attributes: attributes)
        let (ids, _) = try store.unscored(classifier: judge, generator: "g", after: -1, limit: count)
        let logits = logits(count)
        try store.insertScores(
            classifier: judge, attributes: attributes, ids: ids, logits: logits,
            probabilities: logits.map { 1 / (1 + exp(-$0)) })
        let classifier = try store.classifier("c")
        let plain = try Selector(store: store).select(
            attributes[0], classifier: classifier, generator: "g", top: 20, bottom: 20)
        let matched = try Selector(store: store).select(
            attributes[0], classifier: classifier, generator: "g", top: 20, bottom: nil, isMatched: true)
        #expect(!plain.isMatched && matched.isMatched)
        #expect(matched.top == 20 && matched.bottom == 20 && matched.bottomThreshold < 0.5)
        #expect(matched.bottomThreshold > plain.bottomThreshold)
        #expect(try store.members(of: matched.id, label: 1) == store.members(of: plain.id, label: 1))
        #expect(try store.latestSelection(attributes[0], generator: "g").id == matched.id)

        // Within a population both ends are of it, and the best and worst of it.
        let filter = "male > 0.6 and smiling < 0.8"
        let among = try Selector(store: store).select(
            attributes[0], classifier: classifier, generator: "g", top: 15, bottom: 12, among: filter)
        let inside = (0..<count).filter { row in
            let (male, smiling) = (1 / (1 + exp(-logits[3 * row + 1])), 1 / (1 + exp(-logits[3 * row + 2])))
            return male > 0.6 && smiling < 0.8
        }.sorted { logits[3 * $0] > logits[3 * $1] }
        #expect(among.among == filter && plain.among == "" && among.scored == inside.count && inside.count < count / 2)
        #expect(try store.members(of: among.id, label: 1) == inside.prefix(15).map { ids[$0] })
        #expect(try store.members(of: among.id, label: -1) == inside.suffix(12).reversed().map { ids[$0] })
        #expect(try store.latestSelection(attributes[0], generator: "g") == among)
        // The same again is the same one; among all is another.
        let again = try Selector(store: store).select(
            attributes[0], classifier: classifier, generator: "g", top: 15, bottom: 12, among: filter)
        #expect(again.id == among.id && again.fingerprint != plain.fingerprint)
        let matchedAmong = try Selector(store: store).select(
            attributes[0], classifier: classifier, generator: "g", top: 10, bottom: nil, isMatched: true,
            among: filter)
        let partners = try store.members(of: matchedAmong.id, label: -1)
        #expect(partners.count == 10 && Set(partners).isSubset(of: inside.map { ids[$0] }))
        for (wrong, kind) in [("male > 2", Failure.Kind.notFound), ("hat > 0.5", .usage), ("male >", .usage)] {
            let failure = #expect(throws: Failure.self) {
                try Selector(store: store).select(
                    attributes[0], classifier: classifier, generator: "g", top: 5, bottom: 5, among: wrong)
            }
            #expect(failure?.kind == kind, "\(wrong)")
        }
    }
}
