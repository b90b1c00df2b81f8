import Core
import Foundation
import Tensors

/// What trainings on photographs share: the photographs, and where and how they run.
public struct TrainingRun: Sendable {
    /// Folders or files of aligned photographs to learn from.
    public var photographs: [String]
    /// Folders or files of aligned photographs to choose by.
    public var validation: [String] = []
    /// Validation photographs at most.
    public var validationCount: Int
    /// What may be done with the weights.
    public var licence = "that of the pictures that it was trained on"
    /// The generator's name in the workspace.
    public var generator = "default"
    /// Threads that compute; nil for all processors.
    public var threads: Int?
    /// Where it computes.
    public var device = Device.cpu
    /// Whether a run of this name is gone on with.
    public var resumes = false

    /// - Parameters:
    ///   - photographs: Folders or files of aligned photographs to learn from.
    ///   - validationCount: Validation photographs at most.
    public init(_ photographs: [String], validationCount: Int) {
        self.photographs = photographs
        self.validationCount = validationCount
    }

    /// Checks what can be checked before anything is loaded.
    ///
    /// - Parameter needsPhotographs: Whether there must be some to learn from.
    /// - Throws: ``Core/Failure`` (usage) naming the first value out of range.
    func validate(needsPhotographs: Bool) throws {
        guard !needsPhotographs || !photographs.isEmpty else {
            throw Failure("photographs", "are none", "name a folder of aligned photographs", kind: .usage)
        }
        guard threads ?? 1 >= 1 else { throw Failure("threads", "must be at least 1", kind: .usage) }
        guard 0...100_000 ~= validationCount else {
            throw Failure("validation count \(validationCount)", "must be 0 to 100,000", kind: .usage)
        }
    }
}

extension Session {
    /// The files of a training's photographs, those to learn from and those to choose by; either none where none are named.
    ///
    /// - Throws: ``Core/Failure`` naming a folder that can't be read.
    func pictureFiles(of run: TrainingRun) throws -> (photographs: [String], validation: [String]) {
        let validation = run.validation.isEmpty ? [] : try pictureFiles(run.validation)
        return (
            run.photographs.isEmpty ? [] : try pictureFiles(run.photographs),
            Array(validation.prefix(run.validationCount))
        )
    }

    /// The folder of a training run in `models`, whose checkpoint is there where the run is gone on with, and only there; from then on as
    /// many threads compute as the run asks for.
    ///
    /// - Throws: ``Core/Failure``: no checkpoint to go on from (not found), or a run of this name (conflict).
    func folder(of run: TrainingRun, name: String) throws -> String {
        let folder = "\(workspace.models)/\(name)"
        if FileManager.default.fileExists(atPath: "\(folder)/checkpoint.safetensors") != run.resumes {
            throw run.resumes
                ? Failure(folder, "has no checkpoint to go on from", "begin a run first", kind: .notFound)
                : Failure(
                    folder, "holds a run of this name", "go on with it (`resume`), or give another name",
                    kind: .conflict)
        }
        try Torch.setThreads(run.threads ?? ProcessInfo.processInfo.activeProcessorCount)
        return folder
    }
}
