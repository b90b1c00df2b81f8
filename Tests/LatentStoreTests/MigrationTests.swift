import Core
import Foundation
import LatentStore
import Testing

@Suite struct MigrationTests {
    /// What a workspace of version 1 held, in that version's columns.
    private static let content = """
        INSERT INTO generators VALUES (1, 'g1', 'default', 'mobilestylegan', 1024, 8, 23);
        INSERT INTO classifiers VALUES (1, 'c1', 'faces', '["Eyeglasses","Male"]');
        INSERT INTO sample_sets VALUES (1, 1, 0, 1.0, zeroblob(32), '2026-01-01T00:00:00Z');
        INSERT INTO latents VALUES (0, 1, zeroblob(32)), (1, 1, zeroblob(32)), (2, 1, zeroblob(32));
        INSERT INTO scores (classifier, latent, eyeglasses, male, logits)
            VALUES (1, 0, 0.9, 0.5, zeroblob(8)), (1, 1, 0.1, 0.5, zeroblob(8));
        INSERT INTO selections (id, generator, classifier, attribute, top, bottom, scored, top_threshold, bottom_threshold,
            fingerprint, created) VALUES (3, 1, 1, 'Eyeglasses', 1, 1, 2, 0.9, 0.1, 'f', '2026-01-01T00:00:00Z');
        INSERT INTO selection_members VALUES (3, 1, 0, 0), (3, -1, 0, 1), (4, 1, 0, 1), (4, -1, 0, 0);
        INSERT INTO directions VALUES (1, 'Eyeglasses', 1, 'v1', 'd1', 'g1', 3, '{}', '2026-01-01T00:00:00Z'),
            (2, 'Eyeglasses', 2, 'v2', 'd2', 'g1', 4, '{}', '2026-01-01T00:00:00Z');
        """

    @Test(arguments: 1...LatentStore.version)
    func everyVersionBecomesTheNewestWithoutLoss(version: Int) throws {
        let database = SmallDatabase()
        try database.make(version: version, MigrationTests.content)
        let store = try LatentStore.open(database.path)
        #expect(try store.sampleSets().map(\.count) == [3])
        #expect(try store.classifiers().map(\.scored) == [2])
        #expect(
            try store.answer("SELECT latent, eyeglasses, male FROM scores ORDER BY latent") == "0|0.9|0.5\n1|0.1|0.5")
        let selection = try #require(try store.selections().first)
        #expect(selection.id == 3 && selection.fingerprint == "f" && !selection.isMatched)
        #expect(try store.members(of: 3, label: 1) == [0] && store.members(of: 3, label: -1) == [1])
        #expect(try store.answer("SELECT count(*) FROM directions") == "2")
        // A second opening changes nothing.
        let before = try store.answer("SELECT group_concat(sql) FROM sqlite_schema")
        #expect(try LatentStore.open(database.path).answer("SELECT group_concat(sql) FROM sqlite_schema") == before)
    }

    /// But for scores, whose columns are those of the classifiers that are registered.
    @Test func anUpgradedDatabaseHasTheColumnsOfANewOne() throws {
        func columns(_ store: LatentStore) throws -> String {
            try store.answer(
                """
                SELECT s.name, c.name, c.type, c."notnull", c.dflt_value, c.pk FROM sqlite_schema s
                JOIN pragma_table_info(s.name) c WHERE s.type = 'table' AND s.name <> 'scores' ORDER BY s.name, c.name
                """)
        }
        let (old, new) = (SmallDatabase(), SmallDatabase())
        try old.make(version: 1, MigrationTests.content)
        #expect(try columns(LatentStore.open(old.path)) == columns(LatentStore.open(new.path)))
    }

    @Test func membersThatADeletionLeftBehindAreGoneAfterwards() throws {
        let database = SmallDatabase()
        try database.make(version: 5, MigrationTests.content)
        let store = try LatentStore.open(database.path)
        #expect(try store.answer("SELECT DISTINCT selection FROM selection_members") == "3")
        #expect(try store.answer("SELECT version, selection FROM directions ORDER BY version") == "1|3\n2|")
        // The next selection takes the number whose members were left.
        #expect(try database.select(store, top: [0], bottom: [1, 2]).id == 4)
    }

    @Test func readingAloneUpgradesWhereItMay() throws {
        let database = SmallDatabase()
        try database.make(version: 2, MigrationTests.content)
        #expect(try LatentStore.openReadOnly(database.path).selections().count == 1)
    }

    /// A workspace made before photographs were known is asked for them by `edit --photo`, and by `report` for colourings.
    @Test(arguments: 1...LatentStore.version, [true, false])
    func whatAVersionDidNotKnowIsThereAndEmpty(version: Int, isWritable: Bool) throws {
        let database = SmallDatabase()
        try database.make(version: version, MigrationTests.content)
        func ask() throws {
            let store = try LatentStore.openReadOnly(database.path)
            #expect(try store.photographs().isEmpty && store.newestColorizationRun() == nil)
            #expect(try store.inversions(ofPhotograph: "p", generator: "g1").isEmpty)
            if isWritable { #expect(try store.answer("SELECT count(*) FROM faces") == "3") }
        }
        if isWritable { return try ask() }
        chmod(database.path, 0o444)
        chmod(database.folder, 0o555)
        defer { chmod(database.folder, 0o755) }
        // The superuser may write it all the same, and upgrades it.
        if version >= 7 || access(database.path, W_OK) == 0 {
            try ask()
        } else {
            #expect(throws: Failure.self) { try ask() }
        }
    }

    @Test func whatAKilledProgramBeganIsGoneOnWith() throws {
        let database = SmallDatabase()
        try AtomicFile.makeFolder(database.folder)
        // A header without a mark, a table or a log: what is left before the first transaction.
        try database.byHand("CREATE TABLE t (x); DROP TABLE t")
        #expect(!FileManager.default.fileExists(atPath: database.path + "-wal"))
        #expect(try LatentStore.open(database.path).answer("SELECT count(*) FROM latents") == "0")
    }

    @Test func otherPeoplesAndNewerFilesAreRefused() throws {
        let database = SmallDatabase()
        try database.make(version: 1, "PRAGMA user_version = 99")
        #expect { try LatentStore.open(database.path) } throws: { "\($0)".contains("has version 99") }
        #expect { try LatentStore.openReadOnly(database.path) } throws: { "\($0)".contains("use a newer program") }
        let foreign = SmallDatabase()
        try AtomicFile.makeFolder(foreign.folder)
        try foreign.byHand("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        #expect { try LatentStore.open(foreign.path) } throws: { "\($0)".contains("of another program") }
        try AtomicFile.write(
            "no database at all, but long enough to be looked at: \(String(repeating: "x", count: 99))",
            to: foreign.path)
        #expect { try LatentStore.openReadOnly(foreign.path) } throws: { "\($0)".contains("is not a latent database") }
    }
}
