import Core

/// How a photograph's code is looked for: the stages, what they weigh, and how far codes may leave W.
public struct InversionSettings: Sendable, Codable, Equatable {
    /// A part of the way with a loss of its own.
    public struct Stage: Sendable, Codable, Equatable {
        /// Pixels along a side that photograph and face are compared at.
        public var size: Int
        /// The share of the whole way at which it ends, up to 1.
        public var until: Double
        /// Whether each row has an offset of its own: W+ rather than W.
        public var hasOffsets: Bool
        /// What the distance of LPIPS counts.
        public var perceptual: Float
        /// What 1 − the cosine of the two faces' embeddings counts.
        public var identity: Float
        /// What the mean squared difference of a classifier's logits counts: glasses, a smile or a beard have to be there
        /// before pixels can say so.
        public var attributes: Float

        public init(
            size: Int, until: Double, hasOffsets: Bool = true, perceptual: Float, identity: Float, attributes: Float
        ) {
            self.size = size
            self.until = until
            self.hasOffsets = hasOffsets
            self.perceptual = perceptual
            self.identity = identity
            self.attributes = attributes
        }
    }

    /// In order, coarse to fine.
    public var stages = [
        Stage(size: 64, until: 0.15, hasOffsets: false, perceptual: 0.4, identity: 0, attributes: 0.05),
        Stage(size: 256, until: 0.35, hasOffsets: false, perceptual: 0.8, identity: 0.1, attributes: 0.05),
        Stage(size: 256, until: 1, perceptual: 0.8, identity: 0.1, attributes: 0.01),
    ]
    /// Pixels along a side at which the mean squared error is taken, as far as the stage reaches, each with what it counts.
    public var pixels: [Int: Float] = [256: 1, 64: 0.5, 16: 0.5]
    /// Adam's rate for what all rows have in common, in standard deviations.
    public var rate: Float = 0.1
    /// Adam's rate for the offsets of single rows, in standard deviations.
    public var offsetRate: Float = 0.05
    /// The share of the way over which rates rise from 0, and that over which they fall to 0 again.
    public var rise: Double = 0.05
    public var fall: Double = 0.4
    /// What the mean square of the common coordinates counts: 1 for a code as unlikely as a sampled one.
    public var prior: Float = 0.02
    /// What the mean square of the offsets counts, in the same measure.
    public var offsetPrior: Float = 0.02
    /// Rows that canonical codes have in common stay equal, so that [18, 512] says all of a code.
    public var isCanonical = true
    /// Deviations of W below this share of the largest count as this share.
    public var floor: Float = 0.01
    /// The share by which the loss must have become smaller over an eighth of the way, or the search ends early.
    public var tolerance: Double = 0.002

    /// What red, green and blue add to the grey that photographs are compared by, where they have no colours; nil compares
    /// colours.
    public var greyWeights: [Float]?

    public init() {}

    /// - Throws: ``Core/Failure`` (usage) when there is no stage, or none in which rows have offsets of their own.
    func validate() throws {
        guard stages.contains(where: \.hasOffsets), stages.allSatisfy({ 32...1024 ~= $0.size }) else {
            throw Failure(
                "stages", "need sizes of 32 to 1,024 and a stage with offsets", "leave them as they are", kind: .usage)
        }
    }
}

/// When a search ends, whichever comes first.
public struct InversionBudget: Sendable, Equatable {
    /// Steps at most; nil leaves it to the seconds.
    public var steps: Int?
    /// Seconds at most for each photograph; nil leaves it to the steps.
    public var seconds: Double?

    /// - Parameters:
    ///   - steps: Steps at most; with them alone the same photograph gives the same code.
    ///   - seconds: Seconds at most for each photograph.
    public init(steps: Int? = nil, seconds: Double? = nil) {
        self.steps = steps
        self.seconds = seconds
    }

    /// - Throws: ``Core/Failure`` (usage) when there is neither, or one that is not positive.
    public func validate() throws {
        guard steps != nil || seconds != nil else {
            throw Failure("budget", "has neither steps nor seconds", "give one of them", kind: .usage)
        }
        guard steps ?? 1 > 0, steps ?? 1 <= 100_000 else {
            throw Failure("steps", "must be 1 to 100,000", kind: .usage)
        }
        guard seconds ?? 1 > 0, seconds ?? 1 <= 86_400 else {
            throw Failure("seconds", "must be above 0 and at most 86,400", kind: .usage)
        }
    }

    /// The share that is used up.
    func used(step: Int, seconds elapsed: Double, photographs: Int) -> Double {
        max(
            steps.map { Double(step) / Double($0) } ?? 0,
            seconds.map { elapsed / ($0 * Double(photographs)) } ?? 0)
    }
}
