import ArgumentParser
import CommandSupport
import Directions
import Foundation

/// The classifier's half of `make bench`; Benchmarks/classifier.py runs it beside PyTorch.
struct BenchClassifierCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-classifier",
        abstract: "Measure how fast the classifier trains and infers here.",
        discussion: """
            Prints images a second as JSON: the best of some rounds on made-up pictures.

            For example:
              directions bench-classifier --batch 64 --rounds 10
            """,
        shouldDisplay: false)

    @Option(help: "The network.") var arch = "small"
    @Option(help: "Pictures in a training batch.") var batch = 64
    @Option(help: "Pictures in an inference batch.") var inferenceBatch = 16
    @Option(help: "Rounds of each.") var rounds = 10
    @Option(help: "Where to compute: cpu, cuda, cuda:N or auto.") var device = "cpu"
    @Option(help: "Threads.") var threads: Int?

    private var benchmark: ClassifierBenchmark {
        get throws {
            ClassifierBenchmark(
                architecture: try Architecture.named(arch), batch: batch, inferenceBatch: inferenceBatch,
                rounds: rounds, device: try Device.named(device), threads: threads)
        }
    }

    func validate() throws { try benchmark.validate() }

    func run() throws {
        let speed = try benchmark.run(context: Terminal.context)
        let figures = [
            "libtorch": "\"\(speed.libtorch)\"", "training": String(format: "%.2f", speed.training),
            "inference": String(format: "%.2f", speed.inference),
        ]
        print(
            "{" + figures.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ") + "}")
    }
}
