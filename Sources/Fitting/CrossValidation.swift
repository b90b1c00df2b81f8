import Core
import Foundation

/// The choice of C by k-fold cross-validation.
public struct CrossValidation: Sendable {
    /// One value of C with its held-out accuracy.
    public struct Trial: Sendable, Equatable {
        public var c: Double
        /// Mean accuracy over the folds.
        public var accuracy: Double
        /// Standard error of that mean.
        public var error: Double
    }

    /// Parts that the samples are cut into.
    public var folds: Int
    /// The values tried, ascending.
    public var grid: [Double]
    /// Names the cut into folds.
    public var seed: UInt64
    /// Asked whether to stop.
    public var context = RunContext.silent

    /// - Parameters:
    ///   - folds: Parts that the samples are cut into; at least 2.
    ///   - grid: The values tried.
    ///   - seed: Names the cut into folds.
    public init(folds: Int = 5, grid: [Double] = CrossValidation.defaultGrid, seed: UInt64 = 0) {
        precondition(folds >= 2 && !grid.isEmpty)
        self.folds = folds
        self.grid = grid.sorted()
        self.seed = seed
    }

    /// 1e-5 to 10 in half decades.
    public static let defaultGrid = stride(from: -5.0, through: 1.0, by: 0.5).map { pow(10, $0) }

    /// Tries every C and chooses the smallest whose accuracy is within one standard error of the best.
    ///
    /// That is the simplest boundary that the samples do not contradict (Breiman, Friedman, Olshen and Stone, 1984).
    ///
    /// - Parameters:
    ///   - samples: What to fit and to judge on.
    ///   - solver: The solver for a C.
    /// - Returns: The C that was chosen, and what every C came to.
    /// - Throws: `Failure` when a class has fewer samples than there are folds, or a fit fails.
    public func choose(
        _ samples: LabelledSamples, solver: (Double) -> any BoundarySolver
    ) throws -> (c: Double, trials: [Trial]) {
        let parts = try samples.folds(folds, seed: seed)
        var trials: [Trial] = []
        for c in grid {
            let accuracies = try parts.map { part in
                try context.check()
                return try solver(c).fit(part.train).accuracy(on: part.validation)
            }
            let mean = accuracies.reduce(0, +) / Double(folds)
            let spread = accuracies.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(folds - 1)
            trials.append(Trial(c: c, accuracy: mean, error: (spread / Double(folds)).squareRoot()))
        }
        var best = trials[0]
        for trial in trials where trial.accuracy > best.accuracy { best = trial }
        let chosen = trials.first { $0.accuracy >= best.accuracy - best.error } ?? best
        return (chosen.c, trials)
    }
}
