import Core
import Networks
import Tensors

/// How an encoder of pSp's family reads codes off IR-SE50, by the name of its class in those programs.
public enum PublishedLayout: String, Sendable, Codable, CaseIterable {
    /// pSp: a feature pyramid, and for every row a head of its own (Richardson and others, 2021).
    case gradualStyle = "GradualStyleEncoder"
    /// e4e: the same heads, but all rows' are changes of the first one (Tov and others, 2021).
    case encoder4Editing = "Encoder4Editing"
    /// One w for all rows.
    case intoW = "BackboneEncoderUsingLastLayerIntoW"
    /// All rows from the last map at once.
    case intoWPlus = "BackboneEncoderUsingLastLayerIntoWPlus"

    /// Whether it has a feature pyramid and a head a row.
    var isPyramid: Bool { self == .gradualStyle || self == .encoder4Editing }

    /// The first rows that are read at an eighth and at a quarter of the picture's side.
    static let middle = 3
    static let fine = 7
    /// Pixels along a side that `intoWPlus` averages the last map to.
    static let pooled = 7
}

/// What an encoder of pSp's family is made of.
struct PublishedHeads {
    private enum Kind {
        case pyramid([GradualStyleBlock], laterals: [PublishedConvolution], areChanges: Bool)
        case single(EqualisedLinear)
        case flat(PublishedNormalisation, weight: Tensor, bias: Tensor, EqualisedLinear)
    }

    private let kind: Kind
    private let rows: Int
    private let size: Int
    private let device: Device

    init(_ card: PublishedEncoder.Card, _ tensors: PublishedTensors) throws {
        (rows, size, device) = (card.rows, card.latentSize, tensors.device)
        let (layout, side) = (card.layout, card.backbone.inputSize)
        switch layout {
        case .gradualStyle, .encoder4Editing:
            let blocks = try (0..<card.rows).map {
                try GradualStyleBlock(
                    tensors, "styles.\($0)", size: card.latentSize, side: side / PublishedHeads.stride(row: $0))
            }
            let laterals = try zip(1...2, card.lateralWidths).map {
                try PublishedConvolution(tensors, "latlayer\($0)", input: $1, output: card.latentSize)
            }
            kind = .pyramid(blocks, laterals: laterals, areChanges: layout == .encoder4Editing)
        case .intoW:
            kind = .single(try EqualisedLinear(tensors, "linear", input: card.width, output: card.latentSize))
        case .intoWPlus:
            let count = card.width * PublishedLayout.pooled * PublishedLayout.pooled
            kind = .flat(
                try PublishedNormalisation(tensors, "output_layer_2.0", channels: card.width),
                weight: try tensors.tensor("output_layer_2.3.weight", [card.latentSize, count]),
                bias: try tensors.tensor("output_layer_2.3.bias", [card.latentSize]),
                try EqualisedLinear(
                    tensors, "linear", input: card.latentSize, output: card.latentSize * card.rows))
        }
    }

    /// Pixels of the picture to one of the map that a row is read from.
    private static func stride(row: Int) -> Int {
        row < PublishedLayout.middle ? 16 : row < PublishedLayout.fine ? 8 : 4
    }

    /// [N, rows, size], the mean latent not yet added.
    func apply(_ maps: [FeatureMap]) throws -> Tensor {
        func map(_ stride: Int) throws -> Tensor {
            guard let found = maps.first(where: { $0.stride == stride }) else {
                throw Failure("encoder", "has a backbone without a map at 1/\(stride)")
            }
            return found.tensor
        }
        let coarse = try map(16)
        switch kind {
        case .pyramid(let blocks, let laterals, let areChanges):
            let middle = try merged(coarse, laterals[0].apply(map(8)))
            let fine = try merged(middle, laterals[1].apply(map(4)))
            var found = try blocks.enumerated().map { row, block in
                let stride = PublishedHeads.stride(row: row)
                return try block.apply(stride == 16 ? coarse : stride == 8 ? middle : fine)
            }
            if areChanges { for row in 1..<max(1, rows) { found[row] = try found[row].added(to: found[0]) } }
            return try .stacked(found, axis: 1)
        case .single(let linear):
            let w = try linear.apply(coarse.globalAverage())
            return try .stacked(Array(repeating: w, count: rows), axis: 1)
        case .flat(let normalisation, let weight, let bias, let linear):
            let pooled = try SeparableResampling.average(
                normalisation.apply(coarse), side: PublishedLayout.pooled, device: device)
            let flat = try pooled.contiguous().reshaped([coarse.shape[0], -1])
            return try linear.apply(flat.linear(weight, bias: bias)).reshaped([-1, rows, size])
        }
    }

    /// A coarser map enlarged, and added to a finer one.
    private func merged(_ coarse: Tensor, _ fine: Tensor) throws -> Tensor {
        try SeparableResampling.bilinear(coarse, side: fine.shape[3], device: device).added(to: fine)
    }

    /// The tensors that the heads of an encoder have.
    static func shapes(_ card: PublishedEncoder.Card) -> [String: [Int]] {
        let (size, width) = (card.latentSize, card.width)
        var result: [String: [Int]] = [:]
        switch card.layout {
        case .gradualStyle, .encoder4Editing:
            for row in 0..<card.rows {
                result.merge(
                    GradualStyleBlock.shapes(
                        "styles.\(row)", size: size, side: card.backbone.inputSize / stride(row: row))
                ) { $1 }
            }
            for (number, input) in zip(1...2, card.lateralWidths) {
                result["latlayer\(number).weight"] = [size, input, 1, 1]
                result["latlayer\(number).bias"] = [size]
            }
        case .intoW: result = EqualisedLinear.shapes("linear", input: width, output: size)
        case .intoWPlus:
            let count = width * PublishedLayout.pooled * PublishedLayout.pooled
            result = EqualisedLinear.shapes("linear", input: size, output: size * card.rows)
            result["output_layer_2.3.weight"] = [size, count]
            result["output_layer_2.3.bias"] = [size]
            for part in ["weight", "bias", "running_mean", "running_var"] {
                result["output_layer_2.0.\(part)"] = [width]
            }
        }
        return result
    }
}

/// A convolution of one pixel with a bias.
struct PublishedConvolution {
    private let weight: Tensor
    private let bias: Tensor

    init(_ tensors: PublishedTensors, _ name: String, input: Int, output: Int) throws {
        weight = try tensors.tensor("\(name).weight", [output, input, 1, 1])
        bias = try tensors.tensor("\(name).bias", [output])
    }

    func apply(_ x: Tensor) throws -> Tensor { try x.convolved(weight, bias: bias) }
}

/// A batch normalisation with moments that stay as they are.
struct PublishedNormalisation {
    private let parts: [Tensor]

    init(_ tensors: PublishedTensors, _ name: String, channels: Int) throws {
        parts = try ["weight", "bias", "running_mean", "running_var"].map {
            try tensors.tensor("\(name).\($0)", [channels])
        }
    }

    func apply(_ x: Tensor) throws -> Tensor {
        try x.batchNormalised(weight: parts[0], bias: parts[1], mean: parts[2], variance: parts[3], training: false)
    }
}
