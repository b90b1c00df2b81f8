import Core
import Foundation
import Latents
import Weights

/// Generators of stylegan2 and stylegan2-ada (TensorFlow): kernels are [height, width, in, out], matrices [in, out], styles
/// are centred on 1 at run time, and upsampling kernels are turned by 180° against PyTorch's.
struct TensorFlowGenerator {
    private let pickle: NetworkPickle
    private let tensors: NamedTensors
    private let name: String

    init(_ state: GeneratorState, _ given: NamedTensors) throws {
        pickle = state.network
        name = given.name
        var all: [String: StoredTensor] = [:]
        for (key, value) in given.tensors {
            // synthesis/4x4/…, G_synthesis/4x4/…, or without a component when one network holds all.
            var parts = key.split(separator: "/").map(String.init)
            if let first = parts.first, first.hasSuffix("synthesis") || first.hasSuffix("mapping") {
                parts.removeFirst()
            }
            all[parts.joined(separator: "/")] = value
        }
        tensors = NamedTensors(tensors: all, name: name, release: given.release)
        try checkComplete()
    }

    /// From 4 to the largest level that anything is there of.
    private var sides: [Int] {
        let last = tensors.tensors.keys.compactMap { key -> Int? in
            let parts = (key.split(separator: "/").first ?? "").split(separator: "x")
            return parts.count == 2 && parts[0] == parts[1] ? Int(parts[0]) : nil
        }.max()
        let noises = (tensors.numbers("noise").last ?? 0) + 1
        return (0...12).map { 4 << $0 }.filter { $0 <= max(last ?? 4, 4 << (noises / 2)) }
    }

    /// What the rest of the network says must be there.
    private func checkComplete() throws {
        let sides = self.sides
        if let resolution = number("resolution"), Int(exactly: resolution) != sides.last {
            throw Failure(
                name,
                "says that it makes \(Int(resolution)) pixels a side, and has the levels up to \(sides.last ?? 0)",
                "get the file again")
        }
        let convolutions = sides.flatMap { $0 == 4 ? ["4x4/Conv"] : ["\($0)x\($0)/Conv0_up", "\($0)x\($0)/Conv1"] }
        if convolutions.contains(where: { tensors.has($0 + "/noise_strength") }) {
            try tensors.require(convolutions.map { $0 + "/noise_strength" } + convolutions.indices.map { "noise\($0)" })
        }
        let images = sides.filter { tensors.has("\($0)x\($0)/ToRGB/weight") }
        if images.count > 1 { try tensors.require(sides.map { "\($0)x\($0)/ToRGB/weight" }) }
        let residuals = sides.filter { tensors.has("\($0)x\($0)/Skip/weight") }
        if !residuals.isEmpty { try tensors.require(sides.dropFirst().map { "\($0)x\($0)/Skip/weight" }) }
        let layers = max(
            (tensors.numbers("Dense").last ?? -1) + 1, number("mapping_layers").flatMap { Int(exactly: $0) } ?? 0)
        guard (1...32).contains(layers) else {
            throw Failure(name, "has no mapping network (Dense0/weight, …)", "give the whole network pickle")
        }
        try tensors.require((0..<layers).flatMap { ["Dense\($0)/weight", "Dense\($0)/bias"] })
    }

    func generator(label: Int?) throws -> ForeignGenerator {
        let sides = self.sides
        let isSkip = sides.count == 1 || tensors.has("4x4/ToRGB/weight")
        let isResidual = sides.contains { tensors.has("\($0)x\($0)/Skip/weight") }
        for key in ["nonlinearity", "mapping_nonlinearity"] {
            if let text = pickle.settings[key]?.text, text != "lrelu" {
                throw Failure(name, "has the activation \(text)", "known is lrelu")
            }
        }
        let network = StyleGAN2Parameters(
            architecture: isResidual ? .resnet : isSkip ? .skip : .orig,
            latentSize: try tensors.tensor("4x4/Conv/mod_weight", rank: 2).shape[0],
            constant: try tensors.floats("4x4/Const/const"), levels: try sides.map { try level($0) },
            filter: filter(), clamp: number("conv_clamp").map(Float.init))
        let (mapping, condition) = try mapping(label: label)
        return ForeignGenerator(
            kind: "NVIDIA's TensorFlow pickle", mapping: mapping,
            meanLatent: tensors.has("dlatent_avg") ? try tensors.floats("dlatent_avg") : nil, network: network,
            label: label, condition: condition)
    }

    private func number(_ key: String) -> Double? {
        switch pickle.settings[key] {
        case .integer(let value): Double(value)
        case .float(let value): value
        default: nil
        }
    }

    private func filter() -> [Float] {
        guard let taps = pickle.settings["resample_kernel"]?.elements else { return StyleGAN2Parameters.usualFilter }
        let values = taps.map { tap -> Float in
            switch tap {
            case .integer(let value): Float(value)
            case .float(let value): Float(value)
            default: .nan
            }
        }
        let sum = values.reduce(0, +)
        return values.flatMap { a in values.map { a * $0 / (sum * sum) } }
    }

    /// The layers, and what stands after z: stylegan2 puts a class's row there and normalises both together, stylegan2-ada
    /// normalises each of them, so that the class is a part of the first layer's bias.
    private func mapping(label: Int?) throws -> (layers: [MappingNetwork.Layer], condition: [Float]) {
        let joined = "LabelConcat/weight"
        let key = tensors.has(joined) ? joined : "LabelEmbed/weight"
        let classes = tensors.has(key) ? try tensors.tensor(key, rank: 2).shape[0] : 0
        if classes == 0, (number("label_size") ?? 0) > 0 {
            throw Failure(
                name, "is conditional without an embedding of its classes",
                "this program knows stylegan2's (LabelConcat) and stylegan2-ada's (LabelEmbed)")
        }
        try ConditionalMapping.check(label, classes: classes, name: name)
        let rate = Float(number("mapping_lrmul") ?? 0.01)
        var layers = try tensors.numbers("Dense").map { k in
            MappingNetwork.Layer(
                weight: try tensors.matrix("Dense\(k)/weight", gain: rate, isTransposed: true).values,
                bias: try tensors.floats("Dense\(k)/bias", scale: rate))
        }
        if let label, key == joined {
            let size = try tensors.tensor(joined, rank: 2).shape[1]
            return (layers, Array(try tensors.floats(joined)[label * size..<(label + 1) * size]))
        }
        guard let label, !layers.isEmpty else { return (layers, []) }
        let embed = try tensors.matrix("LabelEmbed/weight", isTransposed: true).values
        let bias = try tensors.floats("LabelEmbed/bias")
        guard embed.count == bias.count * classes, !bias.isEmpty else {
            throw Failure(name, "has an embedding that does not fit its classes", "get the file again")
        }
        let row = bias.indices.map { embed[$0 * classes + label] + bias[$0] }
        let inputs = layers[0].weight.count / max(1, layers[0].bias.count)
        guard inputs > row.count else {
            throw Failure(name, "has a mapping network without noise", "get the file again")
        }
        layers[0] = ConditionalMapping.folded(layers[0], embedding: row, noiseSize: inputs - row.count)
        return (layers, [])
    }

    private func modulation(_ key: String) throws -> StyleGAN2Parameters.Modulation {
        .init(
            weight: try tensors.matrix(key + "/mod_weight", isTransposed: true).values,
            bias: try tensors.floats(key + "/mod_bias", plus: 1))
    }

    /// A kernel [h, w, in, out] as [out, in, h, w], times 1/√(h·w·in); `isTurned` by 180°.
    private func kernel(_ key: String, side: Int, isTurned: Bool = false) throws -> [Float] {
        let tensor = try tensors.tensor(key + "/weight", rank: 4)
        let (inputs, outputs) = (tensor.shape[2], tensor.shape[3])
        guard tensor.shape[0] == side, tensor.shape[1] == side else {
            throw Failure(
                name, "has a kernel of shape \(tensor.shape) in \(key)", "known are kernels of \(side) x \(side)")
        }
        let scale = 1 / Float(max(1, side * side * inputs)).squareRoot()
        let pixel = isTurned ? -inputs * outputs : inputs * outputs
        let kernel = Elements.gathered(
            try tensors.read(tensor), offset: isTurned ? (side * side - 1) * inputs * outputs : 0,
            shape: [outputs, inputs, side, side], strides: [1, outputs, side * pixel, pixel])
        return Vectors.scaled(kernel, by: scale)
    }

    private func convolution(_ key: String, index: Int, side: Int, upsamples: Bool = false) throws
        -> StyleGAN2Parameters.Convolution
    {
        let noise = "noise\(index)"
        let hasNoise = tensors.has(noise) && tensors.has(key + "/noise_strength")
        return .init(
            modulation: try modulation(key), weight: try kernel(key, side: 3, isTurned: upsamples),
            noise: hasNoise ? try tensors.floats(noise) : [Float](repeating: 0, count: side * side),
            noiseStrength: hasNoise ? try tensors.floats(key + "/noise_strength").first ?? 0 : 0,
            bias: try tensors.floats(key + "/bias"))
    }

    private func level(_ side: Int) throws -> StyleGAN2Parameters.Level {
        let key = "\(side)x\(side)"
        let index = 2 * (side.trailingZeroBitCount - 2)
        var image: StyleGAN2Parameters.Image?
        if tensors.has(key + "/ToRGB/weight") {
            let channels = try tensors.tensor(key + "/ToRGB/weight").shape.last ?? 0
            image = .init(
                modulation: try modulation(key + "/ToRGB"),
                weight: try tensors.colours(kernel(key + "/ToRGB", side: 1), channels: channels),
                bias: try tensors.colours(tensors.floats(key + "/ToRGB/bias"), channels: channels))
        }
        return .init(
            first: side == 4 ? nil : try convolution(key + "/Conv0_up", index: index - 1, side: side, upsamples: true),
            second: try convolution(side == 4 ? "4x4/Conv" : key + "/Conv1", index: index, side: side), image: image,
            residual: tensors.has(key + "/Skip/weight") ? try kernel(key + "/Skip", side: 1) : nil)
    }
}
