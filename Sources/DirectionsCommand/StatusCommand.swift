import ArgumentParser
import Directions

/// `directions status`: what the workspace holds.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show what the workspace holds: generators, latents, scores, selections, directions, last jobs.",
        discussion: "Example: directions status --json")

    @OptionGroup var workspace: WorkspaceOption

    @Flag(help: "Print as JSON.")
    var json = false

    func run() throws {
        let result = try workspace.session.status()
        if json { return try printJSON(result) }
        show(result)
    }

    private func show(_ report: StatusResult) {
        print("workspace   \(report.workspace)\(report.hasDatabase ? "" : " (no database yet: `directions sample`)")")
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
