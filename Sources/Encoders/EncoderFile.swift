import Core
import Fitting
import Networks
import Tensors
import Weights

/// What an encoder file says of itself, besides its weights.
public struct EncoderCard: NetworkCard, Sendable, Equatable {
    /// What the file's metadata call it.
    public static let format = "directions.encoder"
    /// `encoder`.
    public static let kind = "encoder"
    /// `train-encoder`.
    public static let trainer = EncoderNetwork.trainer

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

    public func validate() throws { try configuration.validate() }
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
        let size = coordinates.dimension
        let kept = [
            "coordinates.mean": TensorData(coordinates.mean, shape: [size]),
            "coordinates.axes": TensorData(coordinates.axes, shape: [size, size]),
        ]
        try NetworkFile.write(card, weights: weights, others: kept, to: path)
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
        let card = try NetworkFile.card(EncoderCard.self, of: file, name: path)
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
    public static func card(_ path: String) throws -> EncoderCard {
        try NetworkFile.card(EncoderCard.self, of: .read(path), name: path)
    }
}
