import Core
import Foundation
import Latents
import Weights

/// Generators in the layout of rosinality's stylegan2-pytorch, which pSp, e4e and HFGI share, read and written; BasicSR's read.
struct RosinalityGenerator {
    private let tensors: NamedTensors
    private let name: String
    private let meanLatent: [Float]?
    private let kind: String

    /// Multiplies weights and biases of the mapping network; a constant of that code.
    private static let mappingRate: Float = 0.01

    /// - Parameters:
    ///   - state: The state that was found in the file.
    ///   - tensors: Those of the state; BasicSR's are given rosinality's names.
    /// - Throws: ``Failure`` naming the file and the first array that is missing or of another shape.
    init(_ state: GeneratorState, _ tensors: NamedTensors) throws {
        name = tensors.name
        var renamed = tensors
        if state.layout == .basicSR { renamed = RosinalityGenerator.renamed(tensors) }
        self.tensors = renamed
        kind = state.layout == .basicSR ? "BasicSR's layout" : "rosinality's layout"
        // pSp keeps one row a layer, all the same.
        meanLatent = try state.meanLatent.map { Array(try $0.floats().prefix($0.shape.last ?? 0)) }
        try checkMapping(wanted: state.mappingLayers)
    }

    /// The names of BasicSR's `StyleGAN2Generator`, whose network is the same.
    private static func renamed(_ tensors: NamedTensors) -> NamedTensors {
        var result: [String: StoredTensor] = [:]
        for (key, tensor) in tensors.tensors {
            var name = key
            for (old, new) in [
                ("style_mlp.", "style."), ("constant_input.weight", "input.input"), ("style_conv1.", "conv1."),
                ("style_convs.", "convs."), ("noises.noise", "noises.noise_"),
            ] where name.hasPrefix(old) { name = new + name.dropFirst(old.count) }
            let isConvolution = name.hasPrefix("conv1.") || name.hasPrefix("convs.")
            if isConvolution, name.hasSuffix(".weight"), !name.contains(".modulated_conv.") {
                name = name.dropLast("weight".count) + "noise.weight"
            }
            result[name.replacingOccurrences(of: ".modulated_conv.", with: ".conv.")] = tensor
        }
        return NamedTensors(tensors: result, name: tensors.name, release: tensors.release)
    }

    /// Layers are numbered from 1, after the normalisation; none may be missing between them.
    private func checkMapping(wanted: Int?) throws {
        let count = max(tensors.numbers("style.").last ?? 0, wanted ?? 0)
        guard count > 0 else {
            throw Failure(name, "has no mapping network (style.1.weight, …)", "give the generator's whole state")
        }
        try tensors.require((1...count).flatMap { ["style.\($0).weight", "style.\($0).bias"] })
    }

    /// How many levels there are above 4×4, by every name that tells; what is missing of them is an error later.
    private var doublings: Int {
        let convolutions = ((tensors.numbers("convs.").last ?? -1) + 2) / 2
        let noises = ((tensors.numbers("noises.noise_").last ?? 0) + 1) / 2
        return max(convolutions, (tensors.numbers("to_rgbs.").last ?? -1) + 1, noises)
    }

    func generator() throws -> ForeignGenerator {
        guard doublings <= 12 else {
            throw Failure(name, "has \(doublings) levels above 4 x 4", "it is not a StyleGAN2 generator")
        }
        let convolutions = ["conv1"] + (0..<2 * doublings).map { "convs.\($0)" }
        if convolutions.contains(where: { tensors.has($0 + ".noise.weight") }) {
            try tensors.require(convolutions.map { $0 + ".noise.weight" })
        }
        if tensors.has("noises.noise_0") { try tensors.require((0...2 * doublings).map { "noises.noise_\($0)" }) }
        let network = StyleGAN2Parameters(
            architecture: .skip, latentSize: try tensors.tensor("conv1.conv.modulation.weight", rank: 2).shape[1],
            constant: try tensors.floats("input.input"),
            levels: try (0...doublings).map { try level($0) },
            filter: tensors.has("convs.0.conv.blur.kernel")
                ? try tensors.floats("convs.0.conv.blur.kernel", scale: 0.25) : StyleGAN2Parameters.usualFilter,
            clamp: nil)
        let mapping = try tensors.numbers("style.").map { k in
            MappingNetwork.Layer(
                weight: try tensors.matrix("style.\(k).weight", gain: RosinalityGenerator.mappingRate).values,
                bias: try tensors.floats("style.\(k).bias", scale: RosinalityGenerator.mappingRate))
        }
        return ForeignGenerator(
            kind: kind, mapping: mapping, meanLatent: meanLatent, network: network, label: nil)
    }

    private func modulation(_ key: String) throws -> StyleGAN2Parameters.Modulation {
        .init(
            weight: try tensors.matrix(key + ".conv.modulation.weight").values,
            bias: try tensors.floats(key + ".conv.modulation.bias"))
    }

    /// - Parameters:
    ///   - key: The convolution's name in the state.
    ///   - index: Which noise is this convolution's.
    ///   - side: Pixels along a side of what it makes.
    /// - Returns: The convolution's parameters.
    /// - Throws: ``Failure`` naming the file and the array that is missing or of another shape.
    private func convolution(_ key: String, index: Int, side: Int) throws -> StyleGAN2Parameters.Convolution {
        let weight = try tensors.tensor(key + ".conv.weight", rank: 5)
        guard weight.shape[0] == 1, weight.shape[3...] == [3, 3] else {
            throw Failure(name, "has a kernel of shape \(weight.shape) in \(key)", "known are kernels of 3 x 3")
        }
        let scale = 1 / Float(max(1, 9 * weight.shape[2])).squareRoot()
        let noise = "noises.noise_\(index)"
        return .init(
            modulation: try modulation(key), weight: try tensors.floats(key + ".conv.weight", scale: scale),
            noise: tensors.has(noise) ? try tensors.floats(noise) : [Float](repeating: 0, count: side * side),
            noiseStrength: tensors.has(key + ".noise.weight")
                ? try tensors.floats(key + ".noise.weight").first ?? 0 : 0,
            bias: try tensors.floats(key + ".activate.bias"))
    }

    private func level(_ k: Int) throws -> StyleGAN2Parameters.Level {
        let rgb = k == 0 ? "to_rgb1" : "to_rgbs.\(k - 1)"
        let weight = try tensors.tensor(rgb + ".conv.weight", rank: 5)
        let scale = 1 / Float(max(1, weight.shape[2])).squareRoot()
        let side = 4 << k
        return .init(
            first: k == 0 ? nil : try convolution("convs.\(2 * k - 2)", index: 2 * k - 1, side: side),
            second: try convolution(k == 0 ? "conv1" : "convs.\(2 * k - 1)", index: 2 * k, side: side),
            image: .init(
                modulation: try modulation(rgb),
                weight: try tensors.colours(
                    tensors.floats(rgb + ".conv.weight", scale: scale), channels: weight.shape[1]),
                bias: try tensors.colours(tensors.floats(rgb + ".bias"), channels: weight.shape[1])))
    }
}

extension RosinalityGenerator {
    /// A generator as a file of `torch.save` with `g_ema` and `latent_avg`.
    ///
    /// - Throws: ``Failure`` when that layout can't express the network.
    static func file(
        _ network: StyleGAN2Parameters, mapping: [MappingNetwork.Layer], meanLatent: [Float], name: String
    ) throws -> TorchValue {
        guard network.architecture == .skip else {
            throw Failure(
                name, "has the architecture \(network.architecture.rawValue)", "rosinality's layout knows only skip")
        }
        let latent = network.latentSize
        guard mapping.allSatisfy({ $0.weight.count == latent * latent }) else {
            throw Failure(
                name, "has a mapping network that is not square", "rosinality's layout knows only square ones")
        }
        var entries: [TorchValue.Entry] = []
        func add(_ key: String, _ values: [Float], _ shape: [Int], scale: Float = 1) {
            let scaled = scale == 1 ? values : Vectors.scaled(values, by: scale)
            entries.append(.init(key: key, value: .tensor(TensorData(scaled, shape: shape))))
        }
        for (k, layer) in mapping.enumerated() {
            add(
                "style.\(k + 1).weight", layer.weight, [latent, latent], scale: Float(latent).squareRoot() / mappingRate
            )
            add("style.\(k + 1).bias", layer.bias, [latent], scale: 1 / mappingRate)
        }
        add("input.input", network.constant, [1, network.constant.count / 16, 4, 4])
        let taps = network.filter.map { $0 * 4 }
        let filterShape = [network.filterSize, network.filterSize]
        func add(_ key: String, _ modulation: StyleGAN2Parameters.Modulation) {
            let channels = modulation.bias.count
            add(
                key + ".conv.modulation.weight", modulation.weight, [channels, latent],
                scale: Float(latent).squareRoot())
            add(key + ".conv.modulation.bias", modulation.bias, [channels])
        }
        func add(_ key: String, _ convolution: StyleGAN2Parameters.Convolution, upsamples: Bool) {
            let (inputs, outputs) = (convolution.modulation.bias.count, convolution.bias.count)
            add(
                key + ".conv.weight", convolution.weight, [1, outputs, inputs, 3, 3],
                scale: Float(9 * inputs).squareRoot())
            if upsamples { add(key + ".conv.blur.kernel", taps, filterShape) }
            add(key, convolution.modulation)
            add(key + ".noise.weight", [convolution.noiseStrength], [1])
            add(key + ".activate.bias", convolution.bias, [outputs])
        }
        for (k, level) in network.levels.enumerated() {
            if let first = level.first { add("convs.\(2 * k - 2)", first, upsamples: true) }
            add(k == 0 ? "conv1" : "convs.\(2 * k - 1)", level.second, upsamples: false)
            guard let image = level.image else { continue }
            let key = k == 0 ? "to_rgb1" : "to_rgbs.\(k - 1)"
            let channels = image.modulation.bias.count
            add(key + ".bias", image.bias, [1, 3, 1, 1])
            if k > 0 { add(key + ".upsample.kernel", taps, filterShape) }
            add(key + ".conv.weight", image.weight, [1, 3, channels, 1, 1], scale: Float(channels).squareRoot())
            add(key, image.modulation)
        }
        for (k, level) in network.levels.enumerated() {
            let side = 4 << k
            if let first = level.first { add("noises.noise_\(2 * k - 1)", first.noise, [1, 1, side, side]) }
            add("noises.noise_\(2 * k)", level.second.noise, [1, 1, side, side])
        }
        return .dictionary([
            .init(key: "g_ema", value: .dictionary(entries)),
            .init(key: "latent_avg", value: .tensor(TensorData(meanLatent, shape: [latent]))),
        ])
    }
}
