import Core
import Encoders
import Networks
import Tensors

/// How an encoder is trained: first on pairs that the generator makes, then on what its codes show of photographs.
public struct EncoderSettings: Sendable, Codable, Equatable {
    /// What pictures the encoder is shown.
    public enum Input: String, Sendable, Codable, CaseIterable {
        case colour
        case grey
        /// Every other picture grey.
        case both
    }

    /// What the losses compare.
    public enum Target: String, Sendable, Codable, CaseIterable {
        case colour
        /// Greys of both pictures (Rec. 601): colours are left to the generator, the paper's experiment A.
        case grey
    }

    /// What convolutions compute in.
    public enum Precision: String, Sendable, Codable, CaseIterable {
        case float32
        /// Brain floating point: 8 bits of precision, fast on CUDA devices.
        case bfloat16
    }

    /// What the losses count, by the field's names.
    public struct Losses: Sendable, Codable, Equatable {
        /// The mean squared error of pictures in [-1, 1].
        public var l2: Float = 1
        /// LPIPS, by the network that ``EncoderSettings/perceptual`` names.
        public var lpips: Float = 0.8
        /// 1 - the cosine of the faces' embeddings.
        public var id: Float = 0
        /// The mean square of what rows have in common, in W's deviations.
        public var wNorm: Float = 0
        /// The weighted squared error of coordinates, of generated pairs.
        public var latent: Float = 1
        /// The mean square of the rows' offsets, in W's deviations.
        public var delta: Float = 0.01
        /// The distance of colours from those that were told, where a condition tells some; nil for 0.5.
        public var histogram: Float?

        public init() {}
    }

    /// What it is.
    public var configuration: EncoderConfiguration
    /// What pictures it is shown.
    public var input = Input.both
    /// What the losses count.
    public var losses = Losses()
    /// How colours are compared with those that were told; nil as the condition has it: the paper's for its histograms, Hellinger's
    /// for chroma.
    public var histogramLoss: HistogramLoss?
    /// Steps on generated pairs.
    public var latentSteps = 2000
    /// Pairs a step.
    public var latentBatch = 32
    /// Pairs that are made at most, and those that are there before the first step.
    public var pairs = 16_000
    public var firstPairs = 512
    /// Pairs that become known with every step.
    public var freshPairs = 8
    /// Steps on photographs.
    public var imageSteps = 20_000
    /// Photographs a step.
    public var imageBatch = 8
    /// Of these, generated ones.
    public var generated = 2
    /// Pixels along a side at which faces and photographs are compared.
    public var imageSize = 128
    /// How often a photograph is looked at in a step; each is a step of the optimiser.
    public var passes = 2
    /// The learning rates of both parts.
    public var latentRate = 1e-3
    public var imageRate = 3e-4
    /// Decoupled weight decay of matrices.
    public var weightDecay = 1e-4
    /// The largest norm of all gradients.
    public var clip = 1.0
    /// The share of the running average of weights that stays in a step.
    public var averageDecay = 0.998
    /// Steps from one validation to the next.
    public var validationInterval = 250
    /// Names all that is drawn.
    public var seed: UInt64 = 1
    // What came later is not in older checkpoints.
    /// What the losses compare; nil for colours.
    public var target: Target?
    /// The network of the perceptual loss; nil for AlexNet.
    public var perceptual: PerceptualNetwork.Kind?
    /// What the backbone's convolutions compute in; nil for float32.
    public var precision: Precision?
    /// Validations without a better one before a training ends; nil goes on to the last step.
    public var patience: Int?
    /// Whether generated faces are kept on disk; false makes them anew each time, and nil keeps them.
    public var keepsPairs: Bool?

    /// - Parameter configuration: What it is.
    public init(_ configuration: EncoderConfiguration) {
        self.configuration = configuration
        if configuration.kind != .restyle { passes = 1 }
    }

    /// Checks what can be checked before anything is loaded.
    ///
    /// - Throws: ``Core/Failure`` (usage) for a number out of range.
    public func validate() throws {
        try configuration.validate()
        func require(_ holds: Bool, _ subject: String, _ problem: String) throws {
            if !holds { throw Failure(subject, problem, kind: .usage) }
        }
        try require(0...10_000_000 ~= latentSteps, "latent steps \(latentSteps)", "must be 0 to 10,000,000")
        try require(0...10_000_000 ~= imageSteps, "image steps \(imageSteps)", "must be 0 to 10,000,000")
        try require(1...1024 ~= latentBatch, "latent batch \(latentBatch)", "must be 1 to 1,024")
        try require(1...256 ~= imageBatch, "batch \(imageBatch)", "must be 1 to 256")
        try require(0...imageBatch ~= generated, "generated \(generated)", "must be 0 to the batch")
        try require(1...10_000_000 ~= pairs, "pairs \(pairs)", "must be 1 to 10,000,000")
        try require(1...pairs ~= firstPairs, "first pairs \(firstPairs)", "must be 1 to the pairs")
        try require(0...1024 ~= freshPairs, "fresh pairs \(freshPairs)", "must be 0 to 1,024")
        try require(1...16 ~= passes, "passes \(passes)", "must be 1 to 16")
        try require(32...1024 ~= imageSize, "image size \(imageSize)", "must be 32 to 1,024")
        try require(latentRate > 0 && imageRate > 0, "rate", "must be above 0")
        try require(1...1_000_000 ~= patience ?? 1, "patience \(patience ?? 1)", "must be 1 to 1,000,000")
        try require(1...1_000_000 ~= validationInterval, "interval", "must be 1 to 1,000,000")
    }

    /// The learning rate of a step: a short rise, then a straight line down to a fifth (of pairs) or a tenth (of photographs).
    func rate(step: Int) -> Double {
        if step < latentSteps {
            let rise = min(1, Double(step + 1) / 100)
            return latentRate * rise * (1 - 0.8 * Double(step) / Double(latentSteps))
        }
        let rise = min(1, Double(step - latentSteps + 1) / 100)
        let share = Double(step - latentSteps) / Double(max(1, imageSteps))
        return imageRate * rise * (1 - 0.9 * share)
    }

    /// How much red, green and blue count in grey (ITU-R BT.601).
    static let greyWeights: [Float] = [0.299, 0.587, 0.114]

    /// What the backbone's convolutions compute in.
    var convolutionType: ScalarType { precision == .bfloat16 ? .bfloat16 : .float32 }

    /// Pairs that are known at a step.
    func knownPairs(step: Int) -> Int { min(pairs, firstPairs + freshPairs * min(step, latentSteps)) }
}
