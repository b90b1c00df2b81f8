import ArgumentParser
import CommandSupport
import Directions

/// The SVM's half of `make bench`; Benchmarks/svm.py runs it beside scikit-learn on the same data.
struct BenchSVMCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-svm",
        abstract: "Measure how fast the SVM is fitted to given data.",
        discussion: """
            Prints JSON: the best time of some rounds, the objective with its certified gap, and how far memory rose above \
            the data while fitting, as a multiple of the data.

            For example:
              directions bench-svm --data X.npy --labels y.npy --out w.npy
            """,
        shouldDisplay: false)

    @Option(help: "Features: a float32 .npy [n, d].") var data: String
    @Option(help: "Labels: an .npy [n] of +1 and -1.") var labels: String
    @Option(help: "C.") var c = 1.0
    @Option(help: "Rounds; the best counts.") var rounds = 3
    @Option(help: "Where to write w and b: a .npy [d + 1] of float64.") var out: String?

    private var benchmark: SVMBenchmark { SVMBenchmark(data: data, labels: labels, c: c, rounds: rounds) }

    func validate() throws { try benchmark.validate() }

    func run() throws {
        let result = try benchmark.run()
        if let out { try result.writeBoundary(to: out) }
        try printJSON(result)
    }
}
