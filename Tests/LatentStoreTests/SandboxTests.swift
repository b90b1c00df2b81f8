import Core
import Foundation
import LatentStore
import Testing

@Suite struct SandboxTests {
    @Test(arguments: [
        "DELETE FROM latents", "UPDATE scores SET male = 1", "INSERT INTO latents VALUES (99, 1, zeroblob(4))",
        "DROP TABLE scores", "CREATE TABLE t (x)", "VACUUM", "REINDEX", "BEGIN EXCLUSIVE", "PRAGMA user_version = 3",
        "PRAGMA journal_mode = DELETE", "ATTACH DATABASE '/tmp/other.sqlite' AS other", "DETACH DATABASE main",
        "/* SELECT */ DELETE FROM latents", "-- SELECT\nDELETE FROM latents", "(DELETE FROM latents)",
        "WITH x AS (SELECT 1) DELETE FROM latents",
        "WITH x AS (SELECT 1) INSERT INTO latents SELECT 99, 1, zeroblob(4)",
        "SELECT 1; DELETE FROM latents", "SELECT load_extension('x')", "EXPLAIN SELECT 1; VACUUM", "", "nonsense",
    ])
    func onlyReadingIsAnswered(sql: String) throws {
        let database = SmallDatabase()
        let writable = try LatentStore.open(database.path)
        try database.fill(writable)
        let content = "SELECT count(*), sum(male), (SELECT count(*) FROM sqlite_schema) FROM scores"
        let before = try writable.answer(content)
        for store in [writable, try LatentStore.openReadOnly(database.path)] {
            #expect(throws: Failure.self) { try store.query(sql) }
            #expect(try store.answer(content) == before)
            #expect(try store.journal() == .wal)
        }
        // What was refused leaves no setting behind.
        try database.fill(writable, seed: 4)
    }

    @Test func answersKeepTypesAndLimits() throws {
        let database = SmallDatabase()
        let store = try LatentStore.open(database.path)
        try database.fill(store)
        let answer = try store.query("VALUES (1, 2.5, 'three', x'04', NULL)")
        #expect(answer.rows == [[.integer(1), .real(2.5), .text("three"), .blob(Data([4])), .null]])
        // Bytes come whole, in base64.
        for format in [Answer.Format.csv, .json] { #expect(try answer.text(as: format).contains("BA==")) }
        #expect(try store.query("SELECT id FROM latents", limit: 7).rows.count == 7)
        #expect(try store.query("SELECT :a", arguments: ["a": .text("'; DROP")]).rows == [[.text("'; DROP")]])
        #expect(try store.query("EXPLAIN SELECT 1").columns.contains("opcode"))
        #expect(try store.query("WITH x(a) AS (SELECT 1) SELECT a FROM x").rows == [[.integer(1)]])
    }
}
