import CSQLite
import Core
import Foundation
import LatentStore

/// A small database in a folder of its own, which is removed with the value.
final class SmallDatabase {
    static let size = 8
    let folder = NSTemporaryDirectory() + "store-\(UUID().uuidString)"
    var path: String { folder + "/latents.sqlite" }
    let generator = GeneratorRecord(
        sha256: "g1", name: "default", architecture: "mobilestylegan", resolution: 1024, latentSize: SmallDatabase.size,
        layers: 23)

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// A component of a latent: a pure function of where it stands.
    static func value(_ seed: UInt64, _ index: Int, _ component: Int) -> Float {
        Float((Int(seed) * 31 + index * 17 + component * 7) % 23) - 11
    }

    /// The probability that the classifier gives a latent, from 0 to 1.
    static func score(_ seed: UInt64, _ index: Int, _ column: Int) -> Float {
        Float((Int(seed) * 5 + index * (column == 0 ? 3 : 11)) % 20) / 20
    }

    /// Adds latents of a seed, some of them scored, and returns their ids.
    @discardableResult
    func fill(
        _ store: LatentStore, seed: UInt64 = 0, indices: Range<Int> = 0..<20, psi: Double = 1, mean: Float = 0.5,
        thumbnails: Bool = false
    ) throws -> [Int64] {
        let set = try store.sampleSet(
            generator: generator, seed: seed, psi: psi,
            meanLatent: [Float](repeating: mean, count: SmallDatabase.size))
        let w = indices.flatMap { index in (0..<SmallDatabase.size).map { SmallDatabase.value(seed, index, $0) } }
        try store.insert(w, into: set, first: UInt32(indices.lowerBound))
        let judge = try store.registerClassifier(sha256: "c1", name: "faces", attributes: SmallDatabase.attributes)
        let ids = indices.map { set.latentID(index: UInt32($0)) }
        let probabilities = indices.flatMap { index in (0..<2).map { SmallDatabase.score(seed, index, $0) } }
        try store.insertScores(
            classifier: judge, attributes: SmallDatabase.attributes, ids: ids,
            logits: probabilities.map { $0 * 10 - 5 },
            probabilities: probabilities, thumbnails: thumbnails ? ids.map { Data("jpeg \($0)".utf8) } : [])
        return ids
    }

    static let attributes = [Attribute.celebA[15], Attribute.celebA[20]]

    /// Records a selection of the first attribute.
    @discardableResult
    func select(_ store: LatentStore, top: [Int64], bottom: [Int64]) throws -> SelectionRecord {
        try store.record(
            attribute: SmallDatabase.attributes[0], classifier: store.classifier(nil), generator: generator.sha256,
            top: top.map { ($0, 0.9) }, bottom: bottom.map { ($0, 0.1) }, scored: 20)
    }

    /// Statements by a program that leaves foreign keys off, as the sqlite3 shell does.
    func byHand(_ sql: String) throws { try SmallDatabase.byHand(sql, in: path) }

    /// The same on any file.
    static func byHand(_ sql: String, in path: String) throws {
        var connection: OpaquePointer?
        defer { sqlite3_close(connection) }
        var code = sqlite3_open(path, &connection)
        if code == SQLITE_OK { code = sqlite3_exec(connection, sql, nil, nil, nil) }
        if code != SQLITE_OK { throw Failure(path, String(cString: sqlite3_errmsg(connection))) }
    }

    /// A database of an older version, made by the first files of `Database/` and these statements.
    func make(version: Int, _ sql: String) throws {
        try AtomicFile.makeFolder(folder)
        let files = LatentStore.migrations.filter { (Int($0.name.prefix(3)) ?? 0) <= version }.map(\.sql).joined(
            separator: "\n")
        try byHand(
            "PRAGMA page_size = 65536; PRAGMA journal_mode = WAL; \(files)\n"
                + "PRAGMA application_id = \(LatentStore.applicationID); PRAGMA user_version = \(version); \(sql)")
    }
}
