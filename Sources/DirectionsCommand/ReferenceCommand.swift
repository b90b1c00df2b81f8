import ArgumentParser
import Core

/// `directions reference`: the help of every verb as one document, from which `docs/cli.md` is made.
struct ReferenceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reference", abstract: "Print the help of every verb as Markdown.",
        discussion: "Example: directions reference > docs/cli.md", shouldDisplay: false)

    func run() throws {
        var text =
            "# The commands of `directions`\n\nMade by `make reference` from the verbs' own help; a test fails when it is stale.\n"
        for command in CommandLineTool.configuration.subcommands where command.configuration.shouldDisplay {
            let help = CommandLineTool.helpMessage(for: command, columns: 100)
            let lines = help.split(separator: "\n", omittingEmptySubsequences: false).map { line in
                String(line.reversed().drop { $0 == " " }.reversed())
            }
            text += "\n## \(command._commandName)\n\n```\n\(lines.joined(separator: "\n"))\n```\n"
        }
        print(text, terminator: "")
    }
}
