import Foundation
import Testing

import Core

@Suite struct AtomicFileTests {
    @Test func aFailedWriteLeavesTheOldFileAndNothingElse() throws {
        let folder = NSTemporaryDirectory() + "atomic-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try AtomicFile.write("old", to: folder + "/a/file")
        struct Stop: Error {}
        #expect(throws: Stop.self) { try AtomicFile.write(to: folder + "/a/file") { _ in throw Stop() } }
        #expect(try AtomicFile.read(folder + "/a/file") == Data("old".utf8))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/a") == ["file"])
    }

    @Test func hashesMatchThePublishedVector() throws {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(Hashing.sha256(Data("abc".utf8)) == expected)
        let path = NSTemporaryDirectory() + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        try AtomicFile.write("abc", to: path)
        #expect(try Hashing.sha256(file: path) == expected)
    }

    @Test func aMissingFileIsNamed() {
        #expect {
            try AtomicFile.read("/nonexistent/x")
        } throws: { "\($0)".contains("/nonexistent/x") }
    }
}
