import Core
import Foundation
import Generators
import Images
import Inversion
import Latents
import Networks
import Tensors
import Weights

/// An encoder of pSp's family at work, as its authors published it: pSp's, e4e's (HFGI's too), with IR-SE50.
///
/// For example:
///
/// ```swift
/// let encoder = try PublishedEncoder("models/e4e.encoder.safetensors", generator: generator)
/// let codes = try encoder.codes(of: photographs)  // [count, 18, 512]
/// ```
public final class PublishedEncoder: PhotographEncoder, Sendable {
    /// What the file says of itself, besides its weights.
    public struct Card: Sendable, Codable, Equatable {
        /// What the file's metadata call it.
        public static let format = "directions.published-encoder"

        /// The encoder's name in the workspace.
        public var name: String
        /// How codes are read off.
        public var layout: PublishedLayout
        /// The network whose maps are read; its input size is the encoder's.
        public var backbone: Architecture
        /// Channels of the four stages of that network.
        public var widths: [Int]
        /// Rows of the codes.
        public var rows: Int
        /// Components of a row.
        public var latentSize: Int
        /// Channels of what it sees: 3 for RGB in [-1, 1], 1 for grey in [0, 1].
        public var inputs: Int
        /// SHA-256 of the weights of the generator that it came with.
        public var generator: String
        /// That generator's name where it was imported.
        public var generatorName: String
        /// The file that it came from, and its SHA-256.
        public var sourceName: String
        public var sourceSHA256: String
        /// What may be done with the weights.
        public var licence: String

        /// Channels of the last map.
        var width: Int { widths.last ?? 0 }
        /// Channels of the maps that are merged into the last: those at an eighth and at a quarter.
        var lateralWidths: [Int] { [widths[2], widths[1]] }

        /// Checks every number.
        ///
        /// - Throws: ``Core/Failure`` when one is out of range: a damaged or hostile file.
        func validate(_ source: String) throws {
            try backbone.validate()
            let side = backbone.inputSize
            let fine =
                1...64 ~= rows && 1...1024 ~= latentSize && [1, 3].contains(inputs) && 32...512 ~= side
                && (!layout.isPyramid || (side & (side - 1) == 0 && width == latentSize)) && widths.count == 4
            if !fine { throw Failure(source, "has an encoder with numbers out of range", "get the file again") }
        }

        /// The tensors that an encoder of this shape has.
        ///
        /// - Throws: ``Core/Failure`` when memory runs out.
        func shapes() throws -> [String: [Int]] {
            let network = try backbone.network(inputs: inputs, outputs: 0, seed: nil)
            let tensors = network.parameters + network.buffers
            return Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0.tensor.shape) })
                .merging(PublishedHeads.shapes(self)) { $1 }
        }
    }

    /// What its file says of it.
    public let card: Card
    private let backbone: ImprovedResNet
    private let heads: PublishedHeads
    /// [rows, size]: what is added to every code.
    private let mean: [Float]
    private let device: Device

    /// Pictures that are looked at together: a map of 512 channels at 64² is 8 MB.
    private static let batch = 4

    /// - Parameters:
    ///   - path: The encoder's file.
    ///   - generator: The generator whose codes it gives.
    ///   - device: Where it computes.
    /// - Throws: ``Core/Failure`` naming the file: missing, damaged, or of another generator (conflict).
    public init(_ path: String, generator: Generator, device: Device = .cpu) throws {
        let file = try SafetensorsFile.read(path)
        card = try PublishedEncoder.card(of: file, name: path)
        guard card.generator == generator.identity.sha256 else {
            throw Failure(
                path, "gives codes of another generator (\(card.generatorName)), not of \(generator.identity.name)",
                "import the checkpoint that has both, or train an encoder for this generator", kind: .conflict)
        }
        self.device = device
        let count = card.rows * card.latentSize
        guard let mean = file.tensors["mean"], mean.shape == [card.rows, card.latentSize] else {
            throw Failure(path, "has no mean latent of \(count) numbers", "import the checkpoint again")
        }
        self.mean = try mean.floats()
        guard
            let network = try card.backbone.network(inputs: card.inputs, outputs: 0, seed: nil, device: device)
                as? ImprovedResNet
        else { throw Failure(path, "has another backbone than IR-SE50", "import the checkpoint again") }
        try network.load(file.tensors, from: path)
        for (_, tensor) in network.parameters { try tensor.requiringGradient(false) }
        backbone = network
        heads = try PublishedHeads(card, PublishedTensors(tensors: file.tensors, source: path, device: device))
    }

    public func codes(of photographs: ImageBatch) throws -> LatentCodes {
        try codes(of: photographs, side: card.backbone.inputSize)
    }

    /// The codes of some photographs that are looked at in another size than the published one.
    ///
    /// - Parameters:
    ///   - photographs: Aligned faces in FFHQ's frame, RGB in [-1, 1].
    ///   - side: Pixels along a side that is seen; a pyramid's heads take only their own.
    /// - Returns: A code for each.
    /// - Throws: ``Core/Failure`` when they can't be computed with.
    package func codes(of photographs: ImageBatch, side: Int) throws -> LatentCodes {
        var values: [Float] = []
        for start in stride(from: 0, to: photographs.count, by: PublishedEncoder.batch) {
            let part = photographs[start..<min(photographs.count, start + PublishedEncoder.batch)].resized(to: side)
            var planes = part.planes
            if card.inputs == 1 { planes = part.luma().unsigned }
            let found = try Torch.withoutGradients {
                let pictures = try Tensor(planes, shape: [part.count, card.inputs, side, side], device: device)
                return try heads.apply(backbone.features(pictures, training: false)).to(device: .cpu).contiguous()
                    .floats()
            }
            for (index, value) in found.enumerated() { values.append(value + mean[index % mean.count]) }
        }
        return try LatentCodes(values, rows: card.rows, size: card.latentSize)
    }

    /// What an encoder's file says of itself; its weights are not read.
    ///
    /// - Parameter path: The file.
    /// - Returns: Its card.
    /// - Throws: ``Core/Failure`` naming the file: missing, damaged, or of another kind.
    public static func card(_ path: String) throws -> Card { try card(of: .read(path), name: path) }

    private static func card(of file: SafetensorsFile, name: String) throws -> Card {
        guard file.metadata["format"] == Card.format, file.metadata["version"] == "1" else {
            throw Failure(name, "is no published encoder in this program's form", "import its checkpoint")
        }
        do {
            let card = try JSONDecoder().decode(Card.self, from: Data((file.metadata["card"] ?? "").utf8))
            guard card.widths.count == 4 else {
                throw Failure(name, "has no four stages", "import the checkpoint again")
            }
            try card.validate(name)
            return card
        } catch is DecodingError {
            throw Failure(name, "has a card that can't be understood", "import the checkpoint again")
        }
    }
}

/// Encoder files of any kind: those that are trained here, and published ones that were imported.
public enum PhotographEncoders {
    /// The encoder of a file.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - generator: The generator whose codes are wanted.
    ///   - device: Where it computes.
    /// - Returns: The encoder.
    /// - Throws: ``Core/Failure`` naming the file: missing, damaged, or of another generator (conflict).
    public static func open(
        _ path: String, generator: Generator, device: Device = .cpu
    ) throws -> any PhotographEncoder {
        try isPublished(path)
            ? PublishedEncoder(path, generator: generator, device: device)
            : FaceEncoder(path, generator: generator, device: device)
    }

    /// The SHA-256 of the generator's weights that a file's encoder belongs to.
    ///
    /// - Parameter path: The file.
    /// - Returns: The SHA-256.
    /// - Throws: ``Core/Failure`` naming the file: missing, damaged, or no encoder.
    public static func generator(of path: String) throws -> String {
        try isPublished(path) ? PublishedEncoder.card(path).generator : EncoderFile.card(path).generator
    }

    private static func isPublished(_ path: String) throws -> Bool {
        try SafetensorsFile.read(path).metadata["format"] == PublishedEncoder.Card.format
    }
}
