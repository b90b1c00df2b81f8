import Core
import Foundation
import Weights

/// Generators in the layout of rosinality's stylegan2-pytorch, which pSp, e4e and HFGI share: read and written.
struct RosinalityGenerator {
    private let tensors: NamedTensors
    private let name: String
    private let meanLatent: [Float]?

    /// Multiplies weights and biases of the mapping network; a constant of that code.
    private static let mappingRate: Float = 0.01

    /// Finds the generator's state: under `g_ema`, as `decoder.…` of pSp's `state_dict`, or the file itself.
    init(_ file: TorchValue, name: String) throws {
        self.name = name
        var found: [String: TensorData]?
        for candidate in [file["g_ema"], file["state_dict"], file["params_ema"], file["g"], file] {
            guard case .dictionary(let entries)? = candidate,
                let anchor = entries.last(where: { $0.key == "input.input" || $0.key.hasSuffix(".input.input") })
            else { continue }
            let prefix = anchor.key.dropLast("input.input".count)
            var state: [String: TensorData] = [:]
            for entry in entries where entry.key.hasPrefix(prefix) {
                state[String(entry.key.dropFirst(prefix.count))] = entry.value.tensor
            }
            found = state
            break
        }
        guard let found else {
            throw Failure(
                name, "has no StyleGAN2 generator under g_ema, state_dict or at its top",
                "give a .pt of rosinality's stylegan2-pytorch, pSp, e4e or HFGI, or a network pickle of NVIDIA's")
        }
        tensors = NamedTensors(tensors: found, name: name)
        var mean: [Float]?
        if let tensor = file["latent_avg"]?.tensor {
            // pSp keeps one row a layer, all the same.
            mean = Array(try tensor.floats().prefix(tensor.shape.last ?? 0))
        }
        meanLatent = mean
    }

    func generator() throws -> ForeignGenerator {
        let sides =
            [4]
            + (0...12).map { 8 << $0 }.prefix { tensors.has("convs.\(2 * $0.trailingZeroBitCount - 5).conv.weight") }
        guard try tensors.tensor("to_rgb1.conv.weight", rank: 5).shape[1] == 3 else {
            throw Failure(name, "makes images without red, green and blue", "this program needs three channels")
        }
        let network = StyleGAN2Parameters(
            architecture: .skip, latentSize: try tensors.tensor("conv1.conv.modulation.weight", rank: 2).shape[1],
            constant: try tensors.floats("input.input"),
            levels: try sides.indices.map { try level($0) },
            filter: tensors.has("convs.0.conv.blur.kernel")
                ? try tensors.floats("convs.0.conv.blur.kernel", scale: 0.25) : StyleGAN2Parameters.usualFilter,
            clamp: nil)
        let numbers = tensors.tensors.keys.compactMap { key -> Int? in
            let parts = key.split(separator: ".")
            return parts.count == 3 && parts[0] == "style" && parts[2] == "weight" ? Int(parts[1]) : nil
        }
        let mapping = try numbers.sorted().map { k in
            MappingNetwork.Layer(
                weight: try tensors.matrix("style.\(k).weight", gain: RosinalityGenerator.mappingRate).values,
                bias: try tensors.floats("style.\(k).bias", scale: RosinalityGenerator.mappingRate))
        }
        return ForeignGenerator(
            kind: "rosinality's layout", mapping: mapping, meanLatent: meanLatent, network: network, label: nil)
    }

    private func modulation(_ key: String) throws -> StyleGAN2Parameters.Modulation {
        .init(
            weight: try tensors.matrix(key + ".conv.modulation.weight").values,
            bias: try tensors.floats(key + ".conv.modulation.bias"))
    }

    /// - Parameter index: Which noise is this convolution's.
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
                modulation: try modulation(rgb), weight: try tensors.floats(rgb + ".conv.weight", scale: scale),
                bias: try tensors.floats(rgb + ".bias")))
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
            let scaled = scale == 1 ? values : values.map { $0 * scale }
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
