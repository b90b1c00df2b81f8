import Core
import Faces
import Images
import Weights

/// An embedder of dlib's shape with drawn weights.
enum DrawnNetwork {
    static func embedder() throws -> FaceEmbedder { try drawn.get() }

    private static let drawn = Result { try FaceEmbedder(file()) }

    private static func file() -> DlibNetworkFile {
        var random = CounterRandom(seed: 4, domain: 0x901)
        var inputs = 3
        let widths =
            [32] + [Int](repeating: 32, count: 6) + [Int](repeating: 64, count: 8)
            + [Int](repeating: 128, count: 6) + [Int](repeating: 256, count: 8)
        let convolutions = widths.enumerated().map { index, outputs in
            let side = index == 0 ? 7 : 3
            let deviation = (1 / Float(inputs * side * side)).squareRoot()
            defer { inputs = outputs }
            return DlibNetworkFile.Convolution(
                weight: TensorData(
                    (0..<outputs * inputs * side * side).map { _ in random.normal() * deviation },
                    shape: [outputs, inputs, side, side]),
                bias: (0..<outputs).map { _ in random.uniform(0, 0.2) },
                scale: [Float](repeating: 1, count: outputs), shift: [Float](repeating: 0.05, count: outputs))
        }
        let head = (0..<256 * 128).map { _ in random.normal() / 16 }
        return DlibNetworkFile(convolutions: convolutions, head: head)
    }

    /// Waves over both pictures, from float planes as generators make them.
    static func faces(side: Int) -> ImageBatch {
        var random = CounterRandom(seed: 9, domain: 0x902)
        let coarse = ImageBatch((0..<2 * 3 * 64).map { _ in random.uniform(-0.9, 0.9) }, side: 8)
        return coarse.resized(to: side)
    }
}
