import Core
import Foundation
import Tensors
import Weights

/// What a consultation's file says of itself, besides its weights.
public struct ConsultationCard: Sendable, Codable, Equatable {
    /// What the file's metadata call it.
    public static let format = "directions.consultation"

    /// Its name, which is its encoder's.
    public var name: String
    /// What it is.
    public var configuration: ConsultationConfiguration
    /// SHA-256 of the generator's weights whose features it changes.
    public var generator: String
    /// The generator's name where it was trained.
    public var generatorName: String
    /// SHA-256 of the encoder's file whose reconstructions it was trained on.
    public var encoder: String
    /// How it was trained: data, losses and steps, in the words of the settings.
    public var training: [String: String]
    /// Figures on photographs that it was not trained on, by name.
    public var figures: [String: Double]
    /// What may be done with the weights.
    public var licence: String
    /// The program's version that wrote it.
    public var programVersion: String

    /// - Parameters:
    ///   - name: Its name.
    ///   - configuration: What it is.
    ///   - generator: SHA-256 of the generator's weights.
    ///   - generatorName: The generator's name.
    ///   - encoder: SHA-256 of the encoder's file.
    public init(
        name: String, configuration: ConsultationConfiguration, generator: String, generatorName: String,
        encoder: String
    ) {
        self.name = name
        self.configuration = configuration
        self.generator = generator
        self.generatorName = generatorName
        self.encoder = encoder
        training = [:]
        figures = [:]
        licence = "that of the pictures that it was trained on"
        programVersion = Version.current
    }
}

/// Reads and writes consultations' files: `NAME.consultation.safetensors`.
public enum ConsultationFile {
    /// Writes a consultation, kernels rounded to half precision.
    ///
    /// - Parameters:
    ///   - card: What it says of itself.
    ///   - weights: Tensors as ``ConsultationNetwork/state()`` gives them.
    ///   - path: The file.
    /// - Throws: ``Core/Failure`` when it can't be written.
    public static func write(_ card: ConsultationCard, weights: [String: TensorData], to path: String) throws {
        let tensors = try weights.mapValues { $0.shape.count > 1 ? try $0.half() : $0 }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let metadata = [
            "format": ConsultationCard.format, "version": "1",
            "card": String(decoding: try encoder.encode(card), as: UTF8.self),
        ]
        try SafetensorsFile(tensors: tensors, metadata: metadata).write(to: path)
    }

    /// Reads a consultation.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - device: Where its networks compute.
    /// - Returns: What it says of itself, and its networks.
    /// - Throws: ``Core/Failure`` naming the file: missing, damaged, or no consultation.
    public static func read(
        _ path: String, device: Device = .cpu
    ) throws -> (card: ConsultationCard, network: ConsultationNetwork) {
        let file = try SafetensorsFile.read(path)
        let card = try card(of: file, name: path)
        let network = try ConsultationNetwork(card.configuration, seed: nil, device: device)
        try network.load(file.tensors, from: path)
        return (card, network)
    }

    /// What a consultation's file says of itself.
    ///
    /// - Parameter path: The file.
    /// - Returns: Its card.
    /// - Throws: ``Core/Failure`` naming the file: missing, damaged, or no consultation.
    public static func card(_ path: String) throws -> ConsultationCard { try card(of: .read(path), name: path) }

    private static func card(of file: SafetensorsFile, name: String) throws -> ConsultationCard {
        guard file.metadata["format"] == ConsultationCard.format, file.metadata["version"] == "1" else {
            throw Failure(
                name, "is no consultation of this program's format",
                "use a file that `directions train-consultation` made")
        }
        do {
            let card = try JSONDecoder().decode(
                ConsultationCard.self, from: Data((file.metadata["card"] ?? "").utf8))
            try card.configuration.validate()
            return card
        } catch is DecodingError {
            throw Failure(name, "has a card that can't be understood", "get the file again")
        }
    }
}
