import Core
import Encoders
import Foundation

/// How a consultation is trained, everything else frozen.
public struct ConsultationSettings: Sendable, Codable, Equatable {
    /// What the losses count, by the field's names.
    public struct Losses: Sendable, Codable, Equatable {
        /// The mean squared error of pictures in [-1, 1].
        public var l2: Float = 1
        /// LPIPS by AlexNet.
        public var lpips: Float = 0.8
        /// 1 - the cosine of the faces' embeddings.
        public var id: Float = 0
        /// The mean difference of aligned residuals from those that they are to become.
        public var alignment: Float = 0.1

        public init() {}
    }

    /// What residuals it learns from, in turn.
    public var residuals: [ConsultationConfiguration.Residual]
    /// What the losses count.
    public var losses = Losses()
    /// Steps of the optimiser.
    public var steps = 20_000
    /// Photographs a step.
    public var batch = 4
    /// The share of photographs whose residual is seen askew first, for the alignment to undo.
    public var warped = 0.5
    /// How far askew, in shares of a side.
    public var distortion: Float = 0.15
    /// The learning rate; it rises in the first 50 steps and falls to a tenth along half a cosine.
    public var rate = 1e-3
    /// Decoupled weight decay of kernels.
    public var weightDecay = 1e-4
    /// The largest norm of all gradients.
    public var clip = 1.0
    /// The share of the running average of weights that stays in a step.
    public var averageDecay = 0.995
    /// Steps from one validation to the next.
    public var validationInterval = 250
    /// Names all that is drawn.
    public var seed: UInt64 = 1

    /// - Parameter residuals: What residuals it learns from, in turn.
    public init(_ residuals: [ConsultationConfiguration.Residual] = [.colour, .luminance]) {
        self.residuals = residuals
    }

    /// Checks what can be checked before anything is loaded.
    ///
    /// - Throws: ``Core/Failure`` (usage) for a number out of range.
    public func validate() throws {
        func require(_ holds: Bool, _ subject: String, _ problem: String) throws {
            if !holds { throw Failure(subject, problem, kind: .usage) }
        }
        let known = residuals.map(\.rawValue).joined(separator: ",")
        try require(
            !residuals.isEmpty && Set(residuals).count == residuals.count, "residuals \(known)",
            "must be some of colour, grey and luminance, each once")
        try require(1...10_000_000 ~= steps, "steps \(steps)", "must be 1 to 10,000,000")
        try require(1...256 ~= batch, "batch \(batch)", "must be 1 to 256")
        try require(0...1 ~= warped, "warped \(warped)", "must be 0 to 1")
        try require(0...0.5 ~= distortion, "distortion \(distortion)", "must be 0 to 0.5")
        try require(rate > 0 && rate.isFinite, "rate \(rate)", "must be above 0")
        try require(1...1_000_000 ~= validationInterval, "interval \(validationInterval)", "must be 1 to 1,000,000")
        try require(
            [losses.l2, losses.lpips, losses.id, losses.alignment].allSatisfy { $0 >= 0 && $0.isFinite }, "losses",
            "must count 0 or more")
    }

    /// The learning rate of a step.
    func rate(step: Int) -> Double {
        let share = min(1, Double(step) / Double(steps))
        return rate * min(1, Double(step + 1) / 50) * (0.55 + 0.45 * cos(.pi * share))
    }
}
