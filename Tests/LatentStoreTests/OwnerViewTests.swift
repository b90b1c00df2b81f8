import Core
import LatentStore
import Testing

/// Whose a latent and a direction is, in SQL.
@Suite struct OwnerViewTests {
    @Test func viewsTellTheGenerator() throws {
        let database = SmallDatabase()
        let store = try LatentStore.open(database.path)
        try database.fill(store)
        try database.byHand(
            """
            INSERT INTO generators VALUES (7, 'g2', 'cats', 'stylegan2', 64, 8, 10);
            INSERT INTO sample_sets VALUES (9, 7, 3, 0.5, zeroblob(32), '2026-01-01T00:00:00Z');
            INSERT INTO latents VALUES (34359738368, 9, zeroblob(32)), (34359738369, 9, zeroblob(32));
            INSERT INTO directions VALUES (1, 'Smiling', 1, 'v1', 'a', 'g1', NULL, '{}', '2026-01-01T00:00:00Z'),
                (2, 'Smiling', 2, 'v2', 'b', 'g2', NULL, '{}', '2026-01-01T00:00:00Z'),
                (3, 'Smiling', 3, 'v3', 'c', 'g1', NULL, '{}', '2026-01-01T00:00:00Z'),
                (4, 'Male', 1, 'v1', 'd', 'g2', NULL, '{}', '2026-01-01T00:00:00Z');
            """)
        #expect(
            try store.answer("SELECT generator, count(*), min(latent), max(psi) FROM faces GROUP BY generator_sha256")
                == "default|20|0|1.0\ncats|2|34359738368|0.5")
        #expect(
            try store.answer(
                "SELECT attribute, generator_sha256, version FROM newest_directions ORDER BY attribute, version")
                == "Male|g2|1\nSmiling|g2|2\nSmiling|g1|3")
        // The filter's answer is one generator's.
        for (generator, count) in [("g1", 20), ("g2", 2)] {
            var query = try LatentQuery(filter: Filter(), order: nil, limit: 100)
            query.generator = generator
            #expect(try query.run(store).rows.count == count)
        }
    }

    @Test func migrationsAreCountedByTheirNumbers() throws {
        let numbers = LatentStore.migrations.compactMap { Int($0.name.prefix(3)) }
        #expect(numbers == numbers.sorted() && Set(numbers).count == LatentStore.migrations.count)
        #expect(LatentStore.version == numbers.last)
        let database = SmallDatabase()
        #expect(
            try LatentStore.open(database.path).answer("SELECT user_version FROM pragma_user_version")
                == "\(LatentStore.version)")
    }
}
