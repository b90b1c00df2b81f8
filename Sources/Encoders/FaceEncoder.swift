import Core
import Fitting
import Foundation
import Generators
import Images
import Inversion
import Latents
import Synchronization
import Tensors

/// An encoder at work: codes of aligned photographs, in one pass or in a few.
///
/// For example:
///
/// ```swift
/// let encoder = try FaceEncoder("faces.encoder.safetensors", generator: generator)
/// let codes = try encoder.codes(of: photographs)  // [count, 18, 512]
/// ```
public final class FaceEncoder: PhotographEncoder, Sendable {
    /// What its file says of it.
    public let card: EncoderCard
    /// How often it looks at a picture.
    public let passes: Int
    private let coordinates: PrincipalCoordinates
    private let network: Mutex<EncoderNetwork>
    private let synthesizer: any Synthesizer
    private let device: Device

    /// Pictures that are looked at together.
    private static let batch = 8

    /// - Parameters:
    ///   - path: The encoder's file.
    ///   - generator: The generator whose codes it gives.
    ///   - passes: How often it looks at a picture; nil for as often as it was made for.
    ///   - device: Where it computes.
    /// - Throws: ``Core/Failure`` naming the file: missing, damaged, or of another generator (conflict).
    public convenience init(_ path: String, generator: Generator, passes: Int? = nil, device: Device = .cpu) throws {
        let (card, network, coordinates) = try EncoderFile.read(path, device: device)
        guard card.generator == generator.identity.sha256 else {
            throw Failure(
                path, "gives codes of another generator (\(card.generatorName)), not of \(generator.identity.name)",
                "train one for this generator with `directions train-encoder`", kind: .conflict)
        }
        try self.init(
            card: card, network: network, coordinates: coordinates, synthesizer: generator.synthesizer(),
            passes: passes)
    }

    /// An encoder of a network that is there; the network is the encoder's from now on.
    ///
    /// - Parameters:
    ///   - card: What it says of itself.
    ///   - network: Its network.
    ///   - coordinates: What its answers are counted in.
    ///   - synthesizer: Shows what its codes are.
    ///   - passes: How often it looks at a picture; nil for as often as it was made for.
    /// - Throws: ``Core/Failure`` (usage) for more passes than its kind can make.
    public init(
        card: EncoderCard, network: sending EncoderNetwork, coordinates: PrincipalCoordinates,
        synthesizer: any Synthesizer, passes: Int? = nil
    ) throws {
        let wanted = passes ?? card.configuration.passes
        guard 1...16 ~= wanted, wanted == 1 || card.configuration.kind == .restyle else {
            throw Failure(
                "passes \(wanted)", "must be 1 to 16, and 1 for all kinds but restyle", "leave it out", kind: .usage)
        }
        self.card = card
        self.passes = wanted
        self.coordinates = coordinates
        self.synthesizer = synthesizer
        device = network.device
        self.network = Mutex(network)
    }

    /// The encoder of the default generator that comes with the program; nil where it was left out.
    public static var shippedPath: String? {
        Bundle.module.path(forResource: "faces.encoder", ofType: "safetensors", inDirectory: "Resources")
    }

    public func codes(of photographs: ImageBatch) throws -> LatentCodes { try codes(of: photographs, told: nil) }

    /// The codes of some photographs in told colours.
    ///
    /// - Parameters:
    ///   - photographs: Aligned faces in FFHQ's frame, RGB in [-1, 1], of any size.
    ///   - told: A vector for each photograph as ``EncoderCondition/values(of:)-(ImageBatch)`` gives them; nil tells none.
    /// - Returns: A code for each.
    /// - Throws: ``Core/Failure`` (usage) for an encoder that can be told nothing, or when it can't be computed.
    public func codes(of photographs: ImageBatch, told: [[Float]]?) throws -> LatentCodes {
        let shape = card.configuration.condition?.shape ?? []
        if let told, told.count != photographs.count || !told.allSatisfy({ $0.count == shape.reduce(1, *) }) {
            throw Failure(
                "encoder \(card.name)", "can't be told such colours",
                "train one with a condition, or give a histogram for each photograph", kind: .usage)
        }
        let (rows, size) = (card.configuration.rows, card.configuration.latentSize)
        var values: [Float] = []
        for start in stride(from: 0, to: photographs.count, by: FaceEncoder.batch) {
            let part = photographs[start..<min(photographs.count, start + FaceEncoder.batch)]
            let some = told.map { Array($0[start..<start + part.count]) }
            values += try coordinates.latents(found(in: part, told: some))
        }
        return try LatentCodes(values, rows: rows, size: size)
    }

    /// Coordinates of a few photographs, [count, rows, size].
    private func found(in photographs: ImageBatch, told: [[Float]]?) throws -> [Float] {
        let shape = card.configuration
        let side = shape.backbone.inputSize
        let pictures = photographs.resized(to: side)
        var result = [Float](repeating: 0, count: photographs.count * shape.rows * shape.latentSize)
        for _ in 0..<passes {
            var shown: ImageBatch?
            if shape.kind == .restyle {
                let codes = try LatentCodes(coordinates.latents(result), rows: shape.rows, size: shape.latentSize)
                shown = try synthesizer.synthesize(codes, size: shape.reconstructionSize, noise: .none)
            }
            let change = try network.withLock { network in
                try Torch.withoutGradients {
                    try network.coordinates(
                        Tensor(pictures.planes, shape: [pictures.count, 3, side, side], device: device),
                        reconstructions: try shown.map {
                            try Tensor($0.planes, shape: [$0.count, 3, $0.side, $0.side], device: device)
                        },
                        told: told.map {
                            let one = card.configuration.condition?.shape ?? []
                            return try Tensor($0.flatMap(\.self), shape: [$0.count] + one, device: device)
                        }
                    ).to(device: .cpu).contiguous().floats()
                }
            }
            for i in result.indices { result[i] += change[i] }
        }
        return result
    }
}
