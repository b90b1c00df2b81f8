import Core
import Foundation
import Weights

/// StyleGAN2's weights under the native names of `docs/model-format.md`, both ways.
enum StyleGAN2File {
    typealias Parameters = StyleGAN2Parameters

    /// The arrays of a network by name, which share its memory.
    static func arrays(_ network: Parameters) -> [String: (values: [Float], shape: [Int])] {
        var result: [String: (values: [Float], shape: [Int])] = [:]
        func add(_ name: String, _ values: [Float], _ shape: [Int]) { result["synthesis." + name] = (values, shape) }
        func add(_ name: String, _ modulation: Parameters.Modulation) {
            add(name + ".modulation.weight", modulation.weight, [modulation.bias.count, network.latentSize])
            add(name + ".modulation.bias", modulation.bias, [modulation.bias.count])
        }
        func add(_ name: String, _ convolution: Parameters.Convolution, side: Int) {
            let (inputs, outputs) = (convolution.modulation.bias.count, convolution.bias.count)
            add(name, convolution.modulation)
            add(name + ".weight", convolution.weight, [outputs, inputs, 3, 3])
            add(name + ".noise", convolution.noise, [side, side])
            add(name + ".noise_strength", [convolution.noiseStrength], [1])
            add(name + ".bias", convolution.bias, [outputs])
        }
        add("constant", network.constant, [network.constant.count / 16, 4, 4])
        add("filter", network.filter, [network.filterSize, network.filterSize])
        if let clamp = network.clamp { add("clamp", [clamp], [1]) }
        for (k, level) in network.levels.enumerated() {
            let prefix = "levels.\(k)"
            if let first = level.first { add(prefix + ".first", first, side: 4 << k) }
            add(prefix + ".second", level.second, side: 4 << k)
            if let residual = level.residual, let first = level.first {
                add(prefix + ".residual.weight", residual, [first.bias.count, first.modulation.bias.count])
            }
            if let image = level.image {
                add(prefix + ".image", image.modulation)
                add(prefix + ".image.weight", image.weight, [3, image.modulation.bias.count])
                add(prefix + ".image.bias", image.bias, [3])
            }
        }
        return result
    }

    /// The network of a file's tensors; its architecture shows in which of them are there.
    ///
    /// - Throws: ``Failure`` naming a missing tensor, or one whose shape is not that of such a network.
    static func network(_ file: SafetensorsFile, name: String) throws -> Parameters {
        func floats(_ key: String) throws -> [Float] {
            guard let tensor = file.tensors["synthesis." + key] else {
                throw Failure(name, "has no tensor synthesis.\(key)", "import the generator again")
            }
            return try tensor.floats()
        }
        func optional(_ key: String) throws -> [Float]? { try file.tensors["synthesis." + key]?.floats() }
        func modulation(_ key: String) throws -> Parameters.Modulation {
            .init(weight: try floats(key + ".modulation.weight"), bias: try floats(key + ".modulation.bias"))
        }
        func convolution(_ key: String) throws -> Parameters.Convolution {
            guard let strength = try floats(key + ".noise_strength").first else {
                throw Failure(name, "has an empty synthesis.\(key).noise_strength", "import the generator again")
            }
            return .init(
                modulation: try modulation(key), weight: try floats(key + ".weight"), noise: try floats(key + ".noise"),
                noiseStrength: strength, bias: try floats(key + ".bias"))
        }
        let count = (0...16).first { file.tensors["synthesis.levels.\($0).second.weight"] == nil } ?? 0
        var levels: [Parameters.Level] = []
        for k in 0..<count {
            let prefix = "levels.\(k)"
            let hasImage = file.tensors["synthesis.\(prefix).image.weight"] != nil
            levels.append(
                .init(
                    first: k == 0 ? nil : try convolution(prefix + ".first"),
                    second: try convolution(prefix + ".second"),
                    image: hasImage
                        ? .init(
                            modulation: try modulation(prefix + ".image"), weight: try floats(prefix + ".image.weight"),
                            bias: try floats(prefix + ".image.bias")) : nil,
                    residual: try optional(prefix + ".residual.weight")))
        }
        let isResidual = levels.contains { $0.residual != nil }
        let isSkip = levels.count == 1 || levels.first?.image != nil
        let start = levels.first?.second.modulation
        let network = Parameters(
            architecture: isResidual ? .resnet : isSkip ? .skip : .orig,
            latentSize: (start?.weight.count ?? 0) / max(1, start?.bias.count ?? 1), constant: try floats("constant"),
            levels: levels, filter: try floats("filter"), clamp: try optional("clamp")?.first)
        try network.check(name)
        return network
    }
}
