import Core
import Tensors
import Weights

/// Tensors of a published file by name, checked on the way out.
struct PublishedTensors {
    let tensors: [String: TensorData]
    let source: String
    let device: Device

    func tensor(_ name: String, _ shape: [Int], scale: Float = 1) throws -> Tensor {
        guard let data = tensors[name], data.shape == shape else {
            throw Failure(source, "has no tensor \(name) of shape \(shape)", "get the file again")
        }
        let values = try data.floats()
        let tensor = try Tensor(scale == 1 ? values : values.map { $0 * scale }, shape: shape, device: device)
        return shape.count == 4 ? try tensor.contiguous(channelsLast: true) : tensor
    }
}

/// A linear layer with the equalised learning rate of StyleGAN2: its weight counts 1 / √inputs.
struct EqualisedLinear {
    private let weight: Tensor
    private let bias: Tensor

    init(_ tensors: PublishedTensors, _ name: String, input: Int, output: Int) throws {
        weight = try tensors.tensor("\(name).weight", [output, input], scale: 1 / Float(input).squareRoot())
        bias = try tensors.tensor("\(name).bias", [output])
    }

    func apply(_ x: Tensor) throws -> Tensor { try x.linear(weight, bias: bias) }

    static func shapes(_ name: String, input: Int, output: Int) -> [String: [Int]] {
        ["\(name).weight": [output, input], "\(name).bias": [output]]
    }
}

/// What pSp calls a gradual style block: convolutions down to one pixel, and a linear layer.
struct GradualStyleBlock {
    private let convolutions: [(weight: Tensor, bias: Tensor)]
    private let linear: EqualisedLinear
    private let size: Int

    init(_ tensors: PublishedTensors, _ name: String, size: Int, side: Int) throws {
        self.size = size
        convolutions = try (0..<GradualStyleBlock.count(side)).map { index in
            let convolution = "\(name).convs.\(2 * index)"
            return (
                try tensors.tensor("\(convolution).weight", [size, size, 3, 3]),
                try tensors.tensor("\(convolution).bias", [size])
            )
        }
        linear = try EqualisedLinear(tensors, "\(name).linear", input: size, output: size)
    }

    func apply(_ map: Tensor) throws -> Tensor {
        var x = map
        for (weight, bias) in convolutions {
            x = try x.convolved(weight, bias: bias, stride: 2, padding: 1).leakyReLU(slope: 0.01)
        }
        return try linear.apply(x.contiguous().reshaped([-1, size]))
    }

    /// Halvings from a side, a power of two, down to one pixel.
    private static func count(_ side: Int) -> Int { side.trailingZeroBitCount }

    static func shapes(_ name: String, size: Int, side: Int) -> [String: [Int]] {
        var result = EqualisedLinear.shapes("\(name).linear", input: size, output: size)
        for index in 0..<count(side) {
            result["\(name).convs.\(2 * index).weight"] = [size, size, 3, 3]
            result["\(name).convs.\(2 * index).bias"] = [size]
        }
        return result
    }
}

/// Maps at another size as a product with a fixed matrix along each side.
enum SeparableResampling {
    /// Bilinear, with the corners' pixels on one another (`align_corners`).
    static func bilinear(_ x: Tensor, side: Int, device: Device) throws -> Tensor {
        let source = x.shape[3]
        return try apply(x, side: side, device: device) { target -> [(Int, Float)] in
            let place = side > 1 ? Float(target) * Float(source - 1) / Float(side - 1) : 0
            let first = min(Int(place), source - 1)
            let second = min(first + 1, source - 1)
            let share = place - Float(first)
            return second == first ? [(first, Float(1))] : [(first, 1 - share), (second, share)]
        }
    }

    /// The means of windows that cover everything and may overlap (adaptive average pooling).
    static func average(_ x: Tensor, side: Int, device: Device) throws -> Tensor {
        let source = x.shape[3]
        return try apply(x, side: side, device: device) { target -> [(Int, Float)] in
            let window = target * source / side..<((target + 1) * source + side - 1) / side
            let share = 1 / Float(window.count)
            return window.map { ($0, share) }
        }
    }

    /// Square maps [N, C, s, s] → [N, C, side, side]; `row` tells what a new pixel takes of the old ones along a side.
    private static func apply(
        _ x: Tensor, side: Int, device: Device, row: (Int) -> [(Int, Float)]
    ) throws -> Tensor {
        let source = x.shape[3]
        var values = [Float](repeating: 0, count: side * source)
        for target in 0..<side { for (place, share) in row(target) { values[target * source + place] += share } }
        let matrix = try Tensor(values, shape: [side, source], device: device)
        return try x.contiguous().linear(matrix).permuted([0, 1, 3, 2]).contiguous().linear(matrix)
            .permuted([0, 1, 3, 2]).contiguous(channelsLast: true)
    }
}
