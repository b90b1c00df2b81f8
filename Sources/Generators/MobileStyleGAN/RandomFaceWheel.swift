import Core
import Foundation
import Latents
import Weights

/// The default generator: MobileStyleGAN-FFHQ as the Python wheel `random-face` carries it in OpenVINO's format.
public enum RandomFaceWheel {
    /// The wheel's file name on PyPI.
    public static let fileName = "random_face-2021.7.21.1-py3-none-any.whl"
    /// SHA-256 of the published wheel.
    public static let sha256 = "e5d10e2be7df63f06123855ec591ca35dcb1d059eba47ddcb175d7d26b4019b5"
    /// What may be done with the weights.
    public static let licence = """
        MobileStyleGAN code and wheel: Apache-2.0 (S. Belousov). The weights derive from NVIDIA's StyleGAN2-FFHQ and the \
        FFHQ data set, which are for non-commercial use; they are not redistributed by this program.
        """

    /// The two networks in a wheel.
    ///
    /// - Parameters:
    ///   - path: The wheel.
    ///   - checksum: Its expected SHA-256; nil skips the check (for tests with wheels of their own).
    /// - Returns: The mapping network's layers and the synthesis network.
    /// - Throws: ``Failure`` naming the wheel: another file, cut short, tampered with, or a network of another shape.
    public static func read(
        _ path: String, checksum: String? = sha256
    ) throws -> (mapping: [MappingNetwork.Layer], synthesis: MobileStyleGANParameters) {
        let data = try AtomicFile.read(path)
        if let checksum, Hashing.sha256(data) != checksum {
            throw Failure(
                path, "is not the published wheel: its SHA-256 is \(Hashing.sha256(data)), not \(checksum)",
                "delete it and let `directions import default` download it again")
        }
        let archive = try ZipArchive(data, name: path)
        func graph(_ name: String) throws -> OpenVINOGraph {
            let xml = try archive.read(archive.entry("random_face/data/\(name).xml"))
            let weights = try archive.read(archive.entry("random_face/data/\(name).bin"))
            return try OpenVINOGraph(xml: xml, weights: weights, name: "\(path): \(name)")
        }
        return (try mapping(graph("MappingNetwork")), try synthesis(graph("SynthesisNetwork")))
    }

    /// The mapping network's layers: MatMul, Add, PReLU 0.2, Multiply √2, eight times, each fed by the one before.
    static func mapping(_ graph: OpenVINOGraph) throws -> [MappingNetwork.Layer] {
        let products = graph.layers.values.filter { $0.type == "MatMul" }.sorted { $0.id < $1.id }
        return try products.map { product in
            let weight = try graph.constant(graph.input(1, of: product))
            let add = try graph.consumer(of: product, type: "Add")
            let bias = try graph.constant(graph.input(0, of: graph.input(1, of: add)))
            let activation = try graph.consumer(of: add, type: "PReLU")
            let slope = try graph.constant(graph.input(1, of: activation)).floats()
            let gain = try graph.constant(graph.input(1, of: graph.consumer(of: activation, type: "Multiply"))).floats()
            guard weight.shape.count == 2, weight.shape[0] == weight.shape[1], bias.count == weight.shape[0],
                slope.count == 1, abs(slope[0] - 0.2) < 1e-6, gain.count == 1,
                abs(gain[0] - Float(2).squareRoot()) < 1e-6
            else { throw graph.failure("has a mapping layer \(product.name) of an unknown kind") }
            return MappingNetwork.Layer(weight: try weight.floats(), bias: try bias.floats())
        }
    }

    /// The synthesis network, found by the names of its constants and the operations they feed.
    static func synthesis(_ graph: OpenVINOGraph) throws -> MobileStyleGANParameters {
        try checkFixedParts(graph)
        let constant = try graph.constant(graph.layer(named: "m.input.input"))
        guard constant.shape.count == 4, constant.shape[2] == constant.shape[3] else {
            throw graph.failure("has a learned constant of shape \(constant.shape)")
        }
        let start = try graph.layers.values.first { layer in
            guard layer.type == "Convolution", layer.inputs.count == 2 else { return false }
            return try graph.constantShape(graph.input(1, of: layer)).suffix(2) == [3, 3]
        }
        guard let start else { throw graph.failure("has no full 3x3 convolution") }
        let latent = try graph.constantShape(graph.layer(named: "m.conv1.conv.modulation.weight")).last ?? 0
        var layers: [MobileStyleGANParameters.Layer] = []
        while (try? graph.layer(named: "m.layers.\(layers.count).up.modulation.weight")) != nil {
            let prefix = "m.layers.\(layers.count)"
            let second = try convolution(graph, "\(prefix).conv2")
            layers.append(
                MobileStyleGANParameters.Layer(
                    channels: second.bias.count, up: try modulation(graph, "\(prefix).up.modulation"),
                    first: try convolution(graph, "\(prefix).conv1"), second: second))
        }
        let image = "m.layers.\(layers.count - 1).to_img"
        let imageProduct = try graph.product(scaledBy: "\(image).conv.modulation.weight")
        let startNoise = try noise(graph, after: start)
        let network = MobileStyleGANParameters(
            latentSize: latent, startResolution: constant.shape[2], startChannels: constant.shape[1],
            constant: try constant.floats(), startModulation: try modulation(graph, "m.conv1.conv.modulation"),
            startWeight: try graph.constant(graph.input(1, of: start)).floats(), startNoise: startNoise,
            startBias: try graph.constant(graph.layer(named: "m.conv1.bias")).floats(), layers: layers,
            imageModulation: try modulation(graph, "\(image).conv.modulation"),
            imageWeight: try graph.constant(graph.input(1, of: imageProduct)).floats(),
            imageBias: try graph.constant(graph.layer(named: "\(image).bias")).floats())
        try network.checkLengths()
        return network
    }

    /// Every leaky ReLU has slope 0.2, and every transposed convolution is one of a Haar step, with taps ±1/√2.
    private static func checkFixedParts(_ graph: OpenVINOGraph) throws {
        for layer in graph.layers.values where layer.type == "PReLU" {
            let slope = try graph.constant(graph.input(1, of: layer)).floats()
            guard slope.count == 1, abs(slope[0] - 0.2) < 1e-6 else {
                throw graph.failure("has \(layer.name) with the slope \(slope)")
            }
        }
        for layer in graph.layers.values where layer.type == "GroupConvolutionBackpropData" {
            let taps = try graph.constant(graph.input(1, of: layer)).floats()
            guard taps.allSatisfy({ abs(abs($0) - Float(0.5).squareRoot()) < 1e-6 }) else {
                throw graph.failure("has \(layer.name), which is no Haar step")
            }
        }
    }

    private static func modulation(_ graph: OpenVINOGraph, _ name: String) throws -> MobileStyleGANParameters.Modulation
    {
        let weight = try graph.layer(named: name + ".weight")
        let reshaped = try graph.style(from: weight)
        let multiply = try graph.consumer(of: reshaped, type: "Multiply")
        let constants = try multiply.inputs.map { try graph.layer($0) }.filter { $0.type == "Const" }
        let scale = try constants.first.map { try graph.constant($0).floats() } ?? [1]
        guard scale.count == 1 else { throw graph.failure("has \(name) with a scale of \(scale.count) values") }
        return MobileStyleGANParameters.Modulation(
            weight: try graph.constant(weight).floats(),
            bias: try graph.constant(graph.layer(named: name + ".bias")).floats(),
            scale: scale[0])
    }

    private static func convolution(_ graph: OpenVINOGraph, _ name: String) throws
        -> MobileStyleGANParameters.Convolution
    {
        let depthwise = try graph.layer(named: name + ".conv.weight_dw")
        let grouped = try graph.consumer(of: depthwise, type: "GroupConvolution")
        let product = try graph.consumer(of: grouped, type: "Convolution")
        return MobileStyleGANParameters.Convolution(
            modulation: try modulation(graph, name + ".conv.modulation"),
            depthwise: try graph.constant(depthwise).floats(),
            pointwise: try graph.constant(graph.input(1, of: product)).floats(),
            noise: try noise(graph, after: product),
            bias: try graph.constant(graph.layer(named: name + ".bias")).floats())
    }

    private static func noise(_ graph: OpenVINOGraph, after product: OpenVINOGraph.Layer) throws -> [Float] {
        try graph.constant(graph.input(1, of: graph.consumer(of: product, type: "Add"))).floats()
    }
}

extension OpenVINOGraph {
    /// The shape of a constant without its values.
    fileprivate func constantShape(_ layer: Layer) throws -> [Int] { try constant(layer).shape }

    /// The reshaped style that a modulation weight makes: MatMul, Add, Reshape.
    fileprivate func style(from weight: Layer) throws -> Layer {
        let sum = try consumer(of: consumer(of: weight, type: "MatMul"), type: "Add")
        return try consumer(of: sum, type: "Reshape")
    }

    /// The 1×1 convolution of an image made with the style of a modulation weight.
    fileprivate func product(scaledBy weight: String) throws -> Layer {
        let scaled = try consumer(of: style(from: layer(named: weight)), type: "Multiply")
        let modulated = try consumer(of: scaled, type: "Multiply")
        return try consumer(of: modulated, type: "Convolution")
    }
}
