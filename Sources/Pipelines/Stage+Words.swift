import Core

extension Stage {
    /// The words after the program's name with the workspace that the stage works in.
    public func arguments(in workspace: Workspace) -> [String] { arguments + ["--workspace", workspace.path] }
}
