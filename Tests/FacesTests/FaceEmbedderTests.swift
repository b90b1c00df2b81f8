import Core
import Faces
import Foundation
import Images
import Testing
import Weights

/// dlib's network as this program reads it, against dlib itself (Tests/Fixtures/make_identity_fixture.py).
@Suite struct FaceEmbedderTests {
    private static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    /// `$DIRECTIONS_IDENTITY`, or the workspace's in the repository; nil when neither is there.
    static let network: String? = {
        let given = ProcessInfo.processInfo.environment["DIRECTIONS_IDENTITY"]
        let path = given ?? Workspace(repository + "/workspace").identityNetwork
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }()

    @Test(
        .enabled(
            if: network != nil, "dlib's network is absent: `directions import identity`, or set DIRECTIONS_IDENTITY"))
    func equalsDlib() throws {
        let folder = Self.repository + "/Tests/Fixtures/identity"
        let embedder = try FaceEmbedder(DlibNetworkFile.read(#require(Self.network)))
        let chips = try (0..<2).map { try Image.read("\(folder)/chip\($0).png") }
        let found = try embedder.embeddings(chips: chips)
        let expected = try NumpyFile.read(folder + "/embeddings.npy").floats()
        #expect(found.count == 256)
        for (a, b) in zip(found, expected) { #expect(abs(a - b) < 1e-4) }
    }

    /// `$DIRECTIONS_SFACE`, or the workspace's in the repository; nil when neither is there.
    static let sface: String? = {
        let given = ProcessInfo.processInfo.environment["DIRECTIONS_SFACE"]
        let path = given ?? Workspace(repository + "/workspace").sfaceNetwork
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }()

    @Test(.enabled(if: sface != nil, "SFace's network is absent: `directions import sface`, or set DIRECTIONS_SFACE"))
    func equalsONNXRuntime() throws {
        let folder = Self.repository + "/Tests/Fixtures/identity"
        let path = try #require(Self.sface)
        let embedder = try FaceEmbedder(.read(path), name: path)
        let chips = try (0..<2).map {
            try Image.read("\(folder)/chip\($0).png").cropped(x: 19, y: 19, width: 112, height: 112)
        }
        let found = try embedder.embeddings(chips: chips)
        let expected = try NumpyFile.read(folder + "/sface.npy").floats()
        #expect(found.count == 256)
        for (a, b) in zip(found, expected) { #expect(abs(a - b) < 1e-4) }
    }

    @Test func otherFilesAreRefused() throws {
        #expect(throws: Failure.self) { try DlibNetworkFile(Data(), name: "x") }
        let name = Data([1, 5]) + Data("con_4".utf8)
        #expect(throws: Failure.self) { try DlibNetworkFile(name, name: "x") }
        // Dimensions whose product overflows.
        let length: [UInt8] = [7, 255, 255, 255, 255, 255, 255, 127]
        let huge = name + Data([1, 2] + length + length + length + length)
        #expect(throws: Failure.self) { try DlibNetworkFile(huge, name: "x") }
        guard let path = Self.network else { return }
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        for length in stride(from: 0, to: 22_300_000, by: 557_000) {
            #expect(throws: Failure.self) { try DlibNetworkFile(data.prefix(length), name: "x") }
        }
    }
}
