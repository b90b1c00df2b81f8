import Core
import Foundation
import Images
import Tensors
import Weights

/// dlib's face recognition network (Davis King, 2017): 128 numbers a face, near each other for the same person.
///
/// A ResNet of 29 convolutions trained on three million photographs; its author reports 99.38 % on Labeled Faces in the Wild
/// and calls two faces one person below a distance of 0.6. It looks at the inner face, 150×150 pixels without most of the
/// hair, and was trained to overlook expression, glasses and light: what it holds for kept is the person's features, not
/// the picture.
public struct FaceEmbedder: Sendable {
    /// Numbers an embedding.
    public static let size = 128
    /// Below this distance the network's author calls two faces one person.
    public static let samePerson = 0.6

    private struct Layer: Sendable {
        let weight: Tensor
        let bias: Tensor
        let stride: Int
        let padding: Int

        func callAsFunction(_ x: Tensor) throws -> Tensor {
            try x.convolved(weight, bias: bias, stride: stride, padding: padding)
        }
    }

    private let layers: [Layer]
    private let head: Tensor
    private let device: Device

    /// Blocks that halve the side, by their number among the fourteen.
    private static let halving: Set<Int> = [3, 7, 10, 13]

    /// - Parameters:
    ///   - file: The network's parameters.
    ///   - device: Where to compute.
    /// - Throws: ``Failure`` when libtorch can't hold them.
    public init(_ file: DlibNetworkFile, device: Device = .cpu) throws {
        self.device = device
        layers = try file.convolutions.enumerated().map { index, layer in
            // The scale and shift after a convolution are folded into it.
            let each = layer.weight.count / layer.bias.count
            let values = try layer.weight.floats().enumerated().map { $1 * layer.scale[$0 / each] }
            let bias = layer.bias.indices.map { layer.bias[$0] * layer.scale[$0] + layer.shift[$0] }
            let isFirstOfHalving = index % 2 == 1 && FaceEmbedder.halving.contains((index - 1) / 2)
            let strided = index == 0 || isFirstOfHalving
            return Layer(
                weight: try Tensor(values, shape: layer.weight.shape, device: device),
                bias: try Tensor(bias, shape: [bias.count], device: device), stride: strided ? 2 : 1,
                padding: strided ? 0 : 1)
        }
        head = try Tensor(file.head, shape: [256, 128], device: device)
    }

    /// Embeddings of generated faces in FFHQ's frame.
    ///
    /// - Parameter faces: RGB in [-1, 1].
    /// - Returns: [count, 128].
    /// - Throws: ``Failure`` when libtorch can't compute them.
    public func embeddings(_ faces: ImageBatch) throws -> [Float] {
        try embeddings(chips: faces.images.map { FaceEmbedder.chip($0) })
    }

    /// The part of an FFHQ-aligned face that dlib's alignment would cut out, 150×150.
    ///
    /// FFHQ's alignment fixes the eyes, so the window is fixed too: it is the median of dlib's own windows on generated faces.
    static func chip(_ image: Image) -> Image {
        let side = Double(image.width)
        let (x, y, width) = ((0.164 * side).rounded(), (0.265 * side).rounded(), (0.679 * side).rounded())
        return image.cropped(x: Int(x), y: Int(y), width: Int(width), height: Int(width)).resized(
            width: 150, height: 150)
    }

    /// Embeddings [count, 128] of 150×150 pictures that are cut out already.
    ///
    /// - Throws: ``Failure`` when libtorch can't compute them.
    public func embeddings(chips: [Image]) throws -> [Float] {
        // Image planes are x / 127.5 − 1; the network wants (x − mean) / 256.
        let means: [Double] = [122.782, 117.001, 104.298]
        let values = chips.flatMap { $0.planes() }
        return try Torch.withoutGradients {
            let planes = try Tensor(values, shape: [chips.count, 3, 150, 150], device: device)
            let shift = try Tensor(means.map { Float((127.5 - $0) / 256) }, shape: [1, 3, 1, 1], device: device)
            var x = try layers[0](planes.scaled(by: 127.5 / 256).added(to: shift)).relu().maxPooled(size: 3, stride: 2)
            for block in 0..<14 {
                let isHalving = FaceEmbedder.halving.contains(block)
                let y = try layers[2 * block + 2](layers[2 * block + 1](x).relu())
                let shortcut = isHalving ? try x.averagePooled(size: 2, stride: 2) : x
                x = try FaceEmbedder.sum(y, shortcut).relu()
            }
            return try x.globalAverage().matrixProduct(head).to(device: .cpu).floats()
        }
    }

    /// The sum of two tensors [N, c, h, w], the missing channels and pixels of either taken as 0.
    private static func sum(_ a: Tensor, _ b: Tensor) throws -> Tensor {
        let shape = (1..<4).map { max(a.shape[$0], b.shape[$0]) }
        func grown(_ x: Tensor) throws -> Tensor {
            let missing = (1..<4).map { shape[$0 - 1] - x.shape[$0] }
            return missing == [0, 0, 0] ? x : try x.padded([0, missing[2], 0, missing[1], 0, missing[0]])
        }
        return try grown(a).added(to: grown(b))
    }
}
