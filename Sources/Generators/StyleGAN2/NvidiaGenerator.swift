import Core
import Latents
import Weights

/// Generators of stylegan2-ada-pytorch, and of stylegan3's `networks_stylegan2`.
struct NvidiaGenerator {
    private let pickle: NetworkPickle
    private let tensors: NamedTensors
    private let name: String

    init(_ state: GeneratorState, _ tensors: NamedTensors) throws {
        pickle = state.network
        self.tensors = tensors
        name = tensors.name
        let sides = tensors.numbers("synthesis.b")
        guard let last = sides.last, last <= 4 << 12, last >= 4, last & (last - 1) == 0 else {
            throw Failure(name, "has a generator that is not a StyleGAN2's", "give one of stylegan2-ada-pytorch")
        }
        try checkComplete(sides: NvidiaGenerator.sides(to: last))
    }

    private static func sides(to last: Int) -> [Int] { Array(sequence(first: 4) { $0 < last ? 2 * $0 : nil }) }

    /// What the rest of the network says must be there.
    private func checkComplete(sides: [Int]) throws {
        if let resolution = number("synthesis.img_resolution") ?? number("img_resolution"), resolution != sides.last {
            throw Failure(
                name, "says that it makes \(resolution) pixels a side, and has the levels up to \(sides.last ?? 0)",
                "get the file again")
        }
        let convolutions = sides.flatMap { $0 == 4 ? ["b4.conv1"] : ["b\($0).conv0", "b\($0).conv1"] }
            .map { "synthesis." + $0 }
        try tensors.require(convolutions.map { $0 + ".weight" })
        for part in [".noise_const", ".noise_strength"]
        where pickle.settings.isEmpty && convolutions.contains(where: { tensors.has($0 + part) }) {
            try tensors.require(convolutions.map { $0 + part })
        }
        let images = sides.filter { tensors.has("synthesis.b\($0).torgb.weight") }
        if images.count > 1 { try tensors.require(sides.map { "synthesis.b\($0).torgb.weight" }) }
        let residuals = sides.filter { tensors.has("synthesis.b\($0).skip.weight") }
        if !residuals.isEmpty { try tensors.require(sides.dropFirst().map { "synthesis.b\($0).skip.weight" }) }
        let layers = max((tensors.numbers("mapping.fc").last ?? -1) + 1, number("mapping.num_layers") ?? 0)
        guard layers > 0 else {
            throw Failure(name, "has no mapping network (mapping.fc0.weight, …)", "give the whole generator")
        }
        try tensors.require((0..<layers).flatMap { ["mapping.fc\($0).weight", "mapping.fc\($0).bias"] })
    }

    func generator(label: Int?) throws -> ForeignGenerator {
        let sides = NvidiaGenerator.sides(to: tensors.numbers("synthesis.b").last ?? 4)
        try checkActivations()
        let isSkip = sides.count == 1 || tensors.has("synthesis.b4.torgb.weight")
        let isResidual = sides.contains { tensors.has("synthesis.b\($0).skip.weight") }
        let clamps = try Set(
            sides.flatMap { side in try ["conv0", "conv1", "torgb"].compactMap { try clamp(side, $0) } })
        guard clamps.count <= 1 else {
            throw Failure(name, "limits its activations in different ways", "known is one limit")
        }
        let latent = try tensors.tensor("synthesis.b4.conv1.affine.weight", rank: 2).shape[1]
        let network = StyleGAN2Parameters(
            architecture: isResidual ? .resnet : isSkip ? .skip : .orig, latentSize: latent,
            constant: try tensors.floats("synthesis.b4.const"), levels: try sides.map { try level($0) },
            filter: try filter(), clamp: clamps.first ?? nil)
        let embedded =
            tensors.has("mapping.embed.weight") ? try tensors.tensor("mapping.embed.weight", rank: 2).shape[1] : 0
        let mapping = try mapping(label: label, classes: number("c_dim") ?? number("mapping.c_dim") ?? embedded)
        return ForeignGenerator(
            kind: pickle.settings.isEmpty
                ? "a state of NVIDIA's layout, its activations limited to ±256 as NVIDIA trains"
                : "NVIDIA's PyTorch pickle", mapping: mapping,
            meanLatent: tensors.has("mapping.w_avg") ? try tensors.floats("mapping.w_avg") : nil, network: network,
            label: label)
    }

    private func number(_ key: String) -> Int? { pickle.settings[key]?.integer }

    private func checkActivations() throws {
        for (key, value) in pickle.settings where key.hasSuffix(".activation") {
            // The affine layers of styles are linear; a module's full path tells which are which.
            let isLayer =
                key.hasSuffix(".conv0.activation") || key.hasSuffix(".conv1.activation") || key.contains("mapping.fc")
            guard !isLayer || value.text == "lrelu" else {
                throw Failure(name, "has the activation \(value.text ?? "?") in \(key)", "known is lrelu")
            }
        }
    }

    /// The limit of a layer: nil when there is no such layer, `.some(nil)` when it has none.
    private func clamp(_ side: Int, _ layer: String) throws -> Float?? {
        let key = "synthesis.b\(side).\(layer)"
        guard tensors.has(key + ".weight") else { return nil }
        // A state has no settings; NVIDIA's training sets this one, and what is below it does not feel it.
        if pickle.settings.isEmpty { return 256 }
        switch pickle.settings[key + ".conv_clamp"] {
        case nil, PickleValue.none?: return .some(nil)
        case .integer(let value)?: return .some(Float(value))
        case .float(let value)?: return .some(Float(value))
        default: throw Failure(name, "has a limit of activations in \(key) that is no number", "get the file again")
        }
    }

    private func mapping(label: Int?, classes: Int) throws -> [MappingNetwork.Layer] {
        try ConditionalMapping.check(label, classes: classes, name: name)
        var layers = try tensors.numbers("mapping.fc").map { k in
            let multiplier = pickle.settings["mapping.fc\(k).bias_gain"]
            let rate: Float =
                switch multiplier {
                case .float(let value): Float(value)
                case .integer(let value): Float(value)
                default: 0.01
                }
            return MappingNetwork.Layer(
                weight: try tensors.matrix("mapping.fc\(k).weight", gain: rate).values,
                bias: try tensors.floats("mapping.fc\(k).bias", scale: rate))
        }
        guard let label, !layers.isEmpty else { return layers }
        let embed = try tensors.matrix("mapping.embed.weight")
        let bias = try tensors.floats("mapping.embed.bias")
        guard embed.inputs == classes, !bias.isEmpty, embed.values.count == bias.count * classes else {
            throw Failure(
                name, "has an embedding of \(embed.inputs) classes, and says \(classes)", "get the file again")
        }
        let row = bias.indices.map { embed.values[$0 * classes + label] + bias[$0] }
        let inputs = layers[0].weight.count / max(1, layers[0].bias.count)
        guard inputs > row.count else {
            throw Failure(name, "has a mapping network without noise", "get the file again")
        }
        layers[0] = ConditionalMapping.folded(layers[0], embedding: row, noiseSize: inputs - row.count)
        return layers
    }

    private func filter() throws -> [Float] {
        let key = "synthesis.b8.conv0.resample_filter"
        guard tensors.has(key) else { return StyleGAN2Parameters.usualFilter }
        let tensor = try tensors.tensor(key)
        let values = try tensors.read(tensor)
        // A long filter is kept as one row of a separable one.
        return tensor.shape.count == 1 ? values.flatMap { a in values.map { a * $0 } } : values
    }

    private func modulation(_ key: String, gain: Float = 1) throws -> StyleGAN2Parameters.Modulation {
        .init(
            weight: try tensors.matrix(key + ".affine.weight", gain: gain).values,
            bias: try tensors.floats(key + ".affine.bias", scale: gain))
    }

    private func convolution(_ key: String, side: Int) throws -> StyleGAN2Parameters.Convolution {
        let weight = try tensors.tensor(key + ".weight", rank: 4)
        guard weight.shape[2...] == [3, 3] else {
            throw Failure(name, "has a kernel of shape \(weight.shape) in \(key)", "known are kernels of 3 x 3")
        }
        let hasNoise = tensors.has(key + ".noise_const")
        return .init(
            modulation: try modulation(key), weight: try tensors.read(weight),
            noise: hasNoise ? try tensors.floats(key + ".noise_const") : [Float](repeating: 0, count: side * side),
            noiseStrength: hasNoise ? try tensors.floats(key + ".noise_strength").first ?? 0 : 0,
            bias: try tensors.floats(key + ".bias"))
    }

    private func level(_ side: Int) throws -> StyleGAN2Parameters.Level {
        let key = "synthesis.b\(side)"
        var image: StyleGAN2Parameters.Image?
        if tensors.has(key + ".torgb.weight") {
            let weight = try tensors.tensor(key + ".torgb.weight", rank: 4)
            guard weight.shape[2...] == [1, 1] else {
                throw Failure(
                    name, "has a kernel of shape \(weight.shape) in \(key).torgb", "known are kernels of 1 x 1")
            }
            image = .init(
                modulation: try modulation(key + ".torgb", gain: 1 / Float(max(1, weight.shape[1])).squareRoot()),
                weight: try tensors.colours(tensors.read(weight), channels: weight.shape[0]),
                bias: try tensors.colours(tensors.floats(key + ".torgb.bias"), channels: weight.shape[0]))
        }
        var residual: [Float]?
        if tensors.has(key + ".skip.weight") {
            let weight = try tensors.tensor(key + ".skip.weight", rank: 4)
            residual = try tensors.floats(key + ".skip.weight", scale: 1 / Float(max(1, weight.shape[1])).squareRoot())
        }
        return .init(
            first: side == 4 ? nil : try convolution(key + ".conv0", side: side),
            second: try convolution(key + ".conv1", side: side), image: image, residual: residual)
    }
}
