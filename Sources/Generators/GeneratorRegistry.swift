import Core
import Foundation
import Latents
import Synchronization
import Weights

/// The architectures that this program knows.
enum GeneratorRegistry {
    private static let known = Mutex<[any GeneratorNetwork.Type]>([
        MobileStyleGANParameters.self,
        StyleGAN2Parameters.self,
    ])

    /// All of them, in the order of their registration.
    static var architectures: [any GeneratorNetwork.Type] { known.withLock { $0 } }

    static func register(_ architecture: any GeneratorNetwork.Type) {
        known.withLock { known in
            known.removeAll { $0.architecture == architecture.architecture }
            known.append(architecture)
        }
    }

    /// The architecture of a name.
    ///
    /// - Throws: ``Failure`` naming the model folder and what is known.
    static func named(_ name: String, folder: String) throws -> any GeneratorNetwork.Type {
        let all = architectures
        if let found = all.first(where: { $0.architecture == name }) { return found }
        let list = all.map { $0.architecture }
        let names = list.count == 1 ? list[0] : list.dropLast().joined(separator: ", ") + " and " + (list.last ?? "")
        throw Failure(folder, "has the architecture \(name)", "this program knows \(names)", kind: .conflict)
    }

    /// The architecture whose tensors these are.
    ///
    /// - Throws: ``Failure`` naming the file when they are nobody's.
    static func owner(of file: SafetensorsFile, name: String) throws -> any GeneratorNetwork.Type {
        if let found = architectures.first(where: { $0.owns(file) }) { return found }
        throw Failure(
            name, "holds tensors of no architecture that this program knows",
            "give the weights.safetensors of a model folder, or the generator's original file")
    }
}

extension Generator {
    /// Makes an architecture known to this process; one of the same name is replaced.
    ///
    /// For example:
    ///
    /// ```swift
    /// Generator.register(MyNetwork.self)
    /// let generator = try Generator.load(folder: "models/mine")   // whose model.json names MyNetwork.architecture
    /// ```
    public static func register(_ architecture: any GeneratorNetwork.Type) { GeneratorRegistry.register(architecture) }

    /// What `model.json` may call an architecture.
    public static var architectures: [String] { GeneratorRegistry.architectures.map { $0.architecture } }

    /// A network with its mapping, to be written as a model folder.
    public struct Parts: Sendable {
        /// The synthesis network.
        public var network: any GeneratorNetwork
        /// The mapping network's layers, in order, each taking what the one before gives.
        public var mapping: [MappingNetwork.Layer]
        /// [latentSize]: the mean of W; nil to measure it.
        public var meanLatent: [Float]?
        /// The file that they came from: its name and its SHA-256.
        public var source: (name: String, sha256: String)
        /// What may be done with the weights.
        public var licence: String

        /// All parts as they are; ``Generator/write(_:folder:)`` checks them.
        public init(
            network: any GeneratorNetwork, mapping: [MappingNetwork.Layer], meanLatent: [Float]? = nil,
            source: (name: String, sha256: String) = ("", ""), licence: String = "not known"
        ) {
            self.network = network
            self.mapping = mapping
            self.meanLatent = meanLatent
            self.source = source
            self.licence = licence
        }
    }

    /// Writes a model folder, whole or not at all.
    ///
    /// - Parameters:
    ///   - parts: The network and its mapping.
    ///   - folder: The model folder to make or replace; its last component is the generator's name.
    /// - Returns: What the generator is.
    /// - Throws: ``Failure`` when the parts do not fit each other, or naming what can't be written.
    @discardableResult
    public static func write(_ parts: Parts, folder: String) throws -> GeneratorIdentity {
        let network = parts.network
        guard let first = parts.mapping.first, !first.bias.isEmpty, parts.mapping.last?.bias.count == network.latentSize
        else { throw Failure(folder, "would have a mapping network that does not lead to its latents") }
        var tensors = network.tensors
        var inputs = first.weight.count / first.bias.count
        let noiseSize = inputs
        for (k, layer) in parts.mapping.enumerated() {
            tensors["mapping.fc\(k).weight"] = TensorData(layer.weight, shape: [layer.bias.count, inputs])
            tensors["mapping.fc\(k).bias"] = TensorData(layer.bias, shape: [layer.bias.count])
            inputs = layer.bias.count
        }
        let mean =
            try parts.meanLatent ?? MappingNetwork(inputSize: noiseSize, layers: parts.mapping).meanLatent()
        tensors["mean_latent"] = TensorData(mean, shape: [network.latentSize])
        let weights = try SafetensorsFile(
            tensors: tensors, metadata: ["format": "directions-generator", "version": "1"]
        ).encoded()
        let identity = GeneratorIdentity(
            name: (folder as NSString).lastPathComponent, architecture: type(of: network).architecture,
            sha256: Hashing.sha256(weights), resolution: network.resolution, latentSize: network.latentSize,
            layers: network.layout.rows, styleGAN2Layers: network.layout.canonicalRows, sourceName: parts.source.name,
            sourceSHA256: parts.source.sha256, licence: parts.licence, tensors: tensors.mapValues(\.shape))
        try write(identity, weights: weights, folder: folder)
        return identity
    }

    /// Writes a model folder's generator as a file of another program.
    ///
    /// - Parameters:
    ///   - folder: The model folder.
    ///   - path: The file to write.
    ///   - format: The name of an exporter, such as `rosinality`.
    /// - Returns: What the file can't express of the network, for people; nil when it says everything.
    /// - Throws: ``Failure`` when the format can't express the network, or naming what can't be read or written.
    public static func export(folder: String, to path: String, format: String) throws -> String? {
        let identity = try GeneratorIdentity.read(folder: folder)
        let architecture = try GeneratorRegistry.named(identity.architecture, folder: folder)
        if let exporter = architecture.exporters.first(where: { $0.name == format }) {
            return try exporter.run(folder, path)
        }
        let others = GeneratorRegistry.architectures.filter { $0.exporters.contains { $0.name == format } }
        let advice =
            others.isEmpty
            ? "no architecture is written so"
            : "that layout is for \(others.map { $0.architecture }.joined(separator: ", "))"
        throw Failure(
            "generator \(identity.name)", "is a \(identity.architecture), which is not written as \(format)", advice,
            kind: .conflict)
    }
}
