import ArgumentParser
import Core
import Fitting
import Foundation
import Weights

/// The SVM's half of `make bench`; Benchmarks/svm.py runs it beside scikit-learn on the same data.
struct BenchSVM: ParsableCommand {
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

    @Option(help: "Features: a float32 .npy [n, d].")
    var data: String

    @Option(help: "Labels: an .npy [n] of +1 and -1.")
    var labels: String

    @Option(help: "C.")
    var c = 1.0

    @Option(help: "Rounds; the best counts.")
    var rounds = 3

    @Option(help: "Where to write w and b: a .npy [d + 1] of float64.")
    var out: String?

    private struct Figures: Encodable {
        var seconds: Double
        var objective: Double
        var lowerBound: Double
        var relativeGap: Double
        var iterations: Int
        var rows: Int
        var dimension: Int
        /// (bytes of the data + rise of the resident memory's peak) / bytes of the data.
        var memory: Double
    }

    func run() throws {
        guard 1...1000 ~= rounds else { throw Failure("--rounds", "must be 1 to 1,000", kind: .usage) }
        let (features, dimension) = try load()
        let signs = try NumpyFile.read(labels).floats().map { Int8(clamping: Int($0)) }
        let before = try BenchSVM.memory(resetPeak: true)
        var best = Double.infinity
        var boundary: Boundary?
        for _ in 0..<rounds {
            let start = ContinuousClock.now
            let samples = try LabelledSamples(features: features, dimension: dimension, labels: signs)
            boundary = try SupportVectorMachine(c: c).fit(samples)
            let took = (ContinuousClock.now - start).components
            best = min(best, Double(took.seconds) + Double(took.attoseconds) * 1e-18)
        }
        let rise = try BenchSVM.memory(resetPeak: false) - before
        guard let boundary else { return }
        if let out {
            let values = boundary.weights + [boundary.intercept * boundary.record.norm]
            let bytes = values.withUnsafeBytes { Data($0) }
            try NumpyFile.write(TensorData(shape: [values.count], type: .float64, bytes: bytes), to: out)
        }
        let size = Double(features.count * MemoryLayout<Float>.size)
        try printJSON(
            Figures(
                seconds: best, objective: boundary.record.objective ?? 0, lowerBound: boundary.record.lowerBound ?? 0,
                relativeGap: boundary.record.relativeGap ?? 1, iterations: boundary.record.iterations,
                rows: signs.count, dimension: dimension, memory: (size + Double(max(0, rise))) / size))
    }

    private func load() throws -> (features: [Float], dimension: Int) {
        let tensor = try NumpyFile.read(data)
        guard tensor.shape.count == 2 else { throw Failure(data, "has shape \(tensor.shape)", "give features [n, d]") }
        return (try tensor.floats(), tensor.shape[1])
    }

    /// Bytes of resident memory now, or their peak since it was reset (Linux's /proc).
    private static func memory(resetPeak: Bool) throws -> Int {
        if resetPeak {
            // 5 resets VmHWM: see proc(5), clear_refs.
            guard let file = fopen("/proc/self/clear_refs", "w") else {
                throw AtomicFile.systemFailure("/proc/self/clear_refs", "cannot be written")
            }
            fputs("5", file)
            fclose(file)
        }
        let status = String(decoding: try AtomicFile.read("/proc/self/status"), as: UTF8.self)
        let key = resetPeak ? "VmRSS:" : "VmHWM:"
        let line = status.split(separator: "\n").first { $0.hasPrefix(key) } ?? ""
        return (Int(line.split(whereSeparator: { !$0.isNumber }).first ?? "") ?? 0) * 1024
    }
}
