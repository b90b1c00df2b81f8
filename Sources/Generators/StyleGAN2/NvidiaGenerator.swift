import Core
import Weights

/// Generators of stylegan2-ada-pytorch, and of stylegan3's `networks_stylegan2`.
struct NvidiaGenerator {
    private let pickle: NetworkPickle
    private let tensors: NamedTensors
    private let name: String

    init(_ pickle: NetworkPickle, name: String) throws {
        self.pickle = pickle
        self.name = name
        tensors = NamedTensors(tensors: pickle.tensors, name: name)
        if pickle.classes.keys.contains("synthesis.input") || pickle.classes.values.contains("SynthesisInput") {
            throw Failure(
                name, "is a StyleGAN3 generator, whose alias-free synthesis this program does not have",
                "give a StyleGAN2 generator; stylegan3's code can train one with --cfg=stylegan2")
        }
        guard tensors.has("synthesis.b4.const") else {
            throw Failure(
                name, "has a generator of class \(pickle.classes[""] ?? "?") that is not a StyleGAN2's",
                "give a network pickle of stylegan2-ada-pytorch, or of stylegan3 with --cfg=stylegan2")
        }
    }

    func generator(label: Int?) throws -> ForeignGenerator {
        let sides = (0...12).map { 4 << $0 }.prefix { tensors.has("synthesis.b\($0).conv1.weight") }
        try checkImage(last: sides.last ?? 4)
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
        let mapping = try mapping(label: label, classes: number("c_dim") ?? number("mapping.c_dim") ?? 0)
        return ForeignGenerator(
            kind: "NVIDIA's PyTorch pickle", mapping: mapping,
            meanLatent: tensors.has("mapping.w_avg") ? try tensors.floats("mapping.w_avg") : nil, network: network,
            label: label)
    }

    private func number(_ key: String) -> Int? { pickle.settings[key]?.integer }

    private func checkImage(last side: Int) throws {
        guard try tensors.tensor("synthesis.b\(side).torgb.weight").shape.first == 3 else {
            throw Failure(
                name, "makes images of \(try tensors.tensor("synthesis.b\(side).torgb.weight").shape[0]) channels",
                "this program needs red, green and blue")
        }
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
        switch pickle.settings[key + ".conv_clamp"] {
        case nil, PickleValue.none?: return .some(nil)
        case .integer(let value)?: return .some(Float(value))
        case .float(let value)?: return .some(Float(value))
        default: throw Failure(name, "has a limit of activations in \(key) that is no number", "get the file again")
        }
    }

    private func mapping(label: Int?, classes: Int) throws -> [MappingNetwork.Layer] {
        try ConditionalMapping.check(label, classes: classes, name: name)
        let count = (0...32).first { !tensors.has("mapping.fc\($0).weight") } ?? 0
        var layers = try (0..<count).map { k in
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
        let values = try tensor.floats()
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
            modulation: try modulation(key), weight: try weight.floats(),
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
                weight: try weight.floats(), bias: try tensors.floats(key + ".torgb.bias"))
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
