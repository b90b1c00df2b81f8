import Core
import Foundation
import LatentStore
import Testing

@Suite struct CascadeTests {
    @Test func aSelectionDeletedByHandTakesItsMembersAlong() throws {
        let database = SmallDatabase()
        let store = try LatentStore.open(database.path)
        let ids = try database.fill(store)
        let first = try database.select(store, top: Array(ids[0..<4]), bottom: Array(ids[4..<8]))
        let second = try database.select(store, top: Array(ids[1..<5]), bottom: Array(ids[6..<9]))
        try store.recordDirection(
            attribute: SmallDatabase.attributes[0], version: 1, path: "v1", sha256: "d", generator: "g1",
            selection: second.id, metadata: [:])
        try database.byHand("DELETE FROM selections WHERE id = \(second.id)")
        #expect(try store.answer("SELECT DISTINCT selection FROM selection_members") == "\(first.id)")
        #expect(try store.answer("SELECT version, selection IS NULL FROM directions") == "1|1")
        let third = try database.select(store, top: Array(ids[2..<6]), bottom: Array(ids[7..<9]))
        #expect(third.id == second.id)
        #expect(try store.members(of: third.id, label: 1) == Array(ids[2..<6]))
        try database.byHand("DELETE FROM selections")
        #expect(try store.answer("SELECT count(*) FROM selection_members") == "0")
        #expect(try database.select(store, top: [ids[0]], bottom: [ids[1]]).top == 1)
    }

    @Test func anEvaluationDeletedByHandTakesItsFacesAlong() throws {
        let database = SmallDatabase()
        let store = try LatentStore.open(database.path)
        try database.fill(store)
        try database.byHand(
            """
            INSERT INTO evaluations VALUES (1, 1, 1, 'd', 'eyeglasses@v1', 1, 1, '', 0), (2, 1, 1, '', '', 0, 0, '', 0);
            INSERT INTO evaluation_faces VALUES (1, 0, zeroblob(8), NULL), (1, 1, zeroblob(8), NULL), (2, 0, zeroblob(8), NULL);
            DELETE FROM evaluations WHERE id = 1;
            """)
        #expect(try store.answer("SELECT evaluation, face FROM evaluation_faces") == "2|0")
    }
}
