import Core
import Foundation
import Networks
import Tensors
import Weights

extension Trainer {
    private static let format = "directions.training-checkpoint"

    /// The run's checkpoint file.
    public var checkpointPath: String { "\(folder)/checkpoint.safetensors" }

    /// Whether there is something to go on from.
    public static func hasCheckpoint(in folder: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(folder)/checkpoint.safetensors")
    }

    /// The settings of the run whose checkpoint lies in a folder.
    ///
    /// - Throws: ``Core/Failure`` when there is none or it is damaged.
    public static func checkpointSettings(in folder: String) throws -> TrainingSettings {
        let path = "\(folder)/checkpoint.safetensors"
        let file = try SafetensorsFile.read(path)
        return try TrainingState.decode(TrainingSettings.self, file.metadata["settings"], path)
    }

    /// Weights, average, optimiser, best weights so far and position: all that the rest of the run depends on.
    func saveCheckpoint() throws {
        var tensors: [String: TensorData] = [:]
        for (name, data) in try network.state() { tensors["model.\(name)"] = data }
        for (name, data) in try average.state() { tensors["average.\(name)"] = data }
        for (name, data) in best { tensors["best.\(name)"] = data }
        tensors.merge(try optimiser.saved()) { $1 }
        let metadata = [
            "format": Trainer.format, "version": "1",
            "settings": try TrainingState.encode(settings),
            "position": try TrainingState.encode(position),
            "data": training.digest,
        ]
        try SafetensorsFile(tensors: tensors, metadata: metadata).write(to: checkpointPath)
    }

    /// Goes back to where the checkpoint in the folder stands.
    ///
    /// - Throws: ``Core/Failure`` when the file is damaged, of another kind, of a run with other settings or on other data.
    public func resume() throws {
        let file = try SafetensorsFile.read(checkpointPath)
        guard file.metadata["format"] == Trainer.format, file.metadata["version"] == "1" else {
            throw Failure(
                checkpointPath, "is no training checkpoint of this version", "begin the run anew", kind: .conflict)
        }
        guard try TrainingState.decode(TrainingSettings.self, file.metadata["settings"], checkpointPath) == settings
        else {
            throw Failure(
                checkpointPath, "belongs to a run with other settings",
                "give the same settings, or begin the run anew", kind: .conflict)
        }
        guard file.metadata["data"] == training.digest else {
            throw Failure(
                checkpointPath, "belongs to a run on other pictures or labels",
                "give the same data, or begin the run anew", kind: .conflict)
        }
        try network.load(TrainingState.part("model.", of: file), from: checkpointPath)
        try average.load(TrainingState.part("average.", of: file), from: checkpointPath)
        best = TrainingState.part("best.", of: file)
        try optimiser.restore(file, path: checkpointPath, device: device)
        position = try TrainingState.decode(Position.self, file.metadata["position"], checkpointPath)
        optimiser.step = position.step
    }

    /// One line of JSON per epoch, and the curve.
    func saveHistory() throws {
        let lines = try position.history.map { try TrainingState.encode($0) + "\n" }
        try AtomicFile.write(lines.joined(), to: "\(folder)/epochs.jsonl")
        try AtomicFile.write(TrainingCurve.svg(position.history), to: "\(folder)/curve.svg")
    }

}
