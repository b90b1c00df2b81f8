import Core
import Networks

/// The shape of a network that colours faces: what its file has to say to make it again.
public struct ColourConfiguration: Sendable, Codable, Equatable {
    /// The network whose maps are read; its input size is the colouriser's.
    public var backbone: Architecture
    /// The colours that it tells apart.
    public var bins: ColourBins
    /// Channels of the maps that colours are read off.
    public var width = 96
    /// How pointed a place's colours are made before their mean is taken: 1 leaves them, less comes nearer to the likeliest one.
    public var temperature: Float = 0.6

    /// - Parameters:
    ///   - backbone: The network whose maps are read.
    ///   - bins: The colours that it tells apart.
    public init(_ backbone: Architecture, bins: ColourBins) {
        self.backbone = backbone
        self.bins = bins
    }

    /// Pixels along a side of the map of colours.
    public var side: Int { backbone.inputSize / 4 }

    /// Checks every number.
    ///
    /// - Throws: ``Core/Failure`` when one is out of range: a damaged or hostile file.
    public func validate() throws {
        try backbone.validate()
        guard 8...1024 ~= width, 64...512 ~= backbone.inputSize, backbone.inputSize % 32 == 0, 0.05...1 ~= temperature
        else {
            throw Failure(
                "colouriser", "has numbers out of range (input \(backbone.inputSize), width \(width))",
                "use a file that `directions train-colorizer` made")
        }
    }
}
