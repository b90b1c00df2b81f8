import ArgumentParser
import CommandSupport
import Core
import Foundation
import PhotographCommands

/// The command line: one subcommand a verb.
@main
struct CommandLineTool: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "directions",
        abstract: """
            Discover semantic latent directions of StyleGAN-family face generators, and edit and colour photographs with them.
            """,
        version: Version.current,
        subcommands: [
            ReferenceCommand.self, BenchClassifierCommand.self, BenchSVMCommand.self, BenchSynthesisCommand.self,
        ] + PhotographCommands.hidden,
        groupedSubcommands: [
            CommandGroup(
                name: "Model", subcommands: [ImportCommand.self, ExportCommand.self, TrainCommand.self]),
            CommandGroup(
                name: "Discovery",
                subcommands: [
                    SampleCommand.self, ScoreCommand.self, SelectCommand.self, FitCommand.self, RefineCommand.self,
                    EvaluateCommand.self,
                ]),
            CommandGroup(
                name: "Face",
                subcommands: [EditCommand.self, SynthCommand.self, ScoreImageCommand.self]),
        ]
            + (PhotographCommands.all.isEmpty
                ? [] : [CommandGroup(name: "Photograph", subcommands: PhotographCommands.all)]) + [
                CommandGroup(
                    name: "Direction",
                    subcommands: [
                        ShowCommand.self, DiffCommand.self, VerifyCommand.self, PackCommand.self, ReportCommand.self,
                    ]),
                CommandGroup(
                    name: "Workspace",
                    subcommands: [
                        QueryCommand.self, StatusCommand.self, MergeCommand.self, RunCommand.self, ServeCommand.self,
                    ]),
            ])

    /// Runs the verb; a ``Failure`` becomes one line on standard error and exit status 1, or 64 for a usage error.
    static func main() async {
        Terminal.catchSignals()
        signal(SIGPIPE, SIG_DFL)
        do {
            try requireVerb(CommandLine.arguments.dropFirst().first)
            var command = try parseAsRoot()
            if var asynchronous = command as? AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            end(with: error)
        }
    }

    /// Names the verbs nearest to a first word that is none.
    private static func requireVerb(_ word: String?) throws {
        let verbs = configuration.subcommands.flatMap { [$0._commandName] + $0.configuration.aliases } + ["help"]
        guard let word, !word.hasPrefix("-"), !verbs.contains(word) else { return }
        let shown = configuration.subcommands.filter { $0.configuration.shouldDisplay }.map { $0._commandName }
        let near = Attribute.nearest(to: word.lowercased(), among: shown).joined(separator: ", ")
        throw Failure(word, "is no verb", "did you mean \(near)? `directions --help` lists them", kind: .usage)
    }

    /// Ends the process: a failure as one line and status 1, or 64 for a usage error; help and the like as the parser does.
    private static func end(with error: any Error) -> Never {
        guard let failure = failure(in: error) else { exit(withError: error) }
        Terminal.write("directions: \(FlagHints.added(to: failure))\n")
        Foundation.exit(failure.kind == .usage ? 64 : 1)
    }

    /// The failure that was thrown, also where the parser has wrapped what a `validate()` threw.
    private static func failure(in error: any Error) -> Failure? {
        if let failure = error as? Failure { return failure }
        for child in Mirror(reflecting: error).children {
            if let inner = child.value as? any Error, let failure = failure(in: inner) { return failure }
            for grandchild in Mirror(reflecting: child.value).children {
                if let failure = grandchild.value as? Failure { return failure }
            }
        }
        return nil
    }
}
