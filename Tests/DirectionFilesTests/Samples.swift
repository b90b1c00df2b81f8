import Core
import DirectionFiles
import Foundation

/// Directions and folders to test with.
enum Samples {
    /// A unit vector that the seed determines.
    static func vector(_ seed: UInt64, size: Int = 512) -> [Float] {
        let values = LatentNoise(seed: seed, size: size).rows(0..<1)
        let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return values.map { $0 / length }
    }

    static func direction(
        _ attribute: String = "eyeglasses", seed: UInt64 = 1, inputs: String? = nil, generator: String = "ab12"
    ) throws -> DirectionFile {
        var metadata = DirectionMetadata(space: .w)
        metadata.generator = .init(name: "default", sha256: generator)
        metadata.classifier = .init(name: "faces", sha256: "cd34")
        metadata.samples = .init(set: "1", seed: 7, count: 4000, psi: 0.7)
        metadata.selection = .init(id: "3", top: 80, bottom: 80, thresholdTop: 2.5, thresholdBottom: -3.25)
        metadata.solver = .init(name: "svm", regularisation: 1, objective: 36.5, relativeGap: 3e-7, iterations: 40)
        metadata.trainAccuracy = 0.99
        metadata.validationAccuracy = 0.95
        metadata.restAccuracy = 0.875
        metadata.orthogonalTo = ["male@v1", "young@v2"]
        metadata.licence = "non-commercial"
        metadata.created = "2026-01-02T03:04:05Z"
        metadata.program = "directions 0.1.0"
        metadata.inputs = inputs
        metadata.other = ["note": "tab\tand \"quotes\" é"]
        return try DirectionFile(
            attribute: attribute, values: vector(seed), intercept: -0.25, sigma: 1.5, metadata: metadata)
    }

    /// A pack of two directions with a preview and metrics.
    static func pack() throws -> DirectionPack {
        var glasses = try direction("eyeglasses", seed: 1)
        var male = try direction("male", seed: 2)
        (glasses.version, male.version) = (2, 1)
        return try DirectionPack(
            name: "faces-v1", directions: [glasses, male], previews: ["eyeglasses@v2": Data("\u{89}PNG".utf8)],
            metrics: ["male@v1": Data("{}".utf8)],
            generator: .init(
                name: "default", sha256: "ab12", architecture: "mobilestylegan", resolution: 1024, source: "x.whl",
                sourceSHA256: "ef56"),
            licence: "For non-commercial use.", created: "2026-01-02T03:04:05Z")
    }

    /// Runs `body` with a new empty folder, which is removed after.
    static func inFolder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "/directions-\(UUID().uuidString)"
        try AtomicFile.makeFolder(folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    /// The error that `body` throws, as text.
    static func problem(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "none"
        } catch { return "\(error)" }
    }
}
