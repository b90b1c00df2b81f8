import Core
import Foundation
import Weights

/// MobileStyleGAN's weights under the native names of `docs/model-format.md`, both ways.
enum MobileStyleGANFile {
    typealias Parameters = MobileStyleGANParameters

    /// The tensors of a network; a modulation's scale is folded into its weight and bias.
    static func tensors(_ network: Parameters) -> [String: TensorData] {
        var result: [String: TensorData] = [:]
        let latent = network.latentSize
        func add(_ name: String, _ values: [Float], _ shape: [Int]) {
            result["synthesis." + name] = TensorData(values, shape: shape)
        }
        func add(_ name: String, _ modulation: Parameters.Modulation) {
            let channels = modulation.bias.count
            add(name + ".weight", Vectors.scaled(modulation.weight, by: modulation.scale), [channels, latent])
            add(name + ".bias", modulation.bias.map { $0 * modulation.scale }, [channels])
        }
        func add(_ name: String, _ convolution: Parameters.Convolution, side: Int) {
            let (inputs, outputs) = (convolution.modulation.bias.count, convolution.bias.count)
            add(name + ".modulation", convolution.modulation)
            add(name + ".depthwise", convolution.depthwise, [inputs, 3, 3])
            add(name + ".pointwise", convolution.pointwise, [outputs, inputs])
            add(name + ".noise", convolution.noise, [side, side])
            add(name + ".bias", convolution.bias, [outputs])
        }
        let (start, side) = (network.startChannels, network.startResolution)
        add("constant", network.constant, [start, side, side])
        add("start.modulation", network.startModulation)
        add("start.weight", network.startWeight, [start, start, 3, 3])
        add("start.noise", network.startNoise, [side, side])
        add("start.bias", network.startBias, [start])
        for (k, layer) in network.layers.enumerated() {
            add("layers.\(k).up", layer.up)
            add("layers.\(k).first", layer.first, side: side << (k + 1))
            add("layers.\(k).second", layer.second, side: side << (k + 1))
        }
        let channels = network.layers.last?.channels ?? start
        add("image.modulation", network.imageModulation)
        add("image.weight", network.imageWeight, [12, channels])
        add("image.bias", network.imageBias, [12])
        return result
    }

    /// The network of a file's tensors.
    ///
    /// - Throws: ``Failure`` naming a missing tensor, or one whose shape is not that of such a network.
    static func network(_ file: SafetensorsFile, name: String) throws -> Parameters {
        let reader = Reader(file: file, name: name)
        let constant = try reader.tensor("constant", rank: 3)
        let layerCount = (0...16).first { file.tensors["synthesis.layers.\($0).up.weight"] == nil } ?? 0
        var layers: [Parameters.Layer] = []
        for k in 0..<layerCount {
            let first = try reader.convolution("layers.\(k).first")
            let second = try reader.convolution("layers.\(k).second")
            layers.append(
                Parameters.Layer(
                    channels: second.bias.count, up: try reader.modulation("layers.\(k).up"), first: first,
                    second: second))
        }
        let start = try reader.modulation("start.modulation")
        let network = Parameters(
            latentSize: start.weight.count / max(start.bias.count, 1), startResolution: constant.shape[1],
            startChannels: constant.shape[0], constant: try constant.floats(), startModulation: start,
            startWeight: try reader.floats("start.weight"), startNoise: try reader.floats("start.noise"),
            startBias: try reader.floats("start.bias"), layers: layers,
            imageModulation: try reader.modulation("image.modulation"), imageWeight: try reader.floats("image.weight"),
            imageBias: try reader.floats("image.bias"))
        try network.checkLengths()
        return network
    }

    private struct Reader {
        let file: SafetensorsFile
        let name: String

        func tensor(_ key: String, rank: Int? = nil) throws -> TensorData {
            guard let tensor = file.tensors["synthesis." + key] else {
                throw Failure(name, "has no tensor synthesis.\(key)", "import the generator again")
            }
            guard rank == nil || tensor.shape.count == rank else {
                throw Failure(name, "has synthesis.\(key) of shape \(tensor.shape)", "import the generator again")
            }
            return tensor
        }

        func floats(_ key: String) throws -> [Float] { try tensor(key).floats() }

        func modulation(_ key: String) throws -> Parameters.Modulation {
            Parameters.Modulation(weight: try floats(key + ".weight"), bias: try floats(key + ".bias"), scale: 1)
        }

        func convolution(_ key: String) throws -> Parameters.Convolution {
            Parameters.Convolution(
                modulation: try modulation(key + ".modulation"), depthwise: try floats(key + ".depthwise"),
                pointwise: try floats(key + ".pointwise"), noise: try floats(key + ".noise"),
                bias: try floats(key + ".bias"))
        }
    }
}
