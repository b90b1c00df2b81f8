import Core
import Networks
import Tensors
import Weights

/// What a colouriser's file says of itself, besides its weights.
public struct ColourCard: NetworkCard, Sendable, Equatable {
    /// What the file's metadata call it.
    public static let format = "directions.colorizer"
    /// `colouriser`.
    public static let kind = "colouriser"
    /// `train-colorizer`.
    public static let trainer = ColourNetwork.trainer

    /// The colouriser's name.
    public var name: String
    /// What it is.
    public var configuration: ColourConfiguration
    /// How it was trained: data and steps, in the words of the settings.
    public var training: [String: String]
    /// Figures on photographs that it was not trained on, by name.
    public var figures: [String: Double]
    /// What may be done with the weights.
    public var licence: String
    /// The program's version that wrote it.
    public var programVersion: String

    /// - Parameters:
    ///   - name: The colouriser's name.
    ///   - configuration: What it is.
    public init(name: String, configuration: ColourConfiguration) {
        self.name = name
        self.configuration = configuration
        training = [:]
        figures = [:]
        licence = "that of the pictures that it was trained on"
        programVersion = Version.current
    }

    public func validate() throws { try configuration.validate() }
}

/// Reads and writes colourisers' files: `NAME.colorizer.safetensors`.
public enum ColourFile {
    /// Writes a colouriser, kernels rounded to half precision.
    ///
    /// - Parameters:
    ///   - card: What it says of itself.
    ///   - weights: Tensors as ``ColourNetwork/state()`` gives them.
    ///   - path: The file.
    /// - Throws: ``Core/Failure`` when it can't be written.
    public static func write(_ card: ColourCard, weights: [String: TensorData], to path: String) throws {
        try NetworkFile.write(card, weights: weights, to: path)
    }

    /// Reads a colouriser.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - device: Where its network computes.
    /// - Returns: What it says of itself, and its network.
    /// - Throws: ``Core/Failure`` naming the file: missing, damaged, or no colouriser.
    public static func read(_ path: String, device: Device = .cpu) throws -> (card: ColourCard, network: ColourNetwork)
    {
        let file = try SafetensorsFile.read(path)
        let card = try NetworkFile.card(ColourCard.self, of: file, name: path)
        let network = try ColourNetwork(card.configuration, seed: nil, device: device)
        try network.load(file.tensors, from: path)
        return (card, network)
    }
}
