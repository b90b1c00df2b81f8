import Core
import Fitting
import Foundation
import Tensors
import Weights

/// What an encoder file says of itself, besides its weights.
public struct EncoderCard: Sendable, Codable, Equatable {
    /// What the file's metadata call it.
    public static let format = "directions.encoder"

    /// The encoder's name.
    public var name: String
    /// What it is.
    public var configuration: EncoderConfiguration
    /// SHA-256 of the generator's weights whose codes it gives.
    public var generator: String
    /// The generator's name where it was trained.
    public var generatorName: String
    /// How it was trained: data, losses and steps, in the words of the settings.
    public var training: [String: String]
    /// Figures on photographs that it was not trained on, by name.
    public var figures: [String: Double]
    /// What may be done with the weights.
    public var licence: String
    /// The program's version that wrote it.
    public var programVersion: String

    /// - Parameters:
    ///   - name: The encoder's name.
    ///   - configuration: What it is.
    ///   - generator: SHA-256 of the generator's weights.
    ///   - generatorName: The generator's name.
    public init(name: String, configuration: EncoderConfiguration, generator: String, generatorName: String) {
        self.name = name
        self.configuration = configuration
        self.generator = generator
        self.generatorName = generatorName
        training = [:]
        figures = [:]
        licence = "that of the pictures that it was trained on"
        programVersion = Version.current
    }
}

/// Reads and writes encoder files: `NAME.encoder.safetensors`.
public enum EncoderFile {
    /// Writes an encoder, matrices rounded to half precision.
    ///
    /// - Parameters:
    ///   - card: What it says of itself.
    ///   - weights: Tensors as ``EncoderNetwork/state()`` gives them.
    ///   - coordinates: What its answers are counted in.
    ///   - path: The file.
    /// - Throws: ``Core/Failure`` when it can't be written.
    public static func write(
        _ card: EncoderCard, weights: [String: TensorData], coordinates: PrincipalCoordinates, to path: String
    ) throws {
        var tensors: [String: TensorData] = [:]
        for (name, data) in weights { tensors[name] = data.shape.count > 1 ? try data.half() : data }
        let size = coordinates.dimension
        tensors["coordinates.mean"] = TensorData(coordinates.mean, shape: [size])
        tensors["coordinates.axes"] = TensorData(coordinates.axes, shape: [size, size])
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let metadata = [
            "format": EncoderCard.format, "version": "1",
            "card": String(decoding: try encoder.encode(card), as: UTF8.self),
        ]
        try SafetensorsFile(tensors: tensors, metadata: metadata).write(to: path)
    }

    /// Reads an encoder.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - device: Where its network computes.
    /// - Returns: What it says of itself, its network and what its answers are counted in.
    /// - Throws: ``Core/Failure`` naming the file: missing, damaged, or no encoder.
    public static func read(
        _ path: String, device: Device = .cpu
    ) throws -> (card: EncoderCard, network: EncoderNetwork, coordinates: PrincipalCoordinates) {
        let file = try SafetensorsFile.read(path)
        let card = try card(of: file, name: path)
        let size = card.configuration.latentSize
        guard let mean = file.tensors["coordinates.mean"], let axes = file.tensors["coordinates.axes"],
            mean.shape == [size], axes.shape == [size, size]
        else { throw Failure(path, "has no principal coordinates", "get the file again") }
        let coordinates = try PrincipalCoordinates(mean: mean.floats(), axes: axes.floats())
        let network = try EncoderNetwork(card.configuration, seed: nil, device: device)
        try network.load(file.tensors, from: path)
        return (card, network, coordinates)
    }

    /// What an encoder file says of itself; its weights are not read.
    ///
    /// - Parameter path: The file.
    /// - Returns: Its card.
    /// - Throws: ``Core/Failure`` naming the file: missing, damaged, or no encoder.
    public static func card(_ path: String) throws -> EncoderCard { try card(of: .read(path), name: path) }

    private static func card(of file: SafetensorsFile, name: String) throws -> EncoderCard {
        guard file.metadata["format"] == EncoderCard.format, file.metadata["version"] == "1" else {
            throw Failure(
                name, "is no encoder of this program's format", "use a file that `directions train-encoder` made")
        }
        do {
            let card = try JSONDecoder().decode(EncoderCard.self, from: Data((file.metadata["card"] ?? "").utf8))
            try card.configuration.validate()
            return card
        } catch is DecodingError {
            throw Failure(name, "has a card that can't be understood", "get the file again")
        }
    }
}
