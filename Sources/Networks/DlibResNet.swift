import Core
import Tensors
import Weights

/// dlib's ResNet for face recognition (Davis King, 2017): 29 convolutions in fourteen blocks, 128 numbers a picture.
///
/// It takes faces of 150×150 pixels. Every scale and shift is folded into the convolution before it, so there is nothing to
/// train; gradients with respect to pictures flow.
public struct DlibResNet: FeatureExtractor, EmbeddingNetwork {
    /// The name that it is asked for by.
    public static let name = "dlib_resnet"
    /// Side of the square input in pixels.
    public static let inputSize = 150
    /// Numbers an embedding.
    public static let outputs = 128

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
    private let shift: Tensor

    /// Blocks that halve the side, by their number among the fourteen.
    private static let halving: Set<Int> = [3, 7, 10, 13]

    /// The network of a file's parameters.
    ///
    /// - Parameters:
    ///   - file: The network's parameters.
    ///   - device: Where to compute.
    /// - Throws: ``Core/Failure`` when libtorch can't hold them.
    public init(_ file: DlibNetworkFile, device: Device = .cpu) throws {
        layers = try file.convolutions.enumerated().map { index, layer in
            // The scale and shift after a convolution are folded into it.
            let values = try Vectors.scaled(rows: layer.weight.floats(), by: layer.scale)
            let bias = layer.bias.indices.map { layer.bias[$0] * layer.scale[$0] + layer.shift[$0] }
            let isFirstOfHalving = index % 2 == 1 && DlibResNet.halving.contains((index - 1) / 2)
            let strided = index == 0 || isFirstOfHalving
            return Layer(
                weight: try Tensor(values, shape: layer.weight.shape, device: device),
                bias: try Tensor(bias, shape: [bias.count], device: device), stride: strided ? 2 : 1,
                padding: strided ? 0 : 1)
        }
        head = try Tensor(file.head, shape: [256, DlibResNet.outputs], device: device)
        // Planes are x / 127.5 − 1; the network wants (x − mean) / 256.
        let means: [Double] = [122.782, 117.001, 104.298]
        shift = try Tensor(means.map { Float((127.5 - $0) / 256) }, shape: [1, 3, 1, 1], device: device)
    }

    /// Embeddings [N, 128] of faces [N, 3, 150, 150] in [-1, 1].
    ///
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    public func embeddings(_ faces: Tensor) throws -> Tensor {
        try maps(faces).globalAverage().matrixProduct(head)
    }

    public func features(_ images: Tensor) throws -> [FeatureMap] {
        try FeatureCollector.maps { _ = try maps(images, note: $0) }
    }

    /// The last map; each block's is shown to `note` with its stride.
    private func maps(_ faces: Tensor, note: (Tensor, Int) throws -> Void = { _, _ in }) throws -> Tensor {
        var x = try layers[0](faces.scaled(by: 127.5 / 256).added(to: shift)).relu()
        try note(x, 2)
        x = try x.maxPooled(size: 3, stride: 2)
        var stride = 4
        for block in 0..<14 {
            let isHalving = DlibResNet.halving.contains(block)
            let y = try layers[2 * block + 2](layers[2 * block + 1](x).relu())
            let shortcut = isHalving ? try x.averagePooled(size: 2, stride: 2) : x
            x = try DlibResNet.sum(y, shortcut).relu()
            if isHalving { stride *= 2 }
            try note(x, stride)
        }
        return x
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
