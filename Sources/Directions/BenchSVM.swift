import Core
import Fitting
import Foundation
import Weights

/// Measures how fast the support vector machine is fitted to given data.
public struct SVMBenchmark: Sendable {
    /// What a fit took and came to.
    public struct Result: Sendable, Encodable {
        /// The best time.
        public let seconds: Double
        /// The primal objective.
        public let objective: Double
        /// The dual objective, which certifies it.
        public let lowerBound: Double
        /// (objective − lower bound) / objective.
        public let relativeGap: Double
        /// Newton steps.
        public let iterations: Int
        /// Samples.
        public let rows: Int
        /// Components of a sample.
        public let dimension: Int
        /// (bytes of the data + rise of the resident memory's peak) / bytes of the data.
        public let memory: Double
        let boundary: [Double]

        private enum CodingKeys: String, CodingKey {
            case seconds, objective, lowerBound, relativeGap, iterations, rows, dimension, memory
        }

        /// Writes the boundary's normal and offset as a float64 .npy [dimension + 1].
        ///
        /// - Throws: ``Core/Failure`` naming the file when it can't be written.
        public func writeBoundary(to path: String) throws {
            let bytes = boundary.withUnsafeBytes { Data($0) }
            try NumpyFile.write(TensorData(shape: [boundary.count], type: .float64, bytes: bytes), to: path)
        }
    }

    private let data: String
    private let labels: String
    private let c: Double
    private let rounds: Int

    /// - Parameters:
    ///   - data: Features: a float32 .npy [n, d].
    ///   - labels: An .npy [n] of +1 and −1.
    ///   - c: The cost of a margin's violation.
    ///   - rounds: Rounds; the best counts.
    public init(data: String, labels: String, c: Double = 1, rounds: Int = 3) {
        self.data = data
        self.labels = labels
        self.c = c
        self.rounds = rounds
    }

    /// Checks the numbers.
    ///
    /// - Throws: ``Core/Failure`` (usage) for a number out of range.
    public func validate() throws {
        guard 1...1000 ~= rounds else { throw Failure("rounds", "must be 1 to 1,000", kind: .usage) }
    }

    /// Fits and measures.
    ///
    /// - Throws: ``Core/Failure``: files that can't be read or don't fit, or a fit that fails.
    public func run() throws -> Result {
        try validate()
        let tensor = try NumpyFile.read(data)
        guard tensor.shape.count == 2 else { throw Failure(data, "has shape \(tensor.shape)", "give features [n, d]") }
        let (features, dimension) = (try tensor.floats(), tensor.shape[1])
        let signs = try NumpyFile.read(labels).floats().map { Int8(clamping: Int($0)) }
        let before = try SVMBenchmark.memory(resetPeak: true)
        var best = Double.infinity
        var last: Boundary?
        for _ in 0..<rounds {
            let start = ContinuousClock.now
            let samples = try LabelledSamples(features: features, dimension: dimension, labels: signs)
            last = try SupportVectorMachine(c: c).fit(samples)
            let took = (ContinuousClock.now - start).components
            best = min(best, Double(took.seconds) + Double(took.attoseconds) * 1e-18)
        }
        let rise = try SVMBenchmark.memory(resetPeak: false) - before
        guard let boundary = last else { throw Failure("rounds", "must be 1 to 1,000", kind: .usage) }
        let size = Double(features.count * MemoryLayout<Float>.size)
        return Result(
            seconds: best, objective: boundary.record.objective ?? 0, lowerBound: boundary.record.lowerBound ?? 0,
            relativeGap: boundary.record.relativeGap ?? 1, iterations: boundary.record.iterations, rows: signs.count,
            dimension: dimension, memory: (size + Double(max(0, rise))) / size,
            boundary: boundary.weights + [boundary.intercept * boundary.record.norm])
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
