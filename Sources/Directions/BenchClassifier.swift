import Classifiers
import Core
import Foundation
import Networks
import Tensors

/// Measures how fast a classifier's network trains and infers here.
public struct ClassifierBenchmark: Sendable {
    /// Pictures a second, the best of the rounds.
    public struct Speed: Sendable, Encodable {
        /// The version of libtorch.
        public let libtorch: String
        /// Forward, backward and update.
        public let training: Double
        /// Forward alone.
        public let inference: Double
    }

    private let architecture: Architecture
    private let batch: Int
    private let inferenceBatch: Int
    private let rounds: Int
    private let device: Device
    private let threads: Int?

    /// - Parameters:
    ///   - architecture: The network.
    ///   - batch: Pictures in a training batch.
    ///   - inferenceBatch: Pictures in an inference batch.
    ///   - rounds: Rounds of training; inference gets four times as many.
    ///   - device: Where to compute.
    ///   - threads: Threads; nil for all processors.
    public init(
        architecture: Architecture, batch: Int = 64, inferenceBatch: Int = 16, rounds: Int = 10,
        device: Device = .cpu, threads: Int? = nil
    ) {
        self.architecture = architecture
        self.batch = batch
        self.inferenceBatch = inferenceBatch
        self.rounds = rounds
        self.device = device
        self.threads = threads
    }

    /// Checks the numbers.
    ///
    /// - Throws: ``Core/Failure`` (usage) for a number out of range.
    public func validate() throws {
        guard 1...1000 ~= rounds, 1...4096 ~= batch, 1...4096 ~= inferenceBatch else {
            throw Failure("rounds and batch", "must be 1 to 1,000 and 1 to 4,096", kind: .usage)
        }
    }

    /// Measures on made-up pictures.
    ///
    /// - Throws: ``Core/Failure``: a number out of range (usage), memory that runs out, or a stop.
    public func run(context: RunContext = .silent) throws -> Speed {
        try validate()
        try Torch.setThreads(threads ?? ProcessInfo.processInfo.activeProcessorCount)
        Torch.keepFreedMemory()
        let training = try ThroughputProbe(architecture, batch: batch, device: device, context: context)
            .training(rounds: rounds)
        let inference = try ThroughputProbe(architecture, batch: inferenceBatch, device: device, context: context)
            .inference(rounds: rounds * 4)
        return Speed(libtorch: Torch.version, training: training, inference: inference)
    }
}
