import Core
import Foundation
import Latents
import Weights

/// A generator as another program's file holds it, turned into this project's terms.
///
/// For example:
///
/// ```swift
/// let found = try ForeignGenerator.read("stylegan2-ffhq-config-f.pkl")
/// let identity = try found.write(to: Workspace().generator("ffhq"))
/// ```
public struct ForeignGenerator: Sendable {
    /// What kind of file it is, for people.
    public let kind: String
    /// In order; only the first may take another number of inputs than w has components.
    public let mapping: [MappingNetwork.Layer]
    /// The mean of w that the file has; nil when it has none.
    public let meanLatent: [Float]?
    public let network: StyleGAN2Parameters
    /// The class that was chosen of a conditional network.
    public let label: Int?
    /// What stands after z for that class, where it is not a part of the first layer.
    public var condition: [Float] = []

    /// Components of z.
    public var noiseSize: Int {
        (mapping.first?.weight.count ?? 0) / max(1, mapping.first?.bias.count ?? 1) - condition.count
    }

    /// Reads a generator's file, whatever its kind.
    ///
    /// Only the generator's own arrays are looked at, one after the other: the memory taken is that of the generator.
    ///
    /// - Parameters:
    ///   - path: A pickle or safetensors of NVIDIA's, rosinality's, pSp's or BasicSR's: a network, a state, or a
    ///     checkpoint that has one of them.
    ///   - label: The class of a conditional network, from 0.
    /// - Returns: The generator, its arrays in memory.
    /// - Throws: ``Failure`` naming the file: damaged, hostile, of another kind, or of a network that is no StyleGAN2.
    public static func read(_ path: String, label: Int? = nil) throws -> ForeignGenerator {
        let file = try MappedFile(path)
        let state = try GeneratorState.find(in: value(file.data, name: path), name: path)
        let tensors = NamedTensors(tensors: state.network.tensors, name: path, release: file.dropResident)
        let found: ForeignGenerator
        switch state.layout {
        case .rosinality, .basicSR:
            if label != nil {
                throw Failure(path, "is not conditional: it has no classes", "choose no class", kind: .usage)
            }
            found = try RosinalityGenerator(state, tensors).generator()
        case .nvidia: found = try NvidiaGenerator(state, tensors).generator(label: label)
        case .tensorFlow: found = try TensorFlowGenerator(state, tensors).generator(label: label)
        }
        try found.check(path)
        return found
    }

    /// Safetensors begin with the length of a header that begins with a brace.
    static func isSafetensors(_ data: Data) -> Bool {
        data.count > 8 && data[data.startIndex + 8] == UInt8(ascii: "{") && data[data.startIndex + 7] == 0
    }

    private static func value(_ data: Data, name: String) throws -> TorchValue {
        guard isSafetensors(data) else { return try TorchFile.open(data, name: name) }
        let tensors = try SafetensorsFile.decode(data, name: name).tensors.sorted { $0.key < $1.key }
        return .dictionary(tensors.map { .init(key: $0.key, value: .tensor($0.value)) })
    }

    private func check(_ name: String) throws {
        try network.check(name)
        let latent = network.latentSize
        guard (1...32).contains(mapping.count), mapping.last?.bias.count == latent, (2...8192).contains(noiseSize),
            noiseSize % 2 == 0
        else { throw Failure(name, "has a mapping network that does not lead to its latents", "get the file again") }
        guard condition.allSatisfy(\.isFinite) else {
            throw Failure(name, "has a damaged embedding", "get the file again")
        }
        var inputs = noiseSize + condition.count
        for layer in mapping {
            guard layer.weight.count == layer.bias.count * inputs, Vectors.areFinite(layer.weight),
                layer.bias.allSatisfy(\.isFinite)
            else { throw Failure(name, "has a damaged mapping network", "get the file again") }
            inputs = layer.bias.count
        }
        if let meanLatent {
            guard meanLatent.count == latent, meanLatent.allSatisfy(\.isFinite) else {
                throw Failure(name, "has a mean latent of \(meanLatent.count) values", "get the file again")
            }
        }
    }

    /// Writes the model folder, whole or not at all.
    ///
    /// - Parameters:
    ///   - folder: The model folder to make or replace.
    ///   - source: The file it came from.
    /// - Returns: What the generator is.
    /// - Throws: ``Failure`` naming what can't be read or written.
    public func write(to folder: String, source: String) throws -> GeneratorIdentity {
        var arrays = StyleGAN2File.arrays(network)
        var inputs = noiseSize + condition.count
        for (k, layer) in mapping.enumerated() {
            arrays["mapping.fc\(k).weight"] = (layer.weight, [layer.bias.count, inputs])
            arrays["mapping.fc\(k).bias"] = (layer.bias, [layer.bias.count])
            inputs = layer.bias.count
        }
        if !condition.isEmpty { arrays["mapping.condition"] = (condition, [condition.count]) }
        let mean =
            try meanLatent
            ?? MappingNetwork(inputSize: noiseSize, layers: mapping, condition: condition).meanLatent()
        arrays["mean_latent"] = (mean, [network.latentSize])
        let file = (source as NSString).lastPathComponent
        var identity = GeneratorIdentity(
            name: (folder as NSString).lastPathComponent, architecture: "stylegan2", sha256: "",
            resolution: network.resolution, latentSize: network.latentSize, layers: network.styleRows,
            styleGAN2Layers: network.styleRows, sourceName: file, sourceSHA256: try Hashing.sha256(file: source),
            licence: "not known: ask where \(file) came from", tensors: arrays.mapValues(\.shape), source: kind,
            label: label, meanLatentIsMeasured: meanLatent == nil)
        try Generator.write(folder: folder) { path in
            try SafetensorsFile.write(
                arrays, metadata: ["format": "directions-generator", "version": "1"], to: path)
            identity.sha256 = try Hashing.sha256(file: path)
            return identity
        }
        return identity
    }
}

/// The class of a conditional network as a part of its first layer: W·[z; y] + b = W_z·z + (W_y·y + b).
enum ConditionalMapping {
    /// The first layer with a class folded into its bias.
    ///
    /// - Parameters:
    ///   - layer: Takes z and the embedded class, one after the other.
    ///   - embedding: The class's row: weight · gain + bias, not yet normalised.
    ///   - noiseSize: Components of z.
    /// - Returns: The layer for z alone.
    static func folded(_ layer: MappingNetwork.Layer, embedding: [Float], noiseSize: Int) -> MappingNetwork.Layer {
        let outputs = layer.bias.count
        let inputs = noiseSize + embedding.count
        let power = embedding.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(embedding.count)
        let scale = 1 / (power + 1e-8).squareRoot()
        var weight: [Float] = []
        var bias = layer.bias
        for o in 0..<outputs {
            weight += layer.weight[o * inputs..<o * inputs + noiseSize]
            var sum = Double(bias[o])
            for (k, value) in embedding.enumerated() {
                sum += Double(layer.weight[o * inputs + noiseSize + k]) * Double(value) * scale
            }
            bias[o] = Float(sum)
        }
        return MappingNetwork.Layer(weight: weight, bias: bias)
    }

    /// Whether a class was asked for that the network has, or none of a network without.
    static func check(_ label: Int?, classes: Int, name: String) throws {
        guard classes > 0 else {
            if label == nil { return }
            throw Failure(name, "is not conditional: it has no classes", "choose no class", kind: .usage)
        }
        guard let label, (0..<classes).contains(label) else {
            throw Failure(
                name, "is conditional, with \(classes) classes", "choose a class from 0 to \(classes - 1)",
                kind: .usage)
        }
    }
}
