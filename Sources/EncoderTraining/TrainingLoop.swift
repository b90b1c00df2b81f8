import Core
import Foundation
import Networks
import Tensors
import Weights

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
    associatedtype Network: TrainedNetwork

    var position: TrainingPosition<Record> { get set }
    var context: RunContext { get }
    /// What learns, and the running average of it, which is what is measured and kept.
    var network: Network { get }
    var average: Network { get }
    var optimiser: Optimiser { get }
    /// Where the run lives.
    var folder: String { get }
    /// What its checkpoint's metadata call it, and messages.
    static var format: String { get }
    static var kind: String { get }
    /// What a run's checkpoint says of it besides.
    var identity: [String: String] { get throws }
    /// Whether validations have brought nothing better for long enough to end early.
    var isWornOut: Bool { get }

    /// Makes one step.
    ///
    /// - Returns: Its loss.
    func step() throws -> Double
    /// Measures what was learnt.
    func validate() throws
    /// Shows what was learnt, after each checkpoint.
    func writeSheet() throws
}

extension TrainingLoop {
    var isWornOut: Bool { false }

    func writeSheet() throws {}

    var checkpointPath: String { "\(folder)/checkpoint.safetensors" }

    /// Writes all that the rest of the run depends on: weights, average, optimiser and position.
    func saveCheckpoint() throws {
        let tensors = try TrainingState.tensors(
            model: network.state(), average: average.state(), optimiser: optimiser)
        let metadata = [
            "format": Self.format, "version": "1", "position": try TrainingState.encode(position),
            "updates": "\(optimiser.step)",
        ]
        try SafetensorsFile(tensors: tensors, metadata: metadata.merging(identity) { $1 }).write(to: checkpointPath)
    }

    /// The checkpoint in the folder.
    ///
    /// - Throws: ``Core/Failure``: it is not there, damaged, or of another kind (conflict).
    func checkpoint() throws -> SafetensorsFile {
        let file = try SafetensorsFile.read(checkpointPath)
        guard file.metadata["format"] == Self.format, file.metadata["version"] == "1" else {
            throw Failure(
                checkpointPath, "is no checkpoint of \(Self.kind)'s training", "begin the run anew", kind: .conflict)
        }
        return file
    }

    /// What a checkpoint has of some name.
    func saved<Value: Decodable>(_ type: Value.Type, _ name: String, in file: SafetensorsFile) throws -> Value {
        try TrainingState.decode(type, file.metadata[name], checkpointPath)
    }

    /// Why a checkpoint is not gone on from.
    func foreign(_ what: String) -> Failure {
        Failure(
            checkpointPath, "belongs to a run of another \(what)", "give the same, or begin the run anew",
            kind: .conflict)
    }

    /// Goes back to where a checkpoint stands.
    func restore(_ file: SafetensorsFile) throws {
        try network.load(TrainingState.part("model.", of: file), from: checkpointPath)
        try average.load(TrainingState.part("average.", of: file), from: checkpointPath)
        try optimiser.restore(file, path: checkpointPath, device: network.device)
        position = try saved(TrainingPosition<Record>.self, "position", in: file)
        optimiser.step = Int(file.metadata["updates"] ?? "") ?? position.step
    }

    /// The mean loss since the last validation; the next one's begins anew.
    func takeLoss() -> Double {
        defer { (position.lossSum, position.lossCount) = (0, 0) }
        return position.lossSum / Double(max(1, position.lossCount))
    }

    /// Notes what a validation measured.
    ///
    /// - Parameters:
    ///   - record: What it measured.
    ///   - score: The lower the better.
    ///   - keep: Writes the running average; called where it is the best so far.
    /// - Throws: ``Core/Failure`` when a file can't be written.
    func note(_ record: Record, score: Double, keep: () throws -> Void) throws {
        position.history.append(record)
        if score <= position.best {
            position.best = score
            try keep()
        }
        let lines = try position.history.map { try TrainingState.encode($0) + "\n" }
        try AtomicFile.write(lines.joined(), to: "\(folder)/steps.jsonl")
    }

    /// Moves the average towards the weights; faster in the beginning.
    func follow(decay: Double) throws {
        try average.follow(network, keep: min(decay, Double(1 + position.step) / Double(10 + position.step)))
    }

    /// Goes on to the last step; without any step what the run begins from is measured and kept.
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
        if total == 0 { try validate() }
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

extension Optimiser {
    /// What moves the networks that are trained here: AdamW, matrices and kernels decaying.
    convenience init(of network: some TrainedNetwork, weightDecay: Double) throws {
        try self.init(
            .adamW(beta1: 0.9, beta2: 0.99, epsilon: 1e-8), parameters: network.parameters.map(\.tensor),
            decays: network.parameters.map { $0.tensor.shape.count > 1 ? weightDecay : 0 })
    }
}
