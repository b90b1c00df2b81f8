import Core
import Faces
import Foundation
import Networks
import Tensors

/// Everything that decides what a training run makes of its data.
public struct TrainingSettings: Sendable, Codable, Equatable {
    public var architecture = Architecture.resNeXt(.small)
    /// The attributes to learn, by name.
    public var attributes = Attribute.celebA.map(\.name)
    public var frame = FaceFrame.celeba
    public var epochs = 40
    public var batchSize = 64
    /// The update rule.
    public var optimiser = UpdateRule.adamw
    /// Highest learning rate; reached after the warm-up, then falling along a cosine to a hundredth.
    public var rate = 2e-3
    public var weightDecay = 0.05
    /// Epochs of linearly rising learning rate.
    public var warmUp = 2.0
    /// Decay of the running average of the weights, which is what is validated and kept.
    public var averageDecay = 0.998
    /// Largest norm of the gradients.
    public var clip = 5.0
    /// Targets become `smoothing` and 1 − `smoothing`.
    public var smoothing = 0.01
    /// Exponent γ of the class weights: an element of the rarer class with frequency p weighs (1/2p)^γ, of the other
    /// (1/2(1−p))^γ.
    ///
    /// The shift that this gives the logits is taken back in the classifier file.
    public var imbalance = 0.25
    /// Weight of the paper's eight attributes where others are learnt too.
    public var emphasis = 2.0
    public var augmentation = Augmentation()
    /// Share of the epochs, from the start, that work at three quarters of the input size.
    public var lowResolutionShare = 0.5
    /// Epochs without a better validation result after which training stops.
    public var patience = 15
    public var seed: UInt64 = 0
    /// What convolutions compute in.
    public var precision = Precision.float32

    /// How weights follow from gradients.
    public enum UpdateRule: String, Sendable, Codable, CaseIterable {
        /// Adam with decoupled weight decay (Loshchilov and Hutter, 2019).
        case adamw
        /// Stochastic gradient descent with momentum 0.9.
        case sgd

        /// The highest learning rate that suits the rule.
        public var rate: Double { self == .sgd ? 0.1 : 2e-3 }
    }

    /// What convolutions compute in.
    public enum Precision: String, Sendable, Codable, CaseIterable {
        case float32
        /// Brain floating point: 8 bits of precision, fast on CUDA devices.
        case bfloat16
    }

    /// The teachers' share in the labels; nil for none.
    public var distillation: Distillation?

    /// What teachers have to say to the labels: ``FaceSet/distilled(by:share:frame:)``.
    public struct Distillation: Sendable, Codable, Equatable {
        /// Their share, above 0 and at most 1.
        public var share: Double
        /// Identities of the teachers, who count alike.
        public var teachersSHA256: [String]

        public init(share: Double, teachersSHA256: [String]) {
            self.share = share
            self.teachersSHA256 = teachersSHA256
        }
    }

    /// What the weights come from that training begins with; nil for fresh ones or a file's.
    public var pretraining: Pretraining?

    /// Passes over generated faces, from which the network learnt to tell the latents that they were made from and the
    /// scores of another classifier.
    public struct Pretraining: Sendable, Codable, Equatable {
        /// Passes over the generated faces.
        public var epochs: Int
        /// Identity of the generator that made them.
        public var generatorSHA256: String
        /// Identity of the classifier whose scores were learnt, where it had scored all of them.
        public var teacherSHA256: String

        public init(epochs: Int, generatorSHA256: String, teacherSHA256: String) {
            self.epochs = epochs
            self.generatorSHA256 = generatorSHA256
            self.teacherSHA256 = teacherSHA256
        }
    }

    public init() {}

    /// - Throws: ``Core/Failure`` (usage) naming the first value out of its range.
    public func validate() throws {
        func require(_ fine: Bool, _ name: String, _ rule: String) throws {
            if !fine { throw Failure(name, rule, kind: .usage) }
        }
        try architecture.validate()
        try require(!attributes.isEmpty, "the attributes", "are none")
        try require(1...100_000 ~= epochs, "epochs", "must be 1 to 100,000")
        try require(2...65_536 ~= batchSize, "batch", "must be 2 to 65,536")
        try require(rate > 0 && rate < 100, "rate", "must be positive and below 100")
        try require(weightDecay >= 0 && weightDecay < 10, "weight decay", "must be 0 to 10")
        try require(averageDecay >= 0 && averageDecay < 1, "average", "must be at least 0 and below 1")
        try require(patience >= 1, "patience", "must be at least 1")
        try require(distillation.map { $0.share > 0 && $0.share <= 1 } ?? true, "distil", "must be 0 to 1")
        try require(1...100_000 ~= pretraining?.epochs ?? 1, "pretrain", "must be 0 to 100,000")
    }

    /// The side of the pictures in an epoch.
    func size(epoch: Int) -> Int {
        let low = architecture.inputSize * 3 / 4 / 4 * 4
        return Double(epoch) < lowResolutionShare * Double(epochs) && low >= 16 ? low : architecture.inputSize
    }

    /// The learning rate of an update, `progress` from 0 to 1 through the run.
    func rate(step: Int, stepsPerEpoch: Int) -> Double {
        let warm = warmUp * Double(stepsPerEpoch)
        let position = Double(step) + 1
        if position < warm { return rate * position / warm }
        let total = Double(epochs * stepsPerEpoch)
        let progress = min(1, (position - warm) / max(1, total - warm))
        return rate * (0.01 + 0.99 * 0.5 * (1 + cos(.pi * progress)))
    }

    var method: Optimiser.Method {
        optimiser == .sgd ? .sgd(momentum: 0.9) : .adamW(beta1: 0.9, beta2: 0.99, epsilon: 1e-8)
    }

    /// The learnt attributes in the order of the logits.
    ///
    /// - Throws: ``Core/Failure`` for what can't be a name.
    public func attributeList() throws -> [Attribute] { try attributes.map(Attribute.named) }
}

/// What an epoch came to.
public struct EpochRecord: Sendable, Codable, Equatable {
    public var epoch = 0
    /// Side of the training pictures in pixels.
    public var size = 0
    public var rate = 0.0
    public var trainingLoss = 0.0
    public var validationLoss = 0.0
    /// Means over the paper's attributes among those learnt (over all where there are none) on the validation part.
    public var accuracy = 0.0
    public var averagePrecision = 0.0
    public var areaUnderROC = 0.0
    /// Where numbers are learnt instead of labels: the share of their variance that is explained, a weighted mean.
    public var explained: Double?

    /// What epochs are compared by.
    var quality: Double { explained ?? averagePrecision }
}
