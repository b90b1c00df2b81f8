import ArgumentParser
import CommandSupport
import Directions

/// `directions sample`: latents into the database.
struct SampleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample",
        abstract: "Draw latents, noise-free, reproducibly from one seed.",
        discussion: """
            Latent i of a seed is the same on every machine and in every shard. What the database already holds is kept, so a \
            stopped run goes on, and a larger --count extends the set.

            With --steer mustache (a direction of W) the set has those latents of the seed that it kept: all that lie two standard deviations \
            along it, of the others ever fewer, at least one of twenty. Each has a weight in the database, by which shares and \
            accuracies are those of the seed as it comes.

            Example: directions sample --count 20000 --seed 0
            """)

    @Option(help: "How many latents the set is to have.") var count = 500_000
    @Option(help: "The seed that names the set.") var seed: UInt64 = 0
    @Option(help: "Truncation psi: w = mean + psi (w - mean).") var psi: Float = 1
    @Option(help: "The generator's name in the workspace.") var generator = "default"

    @Option(help: "Draw only a part, such as 3/64 (parts count from 0); merge the databases with `directions merge`.")
    var shard: String?

    @Option(
        help: "The database's journal: wal, or delete for network file systems (default: as it is; wal for a new one).")
    var journal: Journal?

    @Option(
        help: ArgumentHelp(
            "Draw more latents along this direction of W: importance sampling. Give the set a seed of its own.",
            valueName: "direction"))
    var steer: String?

    @OptionGroup var workspace: WorkspaceOption
    @Flag(help: "Print the result as JSON.") var json = false

    private var request: SampleRequest {
        get throws {
            SampleRequest(
                count: count, seed: seed, psi: psi, generator: generator,
                shard: try shard.map { try Shard($0) } ?? .whole, journal: journal, steering: steer)
        }
    }

    func validate() throws { try request.validate() }

    func run() throws {
        let result = try workspace.session.sample(request)
        if json { return try printJSON(result) }
        let kept = result.examined.map { ", kept of \($0)" } ?? ""
        print("set \(result.set): \(result.total) latents of seed \(seed), psi \(psi)\(kept); \(result.added) added")
    }
}

/// `directions merge`: shards into one database.
struct MergeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Merge shard databases into the workspace's.",
        discussion: """
            Latents and scores that are there already stay as they are, so merging twice changes nothing.

            Example: directions merge shards/0/latents.sqlite shards/1/latents.sqlite
            """)

    @Argument(help: "Databases that `sample --shard` and `score` filled.") var shards: [String]
    @OptionGroup var workspace: WorkspaceOption

    private var request: MergeRequest { MergeRequest(shards) }

    func validate() throws { try request.validate() }

    func run() throws {
        try workspace.session.merge(request) { result in
            print("\(result.database): \(result.latents) latents and \(result.scores) scores are new")
        }
    }
}
