import ArgumentParser
import Classifiers
import Core
import Foundation
import Networks
import Tensors

/// The classifier's half of `make bench`; Benchmarks/classifier.py runs it beside PyTorch.
struct BenchClassifier: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-classifier",
        abstract: "Measure how fast the classifier trains and infers here.",
        discussion: """
            Prints images a second as JSON: the best of some rounds on made-up pictures.

            For example:
              directions bench-classifier --batch 64 --rounds 10
            """,
        shouldDisplay: false)

    @Option(help: "The network.")
    var arch = "small"

    @Option(help: "Pictures in a training batch.")
    var batch = 64

    @Option(help: "Pictures in an inference batch.")
    var inferenceBatch = 16

    @Option(help: "Rounds of each.")
    var rounds = 10

    @Option(help: "Where to compute: cpu, cuda, cuda:N or auto.")
    var device = "cpu"

    @Option(help: "Threads.")
    var threads: Int?

    func run() throws {
        guard 1...1000 ~= rounds, 1...4096 ~= batch, 1...4096 ~= inferenceBatch else {
            throw Failure("--rounds and --batch", "must be 1 to 1,000 and 1 to 4,096", kind: .usage)
        }
        let device = try Device.named(device)
        try Torch.setThreads(threads ?? ProcessInfo.processInfo.activeProcessorCount)
        Torch.keepFreedMemory()
        let architecture = try Architecture.named(arch)
        let training = try ThroughputProbe(architecture, batch: batch, device: device, context: Terminal.context)
            .training(rounds: rounds)
        let inference = try ThroughputProbe(
            architecture, batch: inferenceBatch, device: device, context: Terminal.context
        )
        .inference(rounds: rounds * 4)
        let figures = [
            "libtorch": "\"\(Torch.version)\"", "training": String(format: "%.2f", training),
            "inference": String(format: "%.2f", inference),
        ]
        print(
            "{" + figures.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ") + "}")
    }
}
