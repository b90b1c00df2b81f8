import Core
import Foundation
import Images
import Networks
import Tensors
import Weights

/// Tells a person from what lies behind: MediaPipe's selfie segmentation (Google, 2021; Apache-2.0), a network of 256 x 256 pixels,
/// whose file comes with the program.
///
/// For example:
///
/// ```swift
/// let person = try PersonSegmenter().matte(of: face)  // 1 on the person, 0 behind
/// ```
public struct PersonSegmenter: Sendable {
    /// SHA-256 of the file, as it lies in PyPI's mediapipe.
    public static let sha256 = "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c"

    private let network: TFLiteNetwork

    /// - Throws: ``Core/Failure`` when the file is not beside the program, or is another one.
    public init() throws {
        guard
            let path = Bundle.module.path(
                forResource: "selfie_segmentation", ofType: "tflite", inDirectory: "Resources")
        else {
            throw Failure(
                "the person segmenter", "is not beside the program", "install the program anew", kind: .notFound)
        }
        let data = try AtomicFile.read(path)
        guard Hashing.sha256(data) == PersonSegmenter.sha256 else {
            throw Failure(path, "is not the published network", "install the program anew")
        }
        network = try TFLiteNetwork(TFLiteFile(data, name: path), name: path)
    }

    /// How much of each place is of a person: face, hair, neck and clothes.
    ///
    /// - Parameter picture: One square picture, RGB or grey, in [-1, 1].
    /// - Returns: [1, 1, 256, 256], 0 to 1.
    /// - Throws: ``Core/Failure`` when memory runs out.
    public func matte(of picture: ImageBatch) throws -> ImageBatch {
        precondition(picture.count == 1 && (picture.channels == 3 || picture.channels == 1), "one picture")
        let small = picture.resized(to: network.size.width)
        let colours = small.channels == 1 ? small.planes + small.planes + small.planes : small.planes
        let found = try Torch.withoutGradients {
            try network(
                Tensor(colours, shape: [1, 3, network.size.height, network.size.width]).scaled(by: 0.5, plus: 0.5)
            ).contiguous().floats()
        }
        return ImageBatch(found, side: network.size.width, channels: 1)
    }
}
