import ArgumentParser
import Core

/// Where the work lies; every verb takes it.
struct WorkspaceOption: ParsableArguments {
    @Option(help: "The workspace folder (default: $DIRECTIONS_WORKSPACE, else ./workspace).")
    var workspace: String?

    /// The workspace that was asked for.
    var value: Workspace { Workspace(workspace) }
}
