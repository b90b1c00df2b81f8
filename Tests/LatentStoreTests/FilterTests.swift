import Core
import Foundation
import LatentStore
import Testing

@Suite struct FilterTests {
    @Test(arguments: [
        ("eyeglasses > 0.9", "s.\"eyeglasses\" > :p0", [0.9]),
        ("Eyeglasses>.9 AND male<1e-1", "s.\"eyeglasses\" > :p0 AND s.\"male\" < :p1", [0.9, 0.1]),
        ("not (id = 3 or id in (4, 5))", "NOT ((((l.id = :p0 OR l.id IN (:p1, :p2)))))", [3, 4, 5]),
        ("psi between -1 and +2", "t.psi BETWEEN :p0 AND :p1", [-1, 2]),
        ("black-hair == 1", "s.\"black_hair\" = :p0", [1]),
        ("Black_Hair != 1", "s.\"black_hair\" != :p0", [1]), ("", "1", []),
        ("near(7) >= 0.5", "cosine(l.w, (SELECT w FROM latents WHERE id = 7)) >= :p0", [0.5]),
    ])
    func filtersBecomeSQLWithParameters(text: String, sql: String, values: [Double]) throws {
        let filter = try Filter(text)
        func plain(_ sql: String) -> String { sql.replacing("(", with: "").replacing(")", with: "") }
        #expect(plain(filter.sql) == plain(sql))
        #expect(filter.arguments.sorted { $0.key < $1.key }.map(\.value) == values.map { .real($0) })
    }

    @Test(arguments: [
        ("eyeglasses >", "a number is missing"),
        ("eyeglasses", "a comparison is missing"), ("(id = 1", "`)` is missing"), ("id = 1)", "is not expected here"),
        ("id = one", "`one` is not a number"), ("id ~ 1", "means nothing here"),
        ("id = 1 id = 2", "is not expected here"),
        ("id between 1 or 2", "`and` is missing"), ("id in 1", "`(` is missing"), ("id = nan", "is not a number"),
        ("near(1.5) > 0", "near() takes a latent's id"), ("id = 1; DROP TABLE latents", "means nothing here"),
        ("id = '1'", "means nothing here"), (String(repeating: "(", count: 500) + "id = 1", "nested too deeply"),
    ])
    func mistakesAreShownWhereTheyAre(text: String, expected: String) {
        #expect {
            try Filter(text)
        } throws: { "\($0)".contains(expected) && ($0 as? Failure)?.kind == .usage }
    }

    /// Filters with what they mean, by the seed and index of a latent.
    private static let meanings: [(String, @Sendable (UInt64, Int) -> Bool)] = [
        (
            "eyeglasses > 0.5 and male < 0.5",
            { SmallDatabase.score($0, $1, 0) > 0.5 && SmallDatabase.score($0, $1, 1) < 0.5 }
        ),
        (
            "eyeglasses > 0.5 or male < 0.2 and not seed = 3",
            {
                SmallDatabase.score($0, $1, 0) > 0.5 || (SmallDatabase.score($0, $1, 1) < 0.2 && $0 != 3)
            }
        ),
        (
            "(eyeglasses > 0.5 or male < 0.2) and not seed = 3",
            {
                (SmallDatabase.score($0, $1, 0) > 0.5 || SmallDatabase.score($0, $1, 1) < 0.2) && $0 != 3
            }
        ),
        ("index in (2, 4, 19) and set = 2", { [2, 4, 19].contains($1) && $0 == 3 }),
        ("not index between 3 and 17", { !(3...17).contains($1) }),
        (
            "norm > 18",
            { seed, index in
                (0..<SmallDatabase.size).reduce(0.0) { $0 + Double(pow(SmallDatabase.value(seed, index, $1), 2)) }
                    .squareRoot() > 18
            }
        ),
        (
            "distance <= 18",
            { seed, index in
                (0..<SmallDatabase.size).reduce(0.0) { $0 + Double(pow(SmallDatabase.value(seed, index, $1) - 0.5, 2)) }
                    .squareRoot() <= 18
            }
        ),
    ]

    @Test(arguments: meanings.indices)
    func filtersFindWhatTheyMean(which: Int) throws {
        let (text, isMeant) = FilterTests.meanings[which]
        let database = SmallDatabase()
        let store = try LatentStore.open(database.path)
        let ids = [try database.fill(store, seed: 0), try database.fill(store, seed: 3)]
        var query = try LatentQuery(filter: Filter(text), order: nil, limit: 1000)
        if !query.filter.attributes.isEmpty { query.classifier = try store.classifier(nil).id }
        let expected = [0, 3].enumerated().flatMap { set, seed in
            (0..<20).filter { isMeant(UInt64(seed), $0) }.map { ids[set][$0] }
        }
        #expect(try query.run(store).rows.map { $0[0] } == expected.map { .integer($0) })
        #expect(!expected.isEmpty && expected.count < 40)
    }

    @Test(arguments: [
        ("male > 0.5", [1, 2]), ("not male > 0.5", [0, 3]), ("male > 0.5 and smiling < 0.5", [2]),
        ("smiling between 0.4 and 0.6 or male in (1)", [2, 3]), ("smiling > 2", []),
    ])
    func facesOutsideTheDatabasePassFiltersOfAttributes(text: String, expected: [Int]) throws {
        let store = try LatentStore.open(SmallDatabase().path)
        let attributes = [try Attribute.named("smiling"), try Attribute.named("male")]
        let probabilities: [Float] = [0.1, 0.5, 0.9, 0.75, 0.2, 1, 0.5, 0]
        #expect(try store.faces(passing: Filter(text), probabilities: probabilities, of: attributes) == expected)
    }

    @Test func facesOutsideTheDatabaseHaveNoFieldsOfLatents() throws {
        let store = try LatentStore.open(SmallDatabase().path)
        for (text, named) in [
            ("id > 3", "`id`"), ("norm < 2", "`norm`"), ("near(1) > 0.5", "near(1)"), ("bald > 0.5", "`bald`"),
        ] {
            #expect {
                try store.faces(passing: Filter(text), probabilities: [0.5], of: [Attribute.named("male")])
            } throws: {
                "\($0)".contains(named) && ($0 as? Failure)?.kind == .usage
            }
        }
    }

    @Test func scoresAreShownWhereThereAreSome() throws {
        let database = SmallDatabase()
        let store = try LatentStore.open(database.path)
        let ids = try database.fill(store)
        let other = try store.sampleSet(
            generator: database.generator, seed: 9, psi: 1,
            meanLatent: [Float](repeating: 0, count: SmallDatabase.size))
        try store.insert([Float](repeating: 1, count: SmallDatabase.size), into: other, first: 0)
        func answer(_ filter: Filter, near: Int64? = nil) throws -> Answer {
            let query = try LatentQuery(
                filter: filter, order: nil, near: near, limit: 100, shown: [SmallDatabase.attributes[1]],
                classifier: store.classifier(nil).id)
            return try query.run(store)
        }
        let all = try answer(Filter())
        #expect(all.columns == ["latent", "male"])
        #expect(all.rows.count == 21 && all.rows.last?[1] == .null)
        for (index, row) in all.rows.prefix(20).enumerated() {
            guard case .real(let score) = row[1] else { throw Failure("score", "is \(row[1])") }
            #expect(abs(score - Double(SmallDatabase.score(0, index, 1))) < 1e-6)
        }
        #expect(try answer(Filter(), near: ids[3]).columns == ["latent", "near_\(ids[3])", "male"])
        // What is named already stands once, and then only scored latents are meant.
        let named = try answer(Filter("male >= 0"))
        #expect(named.columns == ["latent", "male"] && named.rows.count == 20)
        let unknown = try LatentQuery(filter: Filter(), order: nil, limit: 1, shown: [Attribute.named("mael")])
        #expect { try unknown.run(store) } throws: {
            "\($0)".contains("did you mean male") && ($0 as? Failure)?.kind == .usage
        }
    }

    @Test func nearnessAndFieldsOrder() throws {
        let database = SmallDatabase()
        let store = try LatentStore.open(database.path)
        let ids = try database.fill(store)
        let near = try LatentQuery(filter: Filter(), order: nil, near: ids[7], limit: 3).run(store)
        #expect(near.rows.count == 3 && near.rows[0][0] == .integer(ids[7]))
        func order(_ field: String) throws -> [Answer.Value] {
            try LatentQuery(filter: Filter(), order: field, limit: 100).run(store).rows.map { $0[1] }
        }
        let (down, up) = (try order("norm"), try order("-norm"))
        #expect(down.map(\.text) == up.map(\.text).reversed() && down.first != down.last)
        // What a name means is known where the classifiers are.
        #expect { try order("nrom") } throws: { "\($0)".contains("norm") && ($0 as? Failure)?.kind == .usage }
        #expect { try LatentQuery(filter: Filter("eyeglases > 1"), order: nil, limit: 1).run(store) } throws: {
            "\($0)".contains("did you mean eyeglasses") && ($0 as? Failure)?.kind == .usage
        }
    }
}
