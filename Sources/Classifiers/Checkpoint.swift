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
        return try decode(TrainingSettings.self, file.metadata["settings"], path)
    }

    /// Weights, average, optimiser, best weights so far and position: all that the rest of the run depends on.
    func saveCheckpoint() throws {
        var tensors: [String: TensorData] = [:]
        for (name, data) in try network.state() { tensors["model.\(name)"] = data }
        for (name, data) in try average.state() { tensors["average.\(name)"] = data }
        for (name, data) in best { tensors["best.\(name)"] = data }
        for (index, moment) in optimiser.state.enumerated() {
            tensors["optimiser.\(index)"] = TensorData(try moment.contiguous().floats(), shape: moment.shape)
        }
        let metadata = [
            "format": Trainer.format, "version": "1",
            "settings": try Trainer.encode(settings),
            "position": try Trainer.encode(position),
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
        guard try Trainer.decode(TrainingSettings.self, file.metadata["settings"], checkpointPath) == settings else {
            throw Failure(
                checkpointPath, "belongs to a run with other settings",
                "give the same settings, or begin the run anew", kind: .conflict)
        }
        guard file.metadata["data"] == training.digest else {
            throw Failure(
                checkpointPath, "belongs to a run on other pictures or labels",
                "give the same data, or begin the run anew", kind: .conflict)
        }
        func part(_ prefix: String) -> [String: TensorData] {
            var result: [String: TensorData] = [:]
            for (name, data) in file.tensors where name.hasPrefix(prefix) {
                result[String(name.dropFirst(prefix.count))] = data
            }
            return result
        }
        try network.load(part("model."), from: checkpointPath)
        try average.load(part("average."), from: checkpointPath)
        best = part("best.")
        for (index, moment) in optimiser.state.enumerated() {
            guard let data = file.tensors["optimiser.\(index)"], data.shape == moment.shape else {
                throw Failure(checkpointPath, "lacks the optimiser's state", "begin the run anew")
            }
            try moment.assign(Tensor(try data.floats(), shape: data.shape, device: device))
        }
        position = try Trainer.decode(Position.self, file.metadata["position"], checkpointPath)
        optimiser.step = position.step
    }

    /// One line of JSON per epoch, and the curve.
    func saveHistory() throws {
        let lines = try position.history.map { try Trainer.encode($0) + "\n" }
        try AtomicFile.write(lines.joined(), to: "\(folder)/epochs.jsonl")
        try AtomicFile.write(TrainingCurve.svg(position.history), to: "\(folder)/curve.svg")
    }

    static func encode(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ text: String?, _ path: String) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data((text ?? "").utf8))
        } catch {
            throw Failure(path, "has damaged metadata", "make it anew")
        }
    }
}
