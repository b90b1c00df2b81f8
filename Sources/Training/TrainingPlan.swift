import Classifiers
import Core
import Tensors

/// All that a classifier's training needs to know: the pictures, the settings, the networks and where things go.
public struct TrainingPlan: Sendable {
    /// The classifier's name.
    public var name: String
    /// Pictures with labels, in CelebA's layout.
    public var data: CelebAFolder
    /// What decides the result.
    public var settings: TrainingSettings
    /// Networks trained one after another, each with a seed of its own; the classifier averages their logits.
    public var members = 1
    /// Epochs of each network after the first, which then begin from the first one's weights; nil trains all alike.
    public var memberEpochs: Int?
    /// A file of weights to begin from; nil for fresh ones.
    public var weights: String?
    /// Seconds between checkpoints.
    public var checkpointInterval = 60.0
    /// Threads that compute and prepare pictures.
    public var threads: Int
    /// Where networks compute.
    public var device = Device.cpu
    /// Whether a run of this name is gone on with.
    public var resumes = false
    /// The folder of checkpoints and metrics.
    public var folder: String
    /// The classifier file to write.
    public var path: String
    /// The latent database with the faces for pretraining.
    public var database: String

    /// A plan with one network on the CPU.
    public init(
        name: String, data: CelebAFolder, settings: TrainingSettings, threads: Int, folder: String, path: String,
        database: String
    ) {
        self.name = name
        self.data = data
        self.settings = settings
        self.threads = threads
        self.folder = folder
        self.path = path
        self.database = database
    }

    /// The folder of one network's run, counted from 1.
    func folder(_ member: Int) -> String { "\(folder)/\(member)" }

    /// The folder of the pretraining's run.
    var pretrainingFolder: String { "\(folder)/pretraining" }

    /// Refuses to write over a run that is there already.
    ///
    /// - Throws: ``Core/Failure`` (conflict) naming the folder.
    func checkFolder() throws {
        let folders = (1...members).map { folder($0) } + (settings.pretraining == nil ? [] : [pretrainingFolder])
        if !resumes, folders.contains(where: { Trainer.hasCheckpoint(in: $0) }) {
            throw Failure(
                folder, "holds a run of this name already",
                "resume it, give another name, or remove the folder", kind: .conflict)
        }
    }
}
