import Core
import Networks
import Tensors
import Weights

/// What a consultation's file says of itself, besides its weights.
public struct ConsultationCard: NetworkCard, Sendable, Equatable {
    /// What the file's metadata call it.
    public static let format = "directions.consultation"
    /// `consultation`.
    public static let kind = "consultation"
    /// `train-consultation`.
    public static let trainer = ConsultationNetwork.trainer

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

    public func validate() throws { try configuration.validate() }
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
        try NetworkFile.write(card, weights: weights, to: path)
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
        let card = try NetworkFile.card(ConsultationCard.self, of: file, name: path)
        let network = try ConsultationNetwork(card.configuration, seed: nil, device: device)
        try network.load(file.tensors, from: path)
        return (card, network)
    }

    /// What a consultation's file says of itself.
    ///
    /// - Parameter path: The file.
    /// - Returns: Its card.
    /// - Throws: ``Core/Failure`` naming the file: missing, damaged, or no consultation.
    public static func card(_ path: String) throws -> ConsultationCard {
        try NetworkFile.card(ConsultationCard.self, of: .read(path), name: path)
    }
}
