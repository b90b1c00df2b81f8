import Core
import Foundation
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

    /// Components of z.
    public var noiseSize: Int { (mapping.first?.weight.count ?? 0) / max(1, mapping.first?.bias.count ?? 1) }

    /// Reads a generator's file, whatever its kind: a network pickle of NVIDIA's, or rosinality's or pSp's `.pt`.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - label: The class of a conditional network, from 0.
    /// - Throws: ``Failure`` naming the file: damaged, hostile, of another kind, or of a network that is no StyleGAN2.
    public static func read(_ path: String, label: Int? = nil) throws -> ForeignGenerator {
        let data = try AtomicFile.read(path)
        let found: ForeignGenerator
        if NetworkPickle.matches(data) {
            let pickle = try NetworkPickle.decode(data, name: path)
            switch pickle.kind {
            case .torch: found = try NvidiaGenerator(pickle, name: path).generator(label: label)
            case .tensorFlow: found = try TensorFlowGenerator(pickle, name: path).generator(label: label)
            }
        } else {
            if label != nil {
                throw Failure(path, "is not conditional: it has no classes", "choose no class", kind: .usage)
            }
            found = try RosinalityGenerator(TorchFile.decode(data, name: path), name: path).generator()
        }
        try found.check(path)
        return found
    }

    private func check(_ name: String) throws {
        try network.check(name)
        let latent = network.latentSize
        guard (1...32).contains(mapping.count), mapping.last?.bias.count == latent, (2...8192).contains(noiseSize),
            noiseSize % 2 == 0
        else { throw Failure(name, "has a mapping network that does not lead to its latents", "get the file again") }
        var inputs = noiseSize
        for layer in mapping {
            guard layer.weight.count == layer.bias.count * inputs, layer.weight.allSatisfy(\.isFinite),
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
    /// - Throws: ``Failure`` naming what can't be read or written.
    public func write(to folder: String, source: String) throws -> GeneratorIdentity {
        var tensors = StyleGAN2File.tensors(network)
        var inputs = noiseSize
        for (k, layer) in mapping.enumerated() {
            tensors["mapping.fc\(k).weight"] = TensorData(layer.weight, shape: [layer.bias.count, inputs])
            tensors["mapping.fc\(k).bias"] = TensorData(layer.bias, shape: [layer.bias.count])
            inputs = layer.bias.count
        }
        let mean = try meanLatent ?? MappingNetwork(inputSize: noiseSize, layers: mapping).meanLatent()
        tensors["mean_latent"] = TensorData(mean, shape: [network.latentSize])
        let weights = try SafetensorsFile(
            tensors: tensors, metadata: ["format": "directions-generator", "version": "1"]
        ).encoded()
        let name = (folder as NSString).lastPathComponent
        let identity = GeneratorIdentity(
            name: name, architecture: "stylegan2", sha256: Hashing.sha256(weights), resolution: network.resolution,
            latentSize: network.latentSize, layers: network.styleRows, styleGAN2Layers: network.styleRows,
            sourceName: (source as NSString).lastPathComponent, sourceSHA256: try Hashing.sha256(file: source),
            licence: "not known: ask where \((source as NSString).lastPathComponent) came from",
            tensors: tensors.mapValues(\.shape), source: kind, label: label,
            meanLatentIsMeasured: meanLatent == nil)
        try Generator.write(identity, weights: weights, folder: folder)
        return identity
    }
}

/// Arrays of a file by name, with shapes checked on the way out.
struct NamedTensors {
    let tensors: [String: TensorData]
    let name: String

    func has(_ key: String) -> Bool { tensors[key] != nil }

    func tensor(_ key: String, rank: Int? = nil) throws -> TensorData {
        guard let tensor = tensors[key] else {
            throw Failure(name, "has no \(key)", "it is not a StyleGAN2 generator, or the file is incomplete")
        }
        if let rank, tensor.shape.count != rank {
            throw Failure(name, "has \(key) of shape \(tensor.shape)", "it is not a StyleGAN2 generator")
        }
        return tensor
    }

    /// Values times a scale.
    func floats(_ key: String, scale: Float = 1, plus offset: Float = 0) throws -> [Float] {
        let values = try tensor(key).floats()
        return scale == 1 && offset == 0 ? values : values.map { $0 * scale + offset }
    }

    /// A matrix with each value times `gain` over the root of its inputs: the equalised learning rate.
    func matrix(_ key: String, gain: Float = 1, isTransposed: Bool = false) throws -> (values: [Float], inputs: Int) {
        let tensor = try tensor(key, rank: 2)
        let inputs = tensor.shape[isTransposed ? 0 : 1]
        guard inputs > 0 else { throw Failure(name, "has an empty \(key)", "get the file again") }
        let scale = gain / Float(inputs).squareRoot()
        let values = try tensor.floats().map { $0 * scale }
        guard isTransposed else { return (values, inputs) }
        let outputs = tensor.shape[1]
        return ((0..<outputs).flatMap { o in (0..<inputs).map { values[$0 * outputs + o] } }, inputs)
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
