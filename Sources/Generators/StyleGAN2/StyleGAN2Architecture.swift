import Core
import Foundation
import Images
import Latents
import Tensors
import Weights

/// StyleGAN2 (Karras et al. 2020, arXiv 1912.04958) as an architecture of this program.
extension StyleGAN2Parameters: GeneratorNetwork {
    public static let architecture = "stylegan2"

    public static func owns(_ file: SafetensorsFile) -> Bool { file.tensors["synthesis.levels.0.second.weight"] != nil }

    public static let importers = [
        GeneratorImporter(
            name: "NVIDIA's, rosinality's and their kin's files", takes: { _ in true },
            run: { path, folder, label in
                try ForeignGenerator.read(path, label: label).write(to: folder, source: path)
            })
    ]

    public static let exporters = [
        GeneratorExporter(name: "rosinality", run: { try Generator.writeRosinality(folder: $0, to: $1) })
    ]

    public init(_ file: SafetensorsFile, name: String) throws {
        self = try StyleGAN2File.network(file, name: name)
    }

    public var tensors: [String: TensorData] {
        StyleGAN2File.arrays(self).mapValues { TensorData($0.values, shape: $0.shape) }
    }

    public var layout: CodeLayout { CodeLayout(rows: styleRows) }

    public func engine(identity: GeneratorIdentity, threads: Int) throws -> (any Synthesizer)? {
        guard StyleGAN2Engine.runs(self) else { return nil }
        return try StyleGAN2EngineSynthesizer(identity: identity, network: self, threads: threads)
    }

    public func differentiable(
        identity: GeneratorIdentity, device: Device, isHalf: Bool
    ) throws -> (any DifferentiableSynthesizer)? {
        try StyleGAN2Tensors(identity: identity, network: self, device: device, isHalf: isHalf)
    }
}

extension Generator {
    /// Writes a model folder's generator in the layout of rosinality's stylegan2-pytorch, which pSp, e4e and HFGI load.
    ///
    /// - Returns: What that layout can't say of the network, for people; nil when it says everything.
    /// - Throws: ``Failure`` when the layout can't express the network, or naming what can't be read or written.
    public static func exportRosinality(folder: String, to path: String) throws -> String? {
        try export(folder: folder, to: path, format: "rosinality")
    }

    fileprivate static func writeRosinality(folder: String, to path: String) throws -> String? {
        let generator = try load(folder: folder)
        guard let network = generator.network as? StyleGAN2Parameters else {
            throw Failure(folder, "does not hold a StyleGAN2", "rosinality's layout is StyleGAN2's alone")
        }
        let weights = folder + "/weights.safetensors"
        let value = try RosinalityGenerator.file(
            network, mapping: mappingLayers(SafetensorsFile.read(weights), weights), meanLatent: generator.meanLatent,
            name: weights)
        try TorchFile.write(value, to: path)
        return network.clamp.map { "the limit of activations to ±\($0): images differ where one is larger" }
    }
}

/// The C engine of StyleGAN2 as a synthesizer.
struct StyleGAN2EngineSynthesizer: FeatureSynthesizer {
    let identity: GeneratorIdentity
    private let layout: CodeLayout
    private let engine: StyleGAN2Engine

    init(identity: GeneratorIdentity, network: StyleGAN2Parameters, threads: Int) throws {
        self.identity = identity
        layout = network.layout
        engine = try StyleGAN2Engine(parameters: network, threads: threads)
    }

    var sizes: [Int] { ImageSizes.halves(of: identity.resolution) }

    func featureChannels(side: Int) -> Int? { engine.featureChannels(side: side) }

    func synthesize(_ codes: LatentCodes, size: Int, noise: NoiseMode) throws -> ImageBatch {
        try check(size: size)
        return averaged(try engine.synthesize(styles(codes, noise: noise)), to: size)
    }

    func synthesize(_ codes: LatentCodes, size: Int, noise: NoiseMode, change: FeatureChange) throws -> ImageBatch {
        try check(size: size)
        return averaged(try engine.synthesize(styles(codes, noise: noise), change: change), to: size)
    }

    func features(_ codes: LatentCodes, side: Int, noise: NoiseMode) throws -> FeatureMaps {
        try engine.features(styles(codes, noise: noise), side: side)
    }

    func backward(_ codes: LatentCodes, size: Int, noise: NoiseMode, gradients: ImageBatch) throws -> [Float] {
        let full = try spread(gradients, count: codes.count, size: size)
        return layout.scatter(
            try engine.backward(styles(codes, noise: noise), imageGradients: full), like: codes)
    }

    func backward(
        _ codes: LatentCodes, size: Int, noise: NoiseMode, change: FeatureChange, gradients: ImageBatch
    ) throws -> FeatureGradients {
        let full = try spread(gradients, count: codes.count, size: size)
        var result = try engine.backward(styles(codes, noise: noise), change: change, imageGradients: full)
        result.codes = layout.scatter(result.codes, like: codes)
        return result
    }

    private func averaged(_ full: [Float], to size: Int) -> ImageBatch {
        ImageBatch(ImageSizes.averaged(full, from: identity.resolution, to: size), side: size)
    }

    /// Gradients of the full images.
    private func spread(_ gradients: ImageBatch, count: Int, size: Int) throws -> [Float] {
        try check(size: size)
        try gradients.check(count: count, side: size)
        return ImageSizes.spread(gradients.planes, from: size, to: identity.resolution)
    }

    private func styles(_ codes: LatentCodes, noise: NoiseMode) throws -> StyleGAN2Engine.Styles {
        let own = try layout.own(codes, of: identity)
        let added: StyleGAN2Engine.Noise
        switch noise {
        case .none: added = .none
        case .constant: added = .constant
        case .random:
            let seeds = StyleGAN2Noise.seeds(own.values, count: own.count)
            added = .given(
                (0..<identity.layers - 1).map { row in
                    let side = 4 << ((row + 1) / 2)
                    return seeds.flatMap {
                        LatentNoise(seed: $0, size: side * side).rows(UInt64(row)..<UInt64(row) + 1)
                    }
                })
        }
        return .init(own.values, count: own.count, rows: own.rows, noise: added)
    }
}

/// Random noise that follows from the code.
enum StyleGAN2Noise {
    /// A seed for each code's random noise: the first bytes of its SHA-256.
    static func seeds(_ values: [Float], count: Int) -> [UInt64] {
        let size = values.count / max(1, count)
        return (0..<count).map { code in
            let digest = values[code * size..<(code + 1) * size].withUnsafeBytes { Hashing.sha256(Data($0)) }
            return UInt64(digest.prefix(16), radix: 16) ?? 0
        }
    }
}
