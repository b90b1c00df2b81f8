import Core
import Networks
import Tensors

/// What reads codes off a backbone's maps.
protocol EncoderHeads {
    /// Codes in W's principal coordinates, [N, rows, size].
    func apply(_ maps: [FeatureMap]) throws -> Tensor
}

/// A convolution with a bias, followed by a leaky ReLU where that is wanted.
struct PlainConvolution {
    private let weight: Tensor
    private let bias: Tensor
    private let stride: Int
    private let size: Int

    init(_ layers: LayerStore, _ name: String, input: Int, output: Int, size: Int, stride: Int = 1) throws {
        let deviation = (2 / (Float(input * size * size) * 1.04)).squareRoot()
        weight = try layers.parameter("\(name).weight", [output, input, size, size], .normal(deviation))
        bias = try layers.parameter("\(name).bias", [output], .constant(0))
        self.stride = stride
        self.size = size
    }

    func apply(_ x: Tensor) throws -> Tensor {
        try x.convolved(weight, bias: bias, stride: stride, padding: size / 2)
    }
}

/// A linear layer.
struct PlainLinear {
    private let weight: Tensor
    private let bias: Tensor

    // `gain` multiplies He's deviation; 0 begins at nothing.
    init(_ layers: LayerStore, _ name: String, input: Int, output: Int, gain: Float = 1) throws {
        let deviation = gain / Float(input).squareRoot()
        weight = try layers.parameter("\(name).weight", [output, input], .normal(deviation))
        bias = try layers.parameter("\(name).bias", [output], .constant(0))
    }

    func apply(_ x: Tensor) throws -> Tensor { try x.linear(weight, bias: bias) }
}

/// All rows from one map at a sixteenth of the picture's side, in which finer and coarser maps are merged.
///
/// The map is not averaged but read place by place, since where a face is is most of what its pose is.
struct SharedHeads: EncoderHeads {
    private let configuration: EncoderConfiguration
    private let laterals: [(stride: Int, convolution: PlainConvolution)]
    private let body: [PlainConvolution]
    private let hidden: PlainLinear
    private let common: PlainLinear
    private let offsets: PlainLinear

    init(_ configuration: EncoderConfiguration, maps: [(stride: Int, channels: Int)], layers: LayerStore) throws {
        self.configuration = configuration
        let width = configuration.width
        // What is told may come at a quarter of the side.
        let isFine = configuration.condition.map { $0.kind != .chroma && $0.mergeSize == 64 } ?? false
        let strides = [8, 16, 32] + (isFine ? [4] : [])
        laterals = try maps.filter { strides.contains($0.stride) }.map { map in
            let name = "lateral\(map.stride)"
            return (
                map.stride, try PlainConvolution(layers, name, input: map.channels, output: width, size: 1)
            )
        }
        body = try (0..<3).map {
            try PlainConvolution(
                layers, "body\($0)", input: width, output: width, size: 3, stride: $0 == 0 ? 1 : 2)
        }
        let side = (configuration.backbone.inputSize / 16 + 3) / 4
        hidden = try PlainLinear(
            layers, "hidden", input: width * side * side, output: configuration.hidden, gain: 1.4)
        common = try PlainLinear(
            layers, "common", input: configuration.hidden, output: configuration.latentSize, gain: 0.3)
        offsets = try PlainLinear(
            layers, "offsets", input: configuration.hidden, output: configuration.rows * configuration.rank, gain: 0)
    }

    func apply(_ maps: [FeatureMap]) throws -> Tensor {
        var x: Tensor?
        for (stride, convolution) in laterals {
            guard let map = maps.first(where: { $0.stride == stride }) else { continue }
            var part = try convolution.apply(map.tensor)
            if stride < 16 { part = try part.averagePooled(size: 16 / stride, stride: 16 / stride) }
            if stride == 32 {
                part = try part.resized(height: part.shape[2] * 2, width: part.shape[3] * 2)
            }
            x = try x?.added(to: part) ?? part
        }
        guard var x else { throw Failure("encoder", "has a backbone without maps to read") }
        x = try x.leakyReLU()
        for convolution in body { x = try convolution.apply(x).leakyReLU() }
        let flat = try x.contiguous().reshaped([x.shape[0], -1])
        let unit = try hidden.apply(flat).leakyReLU()
        let (rows, size, rank) = (configuration.rows, configuration.latentSize, configuration.rank)
        let base = try common.apply(unit).reshaped([-1, 1, size])
        let apart = try offsets.apply(unit).reshaped([-1, rows, rank]).padded([0, size - rank])
        return try base.added(to: apart)
    }
}

/// A feature pyramid, and for every row of the code convolutions of its own down to one pixel.
///
/// Rows 0 to 2 come from the map at a sixteenth of the picture's side, 3 to 6 from an eighth, the others from a quarter.
struct PyramidHeads: EncoderHeads {
    private let configuration: EncoderConfiguration
    private let laterals: [(stride: Int, convolution: PlainConvolution)]
    private let rows: [(stride: Int, body: [PlainConvolution], linear: PlainLinear)]

    init(_ configuration: EncoderConfiguration, maps: [(stride: Int, channels: Int)], layers: LayerStore) throws {
        self.configuration = configuration
        let width = configuration.width
        laterals = try [16, 8, 4].map { stride in
            let channels = maps.first { $0.stride == stride }?.channels ?? 0
            return (
                stride,
                try PlainConvolution(layers, "lateral\(stride)", input: channels, output: width, size: 1)
            )
        }
        rows = try (0..<configuration.rows).map { row in
            let stride = row < 3 ? 16 : row < 7 ? 8 : 4
            var side = configuration.backbone.inputSize / stride
            var body: [PlainConvolution] = []
            while side > 1 {
                body.append(
                    try PlainConvolution(
                        layers, "row\(row).\(body.count)", input: width, output: width, size: 3, stride: 2))
                side = (side + 1) / 2
            }
            let linear = try PlainLinear(
                layers, "row\(row).linear", input: width, output: configuration.latentSize, gain: 0.3)
            return (stride, body, linear)
        }
    }

    func apply(_ maps: [FeatureMap]) throws -> Tensor {
        var levels: [Int: Tensor] = [:]
        var above: Tensor?
        for (stride, convolution) in laterals {
            guard let map = maps.first(where: { $0.stride == stride }) else {
                throw Failure("encoder", "has a backbone without a map at 1/\(stride)")
            }
            var level = try convolution.apply(map.tensor)
            if let above {
                level = try level.added(to: above.resized(height: level.shape[2], width: level.shape[3]))
            }
            levels[stride] = level
            above = level
        }
        let codes = try rows.map { stride, body, linear in
            guard var x = levels[stride] else { throw Failure("encoder", "lacks a level") }
            for convolution in body { x = try convolution.apply(x).leakyReLU(slope: 0.01) }
            return try linear.apply(x.reshaped([x.shape[0], configuration.width]))
        }
        return try .stacked(codes, axis: 1)
    }
}
