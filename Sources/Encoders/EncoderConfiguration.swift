import Core
import Networks

/// The shape of an encoder: what its file has to say to make it again.
public struct EncoderConfiguration: Sendable, Codable, Equatable {
    /// How codes are read off a picture.
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// A feature pyramid, and for every row of the code a head of its own (Richardson and others, "Encoding in Style", 2021).
        case psp
        /// All rows from one map at a sixteenth of the picture's side.
        case pspLight = "psp_light"
        /// As `psp_light`, of the picture and of what its code shows so far; the answer is a change of the code (Alaluf and
        /// others, "ReStyle", 2021).
        case restyle
    }

    /// How codes are read off.
    public var kind: Kind
    /// The network whose maps are read; its input size is the encoder's.
    public var backbone: Architecture
    /// Rows of the codes: StyleGAN2's.
    public var rows: Int
    /// Components of a row.
    public var latentSize: Int
    /// Channels of the maps that codes are read off.
    public var width = 256
    /// Units between the map and the rows.
    public var hidden = 768
    /// Leading principal coordinates in which rows differ from one another.
    public var rank = 160
    /// How often a picture is looked at: 1, or more for `restyle`.
    public var passes = 1
    /// Pixels along a side of what `restyle` is shown of its code.
    public var reconstructionSize = 128
    /// Colours that it is told besides the picture; nil for none.
    public var condition: EncoderCondition?

    /// - Parameters:
    ///   - kind: How codes are read off.
    ///   - backbone: The network whose maps are read; its input size is the encoder's.
    ///   - rows: Rows of the codes.
    ///   - latentSize: Components of a row.
    public init(_ kind: Kind, backbone: Architecture, rows: Int, latentSize: Int) {
        self.kind = kind
        self.backbone = backbone
        self.rows = rows
        self.latentSize = latentSize
        passes = kind == .restyle ? 3 : 1
        rank = min(rank, latentSize)
    }

    /// Whether an encoder of another shape can be gone on from: one that is alike but for colours that it was not told.
    ///
    /// - Parameter other: Its shape.
    /// - Returns: True for the same shape, too.
    public func canBegin(from other: EncoderConfiguration) -> Bool {
        var plain = self
        plain.condition = nil
        return other == self || other == plain
    }

    /// Channels that the backbone sees.
    var inputs: Int { kind == .restyle ? 6 : 3 }

    /// Checks every number.
    ///
    /// - Throws: ``Core/Failure`` when one is out of range: a damaged or hostile file.
    public func validate() throws {
        try backbone.validate()
        try condition?.validate(rows: rows)
        let fine =
            1...64 ~= rows && 1...1024 ~= latentSize && 8...1024 ~= width && 8...4096 ~= hidden
            && 1...latentSize ~= rank && 1...16 ~= passes && (kind == .restyle || passes == 1)
            && 32...1024 ~= reconstructionSize && 64...512 ~= backbone.inputSize && backbone.inputSize % 32 == 0
        if !fine {
            throw Failure(
                "encoder \(kind.rawValue)", "has numbers out of range (input \(backbone.inputSize), rows \(rows))",
                "use a file that `directions train-encoder` made")
        }
    }
}
