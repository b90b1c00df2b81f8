import ArgumentParser
import Directions

/// `directions status`: what the workspace holds.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show what the workspace holds: generators, latents, scores, selections, directions, last jobs.",
        discussion: """
            On a network file system the database is safer with --journal delete: its default log (wal) is for programs of \
            one machine. The choice stays with the file.

            Example: directions status --json
            """)

    @OptionGroup var workspace: WorkspaceOption

    @Option(help: "Give the database this journal first: wal (fast, one machine), or delete (network file systems).")
    var journal: Journal?

    @Flag(help: "Print as JSON.") var json = false

    func run() throws {
        let result = try workspace.session.status(journal: journal)
        if json { return try printJSON(result) }
        show(result)
    }

    private func show(_ report: StatusResult) {
        print("workspace   \(report.workspace)\(report.hasDatabase ? "" : " (no database yet: `directions sample`)")")
        if let journal = report.journal { print("journal     \(journal)") }
        for generator in report.generators {
            print(
                "generator   \(generator.name): \(generator.architecture), \(generator.resolution) pixels, \(generator.sha256.prefix(12))"
            )
        }
        for set in report.sampleSets {
            print("latents     set \(set.id): \(set.latents) of seed \(set.seed), psi \(set.psi)")
        }
        for judge in report.classifiers {
            print("scores      \(judge.scored) by \(judge.name), \(judge.sha256.prefix(12))")
        }
        for selection in report.selections {
            print(
                "selection   \(selection.id): \(selection.attribute), top \(selection.top), bottom \(selection.bottom) of \(selection.scored)"
            )
        }
        for name in report.directions { print("direction   \(name)") }
        for job in report.jobs { print("job         \(job.started) \(job.verb): \(job.status)") }
    }
}
