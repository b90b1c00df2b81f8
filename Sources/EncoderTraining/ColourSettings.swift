import ColourNetworks
import Core
import Foundation

/// How a colouriser is trained: to tell the colours of grey photographs.
public struct ColourSettings: Sendable, Codable, Equatable {
    /// Pixels along a side of what it sees, a multiple of 32.
    public var inputSize = 192
    /// Steps of the optimiser.
    public var steps = 4000
    /// Photographs a step.
    public var batch = 12
    /// Of these, faces that a generator makes.
    public var generated = 0
    /// Generated faces at most, and those that are there before the first step; four more become known with every step.
    public var faces = 5000
    public var firstFaces = 256
    /// The learning rate; it rises in the first 50 steps and falls to nothing along half a cosine.
    public var rate = 8e-4
    /// Decoupled weight decay of kernels.
    public var weightDecay = 1e-2
    /// The largest norm of all gradients.
    public var clip = 1.0
    /// How much rare colours count: 0 as often as they are, 1 as much as all others.
    public var balance = 0.5
    /// How pointed a place's colours are made at use; see ``ColourNetworks/ColourConfiguration/temperature``.
    public var temperature: Float = 0.6
    /// The share of the running average of weights that stays in a step.
    public var averageDecay = 0.997
    /// Steps from one validation to the next.
    public var validationInterval = 200
    /// Photographs whose colours are counted before the first step, at most.
    public var counted = 1600
    /// Names all that is drawn.
    public var seed: UInt64 = 1

    public init() {}

    /// Checks what can be checked before anything is loaded.
    ///
    /// - Throws: ``Core/Failure`` (usage) for a number out of range.
    public func validate() throws {
        func require(_ holds: Bool, _ subject: String, _ problem: String) throws {
            if !holds { throw Failure(subject, problem, kind: .usage) }
        }
        try require(
            64...512 ~= inputSize && inputSize % 32 == 0, "size \(inputSize)", "must be a multiple of 32 from 64 to 512"
        )
        try require(1...10_000_000 ~= steps, "steps \(steps)", "must be 1 to 10,000,000")
        try require(1...256 ~= batch, "batch \(batch)", "must be 1 to 256")
        try require(0...batch ~= generated, "generated \(generated)", "must be 0 to the batch")
        try require(
            1...1_000_000 ~= faces && 1...faces ~= firstFaces, "faces \(faces)",
            "must be 1 or more, and the first no more")
        try require(rate > 0 && rate.isFinite, "rate \(rate)", "must be above 0")
        try require(0...1 ~= balance, "balance \(balance)", "must be 0 to 1")
        try require(0.05...1 ~= temperature, "temperature \(temperature)", "must be 0.05 to 1")
        try require(1...1_000_000 ~= validationInterval, "interval \(validationInterval)", "must be 1 to 1,000,000")
        try require(counted > 0, "counted", "must be 1 or more")
    }

    /// The learning rate of a step.
    func rate(step: Int) -> Double {
        let share = min(1, Double(step) / Double(steps))
        return rate * min(1, Double(step + 1) / 50) * (0.51 + 0.49 * cos(.pi * share))
    }
}
