import Core
import Foundation
import LatentStore
import Testing

/// What the store makes of SQLite's errors, of what others wrote into the file, and of values at the edges.
@Suite struct ConnectionTests {
    @Test func valuesAtTheEdgesKeepTheirTypes() throws {
        let database = SmallDatabase()
        let store = try LatentStore.open(database.path)
        let values: [Answer.Value] = [
            .null, .integer(.min), .integer(.max), .real(-0.5), .real(1e300), .text(""), .text("café \u{0} after"),
            .blob(Data()), .blob(Data([0, 1, 255])),
        ]
        for value in values {
            let answer = try store.query("SELECT :v, typeof(:v)", arguments: ["v": value])
            #expect(answer.rows[0][0] == value && answer.columns == [":v", "typeof(:v)"])
        }
        #expect { try store.query("SELECT :missing") } throws: {
            "\($0)".contains(":missing has no value") && ($0 as? Failure)?.kind == .usage
        }
        #expect { try store.query("SELECT nowhere FROM latents") } throws: {
            "\($0)".contains("no such column: nowhere") && ($0 as? Failure)?.kind == .usage
        }
        // A name in double quotes that is no column is no text.
        #expect(throws: Failure.self) { try store.query("SELECT \"nowhere\"") }
    }

    @Test func vectorFunctionsMeasure() throws {
        let database = SmallDatabase()
        let store = try LatentStore.open(database.path)
        func value(_ sql: String, _ a: [Float], _ b: [Float] = []) throws -> Answer.Value {
            let blobs = [a, b].map { $0.withUnsafeBytes { Answer.Value.blob(Data($0)) } }
            let arguments = b.isEmpty ? ["a": blobs[0]] : ["a": blobs[0], "b": blobs[1]]
            return try store.query("SELECT \(sql)", arguments: arguments).rows[0][0]
        }
        let ones = [Float](repeating: 1, count: 17)
        #expect(try value("norm(:a)", ones) == .real(Double(17).squareRoot()))
        #expect(try value("distance(:a, :b)", [3, 0], [0, 4]) == .real(5))
        #expect(try value("cosine(:a, :b)", [1, 0], [0, 2]) == .real(0))
        #expect(try value("cosine(:a, :a)", ones) == .real(1))
        #expect(try value("distance(:a, :b)", [3, 0], [1]) == .null)
        #expect(try store.answer("SELECT norm(NULL) IS NULL, norm(3) IS NULL, norm(x'')") == "1|1|0.0")
    }

    @Test func aFailedWriteLeavesNothingAndTheStoreGoesOn() throws {
        let database = SmallDatabase()
        let store = try LatentStore.open(database.path)
        try database.fill(store)
        let before = try store.answer("SELECT count(*), sum(male) FROM scores")
        // The third thumbnail is refused after the scores are in.
        try database.byHand(
            "CREATE TRIGGER refusing BEFORE INSERT ON thumbnails WHEN new.latent % 4294967296 = 2 BEGIN SELECT RAISE(ABORT, 'refused here'); END"
        )
        #expect { try database.fill(store, seed: 9, thumbnails: true) } throws: {
            "\($0)".contains("refused here") && "\($0)".contains(database.path)
        }
        #expect(try store.answer("SELECT count(*), sum(male) FROM scores") == before)
        #expect(try store.answer("SELECT count(*) FROM thumbnails") == "0")
        try database.byHand("DROP TRIGGER refusing")
        try database.fill(store, seed: 9, thumbnails: true)
        #expect(try store.answer("SELECT count(*) FROM scores") == "40")
    }

    @Test func whatOthersWroteIntoAColumnIsToldNotTrapped() throws {
        let database = SmallDatabase()
        let store = try LatentStore.open(database.path)
        try database.fill(store)
        try database.byHand("UPDATE latents SET w = 7 WHERE id = 3; UPDATE generators SET layers = 'many'")
        #expect { try store.latents(ids: [3]) } throws: {
            "\($0)".contains("w holds no") && ($0 as? Failure)?.kind == .damaged
        }
        #expect { try store.generators() } throws: { "\($0)".contains("layers holds no Int") }
    }

    @Test func aDamagedFileIsToldByName() throws {
        let database = SmallDatabase()
        do {
            let store = try LatentStore.open(database.path)
            try database.fill(store, indices: 0..<200)
            try store.checkpoint()
        }
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: database.path))
        try file.seek(toOffset: 65_536)
        try file.write(contentsOf: Data(repeating: 0xA5, count: 8 * 65_536))
        try file.close()
        #expect {
            let store = try LatentStore.open(database.path)
            _ = try store.answer("SELECT sum(norm(w)) FROM latents")
        } throws: { ($0 as? Failure)?.kind == .damaged && "\($0)".contains("malformed") }
    }

    @Test func threadsTakeTurns() async throws {
        let database = SmallDatabase()
        let store = try LatentStore.open(database.path)
        try database.fill(store)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<8 {
                group.addTask {
                    for seed in 0..<20 {
                        let set = try store.sampleSet(
                            generator: GeneratorRecord(
                                sha256: "g1", name: "default", architecture: "mobilestylegan", resolution: 1024,
                                latentSize: 2, layers: 23),
                            seed: UInt64(100 + number * 20 + seed), psi: 1, meanLatent: [0, 0])
                        try store.insert([1, 2, 3, 4], into: set, first: 0)
                        #expect(try store.latents(ids: [set.latentID(index: 1)]) == [3, 4])
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try store.sampleSets().map(\.count) == [20] + [Int](repeating: 2, count: 160))
    }
}
