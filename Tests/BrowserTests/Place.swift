import Core
import Directions
import Foundation
import Testing

/// A workspace of the default generator with two drawn directions, and a folder for downloads.
struct Place {
    let folder = NSTemporaryDirectory() + "browser-\(UUID().uuidString)"
    var downloads: String { folder + "/downloads" }
    var workspace: String { folder + "/workspace" }

    /// - Parameters:
    ///   - wheel: The generator.
    ///   - faces: Latents that are drawn and scored.
    /// - Throws: `Failure` as the work does.
    init(wheel: String, faces: Int = 0) throws {
        try FileManager.default.createDirectory(atPath: downloads, withIntermediateDirectories: true)
        let session = Session(workspace: Workspace(workspace))
        _ = try session.importGenerator(ImportGeneratorRequest(.standard(wheel: wheel)))
        for (seed, name) in ["first", "second"].enumerated() { try draw(name, seed: UInt64(seed), session) }
        guard faces > 0 else { return }
        let first = try draw("first", seed: 9, session)
        let metrics = try JSONDecoder().decode(DirectionMetrics.self, from: Data(Place.metrics.utf8))
        try DirectionLibrary(session.workspace.directions).write(metrics, of: first)
        _ = try session.sample(SampleRequest(count: faces))
        _ = try session.score(ScoreRequest())
    }

    @discardableResult
    private func draw(_ name: String, seed: UInt64, _ session: Session) throws -> DirectionFile {
        let identity = try session.generatorIdentity()
        var state = seed + 7
        var values = (0..<identity.latentSize).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(state >> 40) / Float(1 << 24) - 0.5
        }
        let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
        values = values.map { $0 / length }
        var metadata = DirectionMetadata()
        metadata.generator = .init(name: identity.name, sha256: identity.sha256)
        metadata.inputs = "\(name) \(seed)"
        return try DirectionLibrary(session.workspace.directions).add(
            DirectionFile(attribute: name, values: values, intercept: 0, sigma: 4, metadata: metadata)
        ).direction
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }

    /// A download, when it is whole.
    func download(_ name: String) async throws -> Data {
        for _ in 0..<1500 {
            if let data = FileManager.default.contents(atPath: "\(downloads)/\(name)"), !data.isEmpty {
                return data
            }
            try await Task.sleep(for: .milliseconds(40))
        }
        throw Failure(name, "was not downloaded")
    }

    /// What an evaluation could have measured.
    private static let metrics = """
        {"direction": "first@v2", "attribute": "Smiling", "faces": 24, "halfStrength": 1.25,
         "offTargetChangeAtHalf": {"value": 0.5, "low": 0.4, "high": 0.6},
         "levels": [
          {"strength": 1, "target": {"value": 1.5, "low": 1.2, "high": 1.8},
           "offTargetChange": {"value": 0.4, "low": 0.3, "high": 0.5}, "successRate": {"value": 0.4, "low": 0.2, "high": 0.6}},
          {"strength": 2, "target": {"value": 3, "low": 2.5, "high": 3.5},
           "offTargetChange": {"value": 0.8, "low": 0.7, "high": 0.9}, "successRate": {"value": 0.8, "low": 0.6, "high": 1}}],
         "attributeChanges": {"Smiling": 1.9, "Male": -0.4, "Young": 0.1}}
        """
}
