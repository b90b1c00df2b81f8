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

/// A training's folder and pictures, found.
struct TrainingFiles {
    /// The run's folder in `models`.
    let folder: String
    /// Pictures to learn from; none where none were named.
    let photographs: [String]
    /// Pictures to choose by; none where none were named.
    let validation: [String]
}

extension Session {
    /// Makes a training ready: sets the threads that compute, and finds its folder and pictures.
    ///
    /// The folder's checkpoint must be there where the run is gone on with, and only there.
    ///
    /// - Parameters:
    ///   - run: What was asked for.
    ///   - name: The folder's name in `models`.
    /// - Returns: Where everything is.
    /// - Throws: ``Core/Failure``: no checkpoint to go on from (not found), a run of this name (conflict), or pictures that can't be
    ///   found.
    func begin(_ run: TrainingRun, name: String) throws -> TrainingFiles {
        let folder = "\(workspace.models)/\(name)"
        if FileManager.default.fileExists(atPath: "\(folder)/checkpoint.safetensors") != run.resumes {
            throw run.resumes
                ? Failure(folder, "has no checkpoint to go on from", "begin a run first", kind: .notFound)
                : Failure(
                    folder, "holds a run of this name", "go on with it (`resume`), or give another name",
                    kind: .conflict)
        }
        try Torch.setThreads(run.threads ?? ProcessInfo.processInfo.activeProcessorCount)
        let validation = run.validation.isEmpty ? [] : try pictureFiles(run.validation)
        return TrainingFiles(
            folder: folder, photographs: run.photographs.isEmpty ? [] : try pictureFiles(run.photographs),
            validation: Array(validation.prefix(run.validationCount)))
    }
}
