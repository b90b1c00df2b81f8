import Core
import Networks
import Tensors

/// What brings told colours into an encoder.
///
/// All begin at nothing: maps and codes as they are without colours, so that a training can begin from an encoder that was told none.
struct ConditionNetwork {
    private let condition: EncoderCondition
    private let configuration: EncoderConfiguration
    /// Transposed convolutions of joint histograms, each with its bias and stride.
    private var enlarging: [(weight: Tensor, bias: Tensor, stride: Int)] = []
    /// What merges with the map.
    private var merge: (weight: Tensor, bias: Tensor)?
    private var hidden: [(weight: Tensor, bias: Tensor)] = []

    /// - Parameters:
    ///   - condition: What is told.
    ///   - configuration: The encoder's shape.
    ///   - maps: The backbone's maps.
    ///   - layers: Gets the tensors.
    /// - Throws: ``Core/Failure`` for a backbone without such a map.
    init(
        _ condition: EncoderCondition, _ configuration: EncoderConfiguration, maps: [(stride: Int, channels: Int)],
        layers: LayerStore
    ) throws {
        self.condition = condition
        self.configuration = configuration
        if condition.kind == .chroma {
            try offsets(layers)
            return
        }
        guard let channels = maps.first(where: { $0.stride == condition.stride })?.channels else {
            throw Failure(
                "condition \(condition.kind.rawValue)",
                "merges at \(condition.mergeSize) pixels, where the backbone has no map", "merge at another size",
                kind: .usage)
        }
        var told = condition.shape[0]
        if condition.kind == .histogram2d {
            for (index, (output, stride)) in [(64, 2), (128, 2), (128, 1)].enumerated() {
                let size = stride == 2 ? 4 : 3
                let deviation = (2 / Float(told * size * size / (stride * stride))).squareRoot()
                let weight = try layers.parameter(
                    "condition.enlarge\(index).weight", [told, output, size, size], .normal(deviation))
                let bias = try layers.parameter("condition.enlarge\(index).bias", [1, output, 1, 1], .constant(0))
                enlarging.append((weight, bias, stride))
                told = output
            }
        }
        let inputs = condition.merge == .concat ? channels + told : told
        // The map passes as it is, what is told begins at nothing.
        var start = [Float](repeating: 0, count: channels * inputs)
        if condition.merge == .concat { for channel in 0..<channels { start[channel * inputs + channel] = 1 } }
        let weight = try layers.parameter("condition.merge.weight", [channels, inputs, 1, 1], .values(start))
        merge = (weight, try layers.parameter("condition.merge.bias", [channels], .constant(0)))
    }

    /// Two layers, and offsets that begin at nothing.
    private mutating func offsets(_ layers: LayerStore) throws {
        let rows = configuration.rows - condition.firstRow
        let widths = [condition.shape[0], 256, 256, rows * configuration.rank]
        for index in 0..<3 {
            let (input, output) = (widths[index], widths[index + 1])
            let deviation: Float = index == 2 ? 0 : (2 / Float(input)).squareRoot()
            let weight = try layers.parameter("condition.linear\(index).weight", [output, input], .normal(deviation))
            hidden.append((weight, try layers.parameter("condition.linear\(index).bias", [output], .constant(0))))
        }
    }

    /// The backbone's maps with what is told merged into one of them.
    ///
    /// - Parameters:
    ///   - maps: The backbone's maps.
    ///   - told: [N, …] as ``EncoderCondition/shape``.
    /// - Returns: As many maps; for `chroma` they themselves.
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    func merged(_ maps: [FeatureMap], _ told: Tensor) throws -> [FeatureMap] {
        guard let merge else { return maps }
        return try maps.map { map in
            guard map.stride == condition.stride else { return map }
            let x = map.tensor
            var spread = told
            if condition.kind == .histogram1d {
                let shape = [told.shape[0], told.shape[1], x.shape[2], x.shape[3]]
                spread = try told.reshaped([told.shape[0], told.shape[1], 1, 1]).expanded(shape)
            } else {
                for (weight, bias, stride) in enlarging {
                    spread = try spread.transposeConvolved(weight, stride: stride, padding: 1).added(to: bias)
                        .leakyReLU()
                }
                spread = try spread.resized(height: x.shape[2], width: x.shape[3])
            }
            if condition.merge == .concat {
                let both = try Tensor.concatenated([x, spread], axis: 1)
                return FeatureMap(stride: map.stride, tensor: try both.convolved(merge.weight, bias: merge.bias))
            }
            let added = try spread.convolved(merge.weight, bias: merge.bias)
            return FeatureMap(stride: map.stride, tensor: try x.added(to: added))
        }
    }

    /// Coordinates with the offsets of `chroma` on the rows that hold colours; the others as they are.
    ///
    /// - Parameters:
    ///   - coordinates: [N, rows, size].
    ///   - told: [N, bins].
    /// - Returns: Of the same shape.
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    func moved(_ coordinates: Tensor, _ told: Tensor) throws -> Tensor {
        guard condition.kind == .chroma else { return coordinates }
        var x = told
        for (index, layer) in hidden.enumerated() {
            x = try x.linear(layer.weight, bias: layer.bias)
            if index < 2 { x = try x.leakyReLU() }
        }
        let (rows, size, rank) = (configuration.rows, configuration.latentSize, configuration.rank)
        let offsets = try x.reshaped([-1, rows - condition.firstRow, rank])
            .padded([0, size - rank, condition.firstRow, 0])
        return try coordinates.added(to: offsets)
    }
}
