import Core
import Foundation
import Images
import Latents
import Tensors
import Weights

/// MobileStyleGAN (Belousov 2021, arXiv 2104.04767) as an architecture of this program.
extension MobileStyleGANParameters: GeneratorNetwork {
    public static let architecture = "mobilestylegan"

    // Distilled with one w for all rows.
    public static let isTrainedOnMixedRows = false

    public static func owns(_ file: SafetensorsFile) -> Bool { file.tensors["synthesis.start.weight"] != nil }

    public static let importers = [
        GeneratorImporter(
            name: "the wheel random-face", takes: { $0.hasSuffix(".whl") },
            run: { path, folder, label in
                guard label == nil else {
                    throw Failure(path, "is not conditional: it has no classes", "leave the class out", kind: .usage)
                }
                return try Generator.importWheel(path, folder: folder)
            })
    ]

    public init(_ file: SafetensorsFile, name: String) throws {
        self = try MobileStyleGANFile.network(file, name: name)
    }

    public var tensors: [String: TensorData] { MobileStyleGANFile.tensors(self) }

    /// Its own rows: 0 for the 4×4 convolution; 3k+1 (up and first convolution), 3k+2 (second), 3k+3 (image) for layer k.
    ///
    /// StyleGAN2's: row 0; 2k+1, 2k+2, 2k+3 for the block at the same resolution, the last shared with the next block.
    public var layout: CodeLayout {
        var rows = [0]
        for k in layers.indices { rows += [2 * k + 1, 2 * k + 2, 2 * k + 3] }
        return CodeLayout(canonicalRow: rows, canonicalRows: 2 * layers.count + 4)
    }

    public func engine(identity: GeneratorIdentity, threads: Int) throws -> (any Synthesizer)? {
        try MobileStyleGANEngineSynthesizer(identity: identity, network: self, threads: threads)
    }

    public func differentiable(
        identity: GeneratorIdentity, device: Device, isHalf: Bool
    ) throws -> (any DifferentiableSynthesizer)? {
        try MobileStyleGANTensors(identity: identity, network: self, device: device, isHalf: isHalf)
    }
}

extension Generator {
    /// Imports the default generator from its wheel into a model folder, whole or not at all.
    ///
    /// - Parameters:
    ///   - wheel: The wheel's path.
    ///   - folder: The model folder to make or replace.
    ///   - checksum: The wheel's expected SHA-256; nil skips the check.
    /// - Returns: What the generator is.
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
        return try write(
            Parts(
                network: network, mapping: layers,
                source: ((wheel as NSString).lastPathComponent, try Hashing.sha256(file: wheel)),
                licence: RandomFaceWheel.licence),
            folder: folder)
    }
}

/// The C engine as a synthesizer.
struct MobileStyleGANEngineSynthesizer: FeatureSynthesizer {
    let identity: GeneratorIdentity
    private let layout: CodeLayout
    private let engine: MobileStyleGANEngine

    init(identity: GeneratorIdentity, network: MobileStyleGANParameters, threads: Int) throws {
        self.identity = identity
        layout = network.layout
        engine = try MobileStyleGANEngine(parameters: network, threads: threads)
    }

    var sizes: [Int] { engine.sizes.filter { $0 >= 64 } }

    func featureChannels(side: Int) -> Int? { engine.featureChannels(side: side) }

    func synthesize(_ codes: LatentCodes, size: Int, noise: NoiseMode) throws -> ImageBatch {
        ImageBatch(try engine.synthesize(styles(codes, size: size, noise: noise), size: size), side: size)
    }

    func synthesize(
        _ codes: LatentCodes, size: Int, noise: NoiseMode, change: FeatureChange
    ) throws -> ImageBatch {
        let styles = try styles(codes, size: size, noise: noise)
        return ImageBatch(try engine.synthesize(styles, size: size, change: change), side: size)
    }

    func features(_ codes: LatentCodes, side: Int, noise: NoiseMode) throws -> FeatureMaps {
        try engine.features(styles(codes, size: identity.resolution, noise: noise), side: side)
    }

    func backward(_ codes: LatentCodes, size: Int, noise: NoiseMode, gradients: ImageBatch) throws -> [Float] {
        let styles = try styles(codes, size: size, noise: noise)
        try gradients.check(count: codes.count, side: size)
        return layout.scatter(
            try engine.backward(styles, size: size, imageGradients: gradients.planes), like: codes)
    }

    func backward(
        _ codes: LatentCodes, size: Int, noise: NoiseMode, change: FeatureChange, gradients: ImageBatch
    ) throws -> FeatureGradients {
        let styles = try styles(codes, size: size, noise: noise)
        try gradients.check(count: codes.count, side: size)
        var result = try engine.backward(styles, size: size, change: change, imageGradients: gradients.planes)
        result.codes = layout.scatter(result.codes, like: codes)
        return result
    }

    func record(_ codes: LatentCodes, size: Int, noise: NoiseMode) throws -> RecordedImages {
        let styles = try styles(codes, size: size, noise: noise)
        guard codes.count <= recordedAtOnce else {
            return try recomputed(codes, size: size, noise: noise)
        }
        let recording = try engine.record(styles, size: size)
        return RecordedImages(images: ImageBatch(recording.images, side: size)) { [layout] gradients in
            layout.scatter(try recording.backward(gradients.planes).styles, like: codes)
        }
    }

    func record(
        _ codes: LatentCodes, size: Int, noise: NoiseMode, change: FeatureChange
    ) throws -> RecordedChange {
        let styles = try styles(codes, size: size, noise: noise)
        guard codes.count <= recordedAtOnce else {
            return try recomputed(codes, size: size, noise: noise, change: change)
        }
        let recording = try engine.record(styles, size: size, change: change)
        return RecordedChange(images: ImageBatch(recording.images, side: size)) { [layout] gradients in
            guard var result = try recording.backward(gradients.planes).change else {
                throw Failure("synthesis engine", "gave no gradients of the change")
            }
            result.codes = layout.scatter(result.codes, like: codes)
            return result
        }
    }

    /// As many as fit into 1 GiB: four of 1024².
    var recordedAtOnce: Int { (1 << 30) / max(1, engine.recordedBytes) }

    /// - Throws: ``Failure`` when the request does not fit.
    private func styles(_ codes: LatentCodes, size: Int, noise: NoiseMode) throws -> MobileStyleGANEngine.Styles {
        try check(size: size)
        try MobileStyleGANParameters.check(noise)
        let own = try layout.own(codes, of: identity)
        return .init(own.values, count: own.count, rows: own.rows, addsNoise: noise == .constant)
    }
}

extension MobileStyleGANParameters {
    /// - Throws: ``Failure`` for noise that such a network does not have.
    static func check(_ noise: NoiseMode) throws {
        guard noise != .random else {
            throw Failure(
                "noise random", "is not for a MobileStyleGAN, whose noise is folded into its weights",
                "use none or constant", kind: .usage)
        }
    }
}
