import Core
import Foundation

/// Where a training stands; part of its checkpoint.
///
/// `Record` is what a validation measured.
struct TrainingPosition<Record: Codable & Equatable>: Codable, Equatable {
    /// Steps that were made.
    var step = 0
    /// The losses since the last validation, in all, and how many those are.
    var lossSum = 0.0
    var lossCount = 0
    /// The best validation's score, the lower the better.
    var best = Double.infinity
    /// All validations so far.
    var history: [Record] = []
}

/// What the trainings here have in common: steps until the last one, validations, checkpoints every few minutes and on a stop.
protocol TrainingLoop: AnyObject {
    associatedtype Record: Codable & Equatable

    var position: TrainingPosition<Record> { get set }
    var context: RunContext { get }
    /// Whether validations have brought nothing better for long enough to end early.
    var isWornOut: Bool { get }

    /// Makes one step.
    ///
    /// - Returns: Its loss.
    func step() throws -> Double
    /// Measures what was learnt.
    func validate() throws
    /// Writes all that the rest of the run depends on.
    func saveCheckpoint() throws
    /// Shows what was learnt, after each checkpoint.
    func writeSheet() throws
}

extension TrainingLoop {
    var isWornOut: Bool { false }

    func writeSheet() throws {}

    /// Goes on to the last step.
    ///
    /// - Parameters:
    ///   - label: What the run is called in its progress.
    ///   - total: Steps in all.
    ///   - interval: Steps from one validation to the next.
    ///   - seconds: Seconds from one checkpoint to the next.
    /// - Throws: ``Core/Failure``: a stop was asked for, the disk is full, the loss is no number any more.
    func train(_ label: String, total: Int, interval: Int, checkpointEvery seconds: Double) throws {
        let progress = context.progress(label, unit: "steps", total: total, done: position.step)
        defer { progress.finish() }
        var saved = Date()
        while position.step < total {
            let loss = try step()
            guard loss.isFinite else {
                throw Failure(
                    "training", "came to a loss that is no number in step \(position.step)",
                    "run again with a lower rate")
            }
            position.lossSum += loss
            position.lossCount += 1
            position.step += 1
            progress.advance(
                1, note: String(format: "loss %.4f", position.lossSum / Double(max(1, position.lossCount))))
            if position.step % interval == 0 || position.step == total {
                try validate()
                if isWornOut { break }
            }
            if context.isCancelled || Date().timeIntervalSince(saved) >= seconds {
                try saveCheckpoint()
                saved = Date()
                try context.check()
                try writeSheet()
            }
        }
        try saveCheckpoint()
        try writeSheet()
    }
}
