import ArgumentParser
import CommandSupport
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
        print(result.text)
    }
}
