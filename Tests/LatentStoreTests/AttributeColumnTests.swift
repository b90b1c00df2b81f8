import Core
import Foundation
import LatentStore
import Testing

/// Columns of `scores` follow the classifiers: registering, ranking, filters, merging, and upgrades from version 1 on.
@Suite struct AttributeColumnTests {
    /// A database in a folder of its own.
    private final class Scored {
        let folder = NSTemporaryDirectory() + "columns-\(UUID().uuidString)"
        var path: String { folder + "/latents.sqlite" }
        deinit { try? FileManager.default.removeItem(atPath: folder) }

        /// Twelve latents, of which a classifier says the same: the k-th attribute of latent i is ((i + 5k) mod 12) / 12.
        @discardableResult
        func fill(_ attributes: [String], sha256: String, seed: UInt64 = 0) throws -> LatentStore {
            let store = try LatentStore.open(path)
            let generator = GeneratorRecord(
                sha256: "g", name: "g", architecture: "toy", resolution: 8, latentSize: 2, layers: 1)
            let set = try store.sampleSet(generator: generator, seed: seed, psi: 1, meanLatent: [0, 0])
            try store.insert((0..<24).map { Float($0) }, into: set, first: 0)
            let list = try attributes.map { try Attribute.named($0) }
            let judge = try store.registerClassifier(sha256: sha256, name: sha256, attributes: list)
            let values = (0..<12).flatMap { (i: Int) -> [Float] in list.indices.map { Float((i + 5 * $0) % 12) / 12 } }
            try store.insertScores(
                classifier: judge, attributes: list, ids: (0..<12).map { set.latentID(index: $0) }, logits: values,
                probabilities: values)
            try store.indexScores(list)
            return store
        }

        /// A database of version 1 with these statements.
        func makeOld(_ sql: String) throws {
            try AtomicFile.makeFolder(folder)
            try SmallDatabase.byHand(
                LatentStore.migrations[0].sql
                    + "\nPRAGMA application_id = \(LatentStore.applicationID); PRAGMA user_version = 1;" + sql, in: path
            )
        }
    }

    private func columns(_ store: LatentStore) throws -> Set<String> {
        Set(try store.answer("SELECT name FROM pragma_table_info('scores')").split(separator: "\n").map(String.init))
    }

    private let fixed: Set<String> = ["classifier", "latent", "logits"]

    @Test func columnsFollowTheClassifiers() throws {
        let database = Scored()
        let empty = try LatentStore.open(database.path)
        #expect(try columns(empty) == fixed && empty.attributes().isEmpty)
        var store = try database.fill(["hat", "Age_Over_40"], sha256: "own")
        #expect(try columns(store) == fixed.union(["hat", "age_over_40"]))
        store = try database.fill(["Smiling", "hat"], sha256: "second")
        #expect(try columns(store) == fixed.union(["hat", "age_over_40", "smiling"]))
        #expect(try store.attributes().map(\.name) == ["Age_Over_40", "hat", "Smiling"])
        #expect(
            try store.answer("SELECT latent, hat FROM scores WHERE classifier = 1 AND hat > 0.9")
                == "11|\(Float(11) / 12)"
                || store.answer("SELECT latent FROM scores WHERE classifier = 1 AND hat > 0.9") == "11")
        #expect(try store.answer("SELECT count(*) FROM scores WHERE smiling IS NULL") == "12")
        #expect(
            try store.classifiers().map { $0.attributes.map(\.slug) } == [["hat", "age_over_40"], ["smiling", "hat"]])
    }

    @Test func theClassifierThatKnowsWhatIsAskedForCounts() throws {
        let database = Scored()
        try database.fill(["hat", "age"], sha256: "own")
        let store = try database.fill(["smiling"], sha256: "faces")
        let (age, hta) = (try Attribute.named("age"), try Attribute.named("hta"))
        #expect(try store.classifier(nil).name == "faces")
        #expect(try store.classifier(nil, scoring: [age]).name == "own")
        #expect { try store.classifier("faces", scoring: [age]) } throws: { "\($0)".contains("not scored by") }
        for ask in [
            { _ = try store.classifier(nil, scoring: [hta]) },
            { _ = try store.ranked(hta, classifier: 1, generator: "g", highest: true, count: 1) },
            { _ = try store.scoredCount(hta, classifier: 1, generator: "g") },
            { _ = try store.latestSelection(hta, generator: "g") },
        ] as [() throws -> Void] {
            #expect { try ask() } throws: { "\($0)".contains("hat") && ($0 as? Failure)?.kind == .usage }
        }
        let best = try store.ranked(age, classifier: 1, generator: "g", highest: true, count: 2)
        #expect(best.map(\.id) == [6, 5])
        let record = try store.record(
            attribute: age, classifier: store.classifier("own"), generator: "g", top: best, bottom: [(7, 0)], scored: 12
        )
        #expect(try store.latestSelection(.named("AGE"), generator: "g") == record)
    }

    @Test func filtersKnowTheColumnsThatAreThere() throws {
        let database = Scored()
        let store = try database.fill(["hat", "age"], sha256: "own")
        func run(_ filter: String, order: String? = nil) throws -> [String] {
            var query = try LatentQuery(filter: Filter(filter), order: order, limit: 20)
            query.classifier = 1
            return try query.run(store).rows.map { $0[0].text }
        }
        #expect(try run("hat >= 0.5 and age < 0.5") == ["7", "8", "9", "10", "11"])
        #expect(try run("hat > 0.7", order: "-age") == ["9", "10", "11"])
        #expect { try run("hat > 0.5 and aeg < 1") } throws: {
            "\($0)".contains("did you mean age") && "\($0)".contains("                ^")
        }
        #expect { try run("hat > 0.5", order: "smilin") } throws: { "\($0)".contains("order") }
        #expect { try run("smiling > 0.5") } throws: { ($0 as? Failure)?.kind == .usage }
    }

    @Test func shardsWithOtherColumnsMerge() throws {
        let (one, other) = (Scored(), Scored())
        let store = try one.fill(["hat", "age"], sha256: "own")
        try other.fill(["hat", "age"], sha256: "own", seed: 5)
        try other.fill(["name", "w", "smiling"], sha256: "more", seed: 5)
        #expect(try store.merge(other.path) == (12, 24))
        #expect(try columns(store) == fixed.union(["hat", "age", "name", "w", "smiling"]))
        #expect(try store.answer("SELECT count(hat), count(smiling), count(w) FROM scores") == "24|12|12")
        #expect(
            try store.answer("SELECT age FROM scores WHERE hat IS NOT NULL AND latent = 3")
                == store.answer("SELECT age FROM scores WHERE hat IS NOT NULL AND latent = \(1 << 32 + 3)"))
        #expect(
            try store.answer(
                "SELECT count(*) FROM scores s JOIN classifiers c ON c.id = s.classifier WHERE c.name = 'more' AND s.name IS NOT NULL"
            ) == "12")
        #expect(try store.merge(other.path) == (0, 0))
    }

    /// What version 1 held stays, under its columns; those that nobody scores go.
    @Test func version1BecomesTheNewestWithoutLoss() throws {
        let database = Scored()
        let rows = (0..<50).map { "(1, \($0), \(Double($0) / 64), \(1 - Double($0) / 64), x'0000803f00000040')" }
        try database.makeOld(
            """
            INSERT INTO generators VALUES (1, 'g', 'default', 'mobilestylegan', 1024, 2, 23);
            INSERT INTO classifiers VALUES (1, 'c', 'faces', '["Eyeglasses","5_o_Clock_Shadow"]');
            INSERT INTO sample_sets VALUES (1, 1, 0, 1.0, zeroblob(8), '2026-01-01T00:00:00Z');
            INSERT INTO latents SELECT value, 1, zeroblob(8) FROM json_each('[\((0..<50).map(String.init).joined(separator: ","))]');
            INSERT INTO scores (classifier, latent, eyeglasses, "5_o_clock_shadow", logits) VALUES \(rows.joined(separator: ", "));
            CREATE INDEX scores_eyeglasses ON scores (eyeglasses); CREATE INDEX scores_bald ON scores (bald);
            """)
        let store = try LatentStore.open(database.path)
        #expect(try columns(store) == fixed.union(["eyeglasses", "5_o_clock_shadow"]))
        #expect(try store.attributes().map(\.name) == ["5_o_Clock_Shadow", "Eyeglasses"])
        #expect(
            try store.answer("SELECT sum(eyeglasses * 64), sum(\"5_o_clock_shadow\" * 64), count(*) FROM scores")
                == "1225.0|1975.0|50")
        #expect(try store.answer("SELECT DISTINCT hex(logits) FROM scores") == "0000803F00000040")
        #expect(
            try store.answer("SELECT name FROM sqlite_schema WHERE name LIKE 'scores\\_%' ESCAPE '\\'")
                == "scores_eyeglasses")
    }
}
