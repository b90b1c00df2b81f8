import Core
import Foundation
import Weights

/// Generators of stylegan2 and stylegan2-ada (TensorFlow): kernels are [height, width, in, out], matrices [in, out], styles
/// are centred on 1 at run time, and upsampling kernels are turned by 180° against PyTorch's.
struct TensorFlowGenerator {
    private let pickle: NetworkPickle
    private let tensors: NamedTensors
    private let name: String

    init(_ pickle: NetworkPickle, name: String) throws {
        self.pickle = pickle
        self.name = name
        var all: [String: TensorData] = [:]
        for (key, value) in pickle.tensors {
            // synthesis/4x4/…, G_synthesis/4x4/…, or without a component when one network holds all.
            var parts = key.split(separator: "/").map(String.init)
            if let first = parts.first, first.hasSuffix("synthesis") || first.hasSuffix("mapping") {
                parts.removeFirst()
            }
            all[parts.joined(separator: "/")] = value
        }
        tensors = NamedTensors(tensors: all, name: name)
        if all.keys.contains(where: { $0.contains("/StyleMod/") }) {
            throw Failure(name, "is a StyleGAN generator of the first version", "give a StyleGAN2 generator")
        }
        guard all["4x4/Conv/mod_weight"] != nil else {
            throw Failure(
                name, "has a generator that is not a StyleGAN2's", "give a network pickle of stylegan2 or stylegan2-ada"
            )
        }
    }

    func generator(label: Int?) throws -> ForeignGenerator {
        let sides = [4] + (1...12).map { 4 << $0 }.prefix { tensors.has("\($0)x\($0)/Conv1/weight") }
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
        return ForeignGenerator(
            kind: "NVIDIA's TensorFlow pickle", mapping: try mapping(label: label),
            meanLatent: tensors.has("dlatent_avg") ? try tensors.floats("dlatent_avg") : nil, network: network,
            label: label)
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

    private func mapping(label: Int?) throws -> [MappingNetwork.Layer] {
        let classes = tensors.has("LabelEmbed/weight") ? try tensors.tensor("LabelEmbed/weight", rank: 2).shape[0] : 0
        if classes == 0, (number("label_size") ?? 0) > 0 {
            throw Failure(
                name, "is conditional without an embedding of its classes", "this program knows stylegan2-ada's")
        }
        try ConditionalMapping.check(label, classes: classes, name: name)
        let rate = Float(number("mapping_lrmul") ?? 0.01)
        let count = (0...32).first { !tensors.has("Dense\($0)/weight") } ?? 0
        var layers = try (0..<count).map { k in
            MappingNetwork.Layer(
                weight: try tensors.matrix("Dense\(k)/weight", gain: rate, isTransposed: true).values,
                bias: try tensors.floats("Dense\(k)/bias", scale: rate))
        }
        guard let label, !layers.isEmpty else { return layers }
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
        return layers
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
        let values = try tensor.floats()
        var result = [Float](repeating: 0, count: values.count)
        for y in 0..<side {
            for x in 0..<side {
                let target = isTurned ? (side - 1 - y) * side + side - 1 - x : y * side + x
                for i in 0..<inputs {
                    let source = ((y * side + x) * inputs + i) * outputs
                    for o in 0..<outputs {
                        result[(o * inputs + i) * side * side + target] = values[source + o] * scale
                    }
                }
            }
        }
        return result
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
            guard try tensors.tensor(key + "/ToRGB/weight").shape.last == 3 else {
                throw Failure(name, "makes images without red, green and blue", "this program needs three channels")
            }
            image = .init(
                modulation: try modulation(key + "/ToRGB"), weight: try kernel(key + "/ToRGB", side: 1),
                bias: try tensors.floats(key + "/ToRGB/bias"))
        }
        return .init(
            first: side == 4 ? nil : try convolution(key + "/Conv0_up", index: index - 1, side: side, upsamples: true),
            second: try convolution(side == 4 ? "4x4/Conv" : key + "/Conv1", index: index, side: side), image: image,
            residual: tensors.has(key + "/Skip/weight") ? try kernel(key + "/Skip", side: 1) : nil)
    }
}
