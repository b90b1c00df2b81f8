import Core
import Foundation
import Images
import Latents
import Tensors
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
    /// The synthesis network.
    public let network: any GeneratorNetwork

    /// Rows of its codes.
    public var layout: CodeLayout { network.layout }

    /// Reads a model folder.
    ///
    /// - Throws: ``Failure`` naming the file: missing, changed since it was imported, tensors missing or of another shape.
    public static func load(folder: String) throws -> Generator {
        let identity = try GeneratorIdentity.read(folder: folder)
        let path = folder + "/weights.safetensors"
        let mapped = try MappedFile(path)
        guard Hashing.sha256(mapped.data) == identity.sha256 else {
            throw Failure(path, "does not have the SHA-256 of model.json", "import the generator again")
        }
        mapped.dropResident()
        let file = try SafetensorsFile.decode(mapped.data, name: path)
        defer { mapped.dropResident() }
        return try Generator(identity: identity, file: file, folder: folder, path: path)
    }

    private init(identity: GeneratorIdentity, file: SafetensorsFile, folder: String, path: String) throws {
        self.identity = identity
        let layers = try Generator.mappingLayers(file, path)
        let condition = try file.tensors["mapping.condition"]?.floats() ?? []
        let inputs = layers[0].weight.count / max(1, layers[0].bias.count)
        guard condition.count < inputs else {
            throw Failure(path, "has a mapping network without noise", "import the generator again")
        }
        mapping = MappingNetwork(inputSize: inputs - condition.count, layers: layers, condition: condition)
        meanLatent = try Generator.tensor(file, "mean_latent", [identity.latentSize], path)
        let misfit = Failure(
            folder, "has a model.json that does not fit its weights", "import the generator again")
        guard mapping.latentSize == identity.latentSize, mapping.noiseSize % 2 == 0 else { throw misfit }
        network = try GeneratorRegistry.named(identity.architecture, folder: folder).init(file, name: path)
        guard network.latentSize == identity.latentSize, network.resolution == identity.resolution,
            network.layout.rows == identity.layers, network.layout.canonicalRows == identity.styleGAN2Layers
        else { throw misfit }
    }

    /// Another generator with another synthesis network.
    init(_ other: Generator, network: any GeneratorNetwork) {
        identity = other.identity
        mapping = other.mapping
        meanLatent = other.meanLatent
        self.network = network
    }

    /// `mapping.fc0`, `mapping.fc1`, … with shapes that follow one from the other.
    static func mappingLayers(_ file: SafetensorsFile, _ path: String) throws -> [MappingNetwork.Layer] {
        let count = (0...32).first { file.tensors["mapping.fc\($0).weight"] == nil } ?? 0
        guard count > 0 else { throw Failure(path, "has no mapping network", "import the generator again") }
        var inputs: Int?
        return try (0..<count).map { k in
            let key = "mapping.fc\(k).weight"
            guard let shape = file.tensors[key]?.shape, shape.count == 2, shape[0] > 0, shape[1] > 0,
                inputs == nil || shape[1] == inputs
            else { throw Failure(path, "has \(key) of a shape that does not fit", "import the generator again") }
            inputs = shape[0]
            return MappingNetwork.Layer(
                weight: try tensor(file, key, shape, path),
                bias: try tensor(file, "mapping.fc\(k).bias", [shape[0]], path))
        }
    }

    private static func tensor(_ file: SafetensorsFile, _ name: String, _ shape: [Int], _ path: String) throws
        -> [Float]
    {
        guard let tensor = file.tensors[name], tensor.shape == shape else {
            throw Failure(path, "has no tensor \(name) of shape \(shape)", "import the generator again")
        }
        return try tensor.floats()
    }

    /// Writes a model folder beside its place and moves it there.
    static func write(_ identity: GeneratorIdentity, weights: Data, folder: String) throws {
        try write(folder: folder) { path in
            try AtomicFile.write(weights, to: path)
            return identity
        }
    }

    /// Makes or replaces a model folder, whole or not at all.
    ///
    /// - Parameters:
    ///   - folder: The model folder.
    ///   - weights: Writes the weights to the path that it is given and says what they are.
    /// - Throws: What `weights` throws, or ``Failure`` naming what can't be written.
    static func write(folder: String, weights: (String) throws -> GeneratorIdentity) throws {
        let temporary = folder + ".\(getpid()).tmp"
        defer { try? FileManager.default.removeItem(atPath: temporary) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let identity = try weights(temporary + "/weights.safetensors")
        try AtomicFile.write(encoder.encode(identity), to: temporary + "/model.json")
        try move(from: temporary, to: folder)
    }

    /// Moves a whole model folder to its place, in one step for readers; what was there is removed.
    ///
    /// - Throws: ``Failure`` naming what can't be written; what was there is there still.
    public static func move(from temporary: String, to folder: String) throws {
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
    ///   - seed: Names the latents.
    ///   - indices: Which latents of the seed.
    ///   - psi: Truncation: w = mean + psi · (w − mean).
    /// - Returns: [indices.count, latentSize].
    /// - Throws: As ``LatentMapping/map(_:count:)``.
    public func latents(seed: UInt64, indices: Range<UInt64>, psi: Float = 1) throws -> [Float] {
        let noise = LatentNoise(seed: seed, size: mapping.noiseSize)
        var w = try mapping.map(noise.rows(indices), count: indices.count)
        truncate(&w, psi: psi)
        return w
    }

    /// Pulls W codes towards the mean in place: w = mean + psi · (w − mean); psi 1 leaves them bit for bit.
    public func truncate(_ w: inout [Float], psi: Float) {
        if psi != 1 { Vectors.move(&w, to: meanLatent, share: psi) }
    }

    /// A customary image size, or the generator's own where that is smaller.
    public func size(_ wanted: Int) -> Int { min(wanted, identity.resolution) }

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
    ///   - engine: Which implementation; a StyleGAN2 with residual connections has the one on libtorch only.
    ///   - threads: How many threads compute; 0 for one a processor.
    ///   - device: Where to compute; on a CUDA device libtorch does, whatever `engine` says.
    ///   - isHalf: Half precision in the four largest levels; libtorch computes then.
    /// - Returns: The synthesizer.
    /// - Throws: ``Failure`` when memory or threads run out, the processor lacks the path asked for, or the network is
    ///   a StyleGAN2 that was not trained for half precision.
    public func synthesizer(
        _ engine: Engine = .engine, threads: Int = 0, device: Device = .cpu, isHalf: Bool = false
    ) throws -> any Synthesizer {
        let asksForEngine = engine == .engine && device == .cpu && !isHalf
        if asksForEngine, let found = try network.engine(identity: identity, threads: threads) { return found }
        if threads > 0 && device == .cpu { try Torch.setThreads(threads) }
        return try differentiable(device: device, isHalf: isHalf)
    }

    /// A synthesizer with gradients: the project's own kernels on the CPU where they have a way back, else libtorch.
    ///
    /// - Parameters:
    ///   - threads: How many threads compute; 0 for one a processor.
    ///   - device: Where to compute.
    /// - Returns: The synthesizer.
    /// - Throws: ``Failure`` as ``synthesizer(_:threads:device:isHalf:)``.
    public func gradientSynthesizer(threads: Int = 0, device: Device = .cpu) throws -> any GradientSynthesizer {
        if device == .cpu,
            let found = try network.engine(identity: identity, threads: threads) as? any GradientSynthesizer
        {
            return found
        }
        if threads > 0 && device == .cpu { try Torch.setThreads(threads) }
        return try differentiable(device: device)
    }

    /// A synthesizer whose features can be had and changed.
    ///
    /// - Parameters:
    ///   - engine: Which implementation.
    ///   - threads: How many threads compute; 0 for one a processor.
    ///   - device: Where to compute; on a CUDA device libtorch does, whatever `engine` says.
    /// - Returns: The synthesizer.
    /// - Throws: ``Failure`` as ``synthesizer(_:threads:device:isHalf:)``, and where the architecture has no such one.
    public func featureSynthesizer(
        _ engine: Engine = .engine, threads: Int = 0, device: Device = .cpu
    ) throws -> any FeatureSynthesizer {
        if let found = try synthesizer(engine, threads: threads, device: device) as? any FeatureSynthesizer {
            return found
        }
        return try differentiable(device: device)
    }

    /// The differentiable synthesis on libtorch.
    ///
    /// - Parameter device: Where to compute.
    /// - Returns: The synthesizer.
    /// - Throws: ``Failure`` when libtorch can't hold the weights.
    public func tensorSynthesis(device: Device = .cpu) throws -> any DifferentiableSynthesizer {
        try differentiable(device: device)
    }

    private func differentiable(device: Device, isHalf: Bool = false) throws -> any DifferentiableSynthesizer {
        if let found = try network.differentiable(identity: identity, device: device, isHalf: isHalf) { return found }
        throw Failure(
            "generator \(identity.name)", "is a \(identity.architecture), which this program can't compute so",
            "leave out what asks for another device, for half precision or for gradients", kind: .conflict)
    }
}

extension Generator {
    /// Imports a generator's file of another program into a model folder, whole or not at all.
    ///
    /// - Parameters:
    ///   - path: A network pickle of NVIDIA's, a `.pt` or safetensors of its layout, rosinality's or BasicSR's, or
    ///     safetensors of the native form.
    ///   - folder: The model folder to make or replace.
    ///   - label: The class of a conditional network.
    /// - Returns: What the generator is.
    /// - Throws: ``Failure`` as ``ForeignGenerator/read(_:label:)``, or naming what can't be written.
    public static func importFile(_ path: String, folder: String, label: Int? = nil) throws -> GeneratorIdentity {
        if try isNative(path) {
            guard label == nil else {
                throw Failure(path, "is not conditional: it has no classes", "choose no class", kind: .usage)
            }
            return try importNative(path, folder: folder)
        }
        for architecture in GeneratorRegistry.architectures {
            for importer in architecture.importers where try importer.takes(path) {
                return try importer.run(path, folder, label)
            }
        }
        throw Failure(path, "is not a generator that this program can read", "see `directions help import`")
    }

    /// Whether a file is the weights of a model folder: safetensors that say so.
    private static func isNative(_ path: String) throws -> Bool {
        let file = try MappedFile(path)
        guard ForeignGenerator.isSafetensors(file.data) else { return false }
        return try SafetensorsFile.decode(file.data, name: path).metadata["format"] == "directions-generator"
    }

    private static func importNative(_ path: String, folder: String) throws -> GeneratorIdentity {
        let weights = try MappedFile(path).data
        let file = try SafetensorsFile.decode(weights, name: path)
        guard file.metadata["format"] == "directions-generator", let latent = file.tensors["mean_latent"]?.count else {
            throw Failure(
                path, "is not a generator in this program's form",
                "give the weights.safetensors of a model folder, or the generator's original file")
        }
        let architecture = try GeneratorRegistry.owner(of: file, name: path)
        let network = try architecture.init(file, name: path)
        let identity = GeneratorIdentity(
            name: (folder as NSString).lastPathComponent, architecture: architecture.architecture,
            sha256: Hashing.sha256(weights), resolution: network.resolution, latentSize: latent,
            layers: network.layout.rows, styleGAN2Layers: network.layout.canonicalRows,
            sourceName: (path as NSString).lastPathComponent, sourceSHA256: Hashing.sha256(weights),
            licence: "not known: ask where \((path as NSString).lastPathComponent) came from",
            tensors: file.tensors.mapValues(\.shape), source: "this program's form")
        _ = try Generator(identity: identity, file: file, folder: path, path: path)
        try write(identity, weights: weights, folder: folder)
        return identity
    }
}
