import ArgumentParser
import Core
import Foundation

/// The command line: one subcommand a verb.
@main
struct Directions: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "directions",
        abstract: "Discover semantic latent directions of StyleGAN-family face generators.",
        version: Version.current,
        subcommands: [
            ImportCommand.self,
            ExportCommand.self,
            Train.self,
            SampleCommand.self,
            ScoreCommand.self,
            SelectCommand.self,
            FitCommand.self,
            EvaluateCommand.self,
            PackCommand.self,
            EditCommand.self,
            SynthCommand.self,
            QueryCommand.self,
            ScoreImage.self,
            ReportCommand.self,
            RunCommand.self,
            StatusCommand.self,
            ShowCommand.self,
            DiffCommand.self,
            VerifyCommand.self,
            MergeCommand.self,
            ReferenceCommand.self,
            BenchClassifier.self,
            BenchSVM.self,
            BenchSynthesis.self,
        ])

    /// Runs the verb; a ``Failure`` becomes one line on standard error and exit status 1, or 64 for a usage error.
    static func main() async {
        Interruption.catchSignals()
        signal(SIGPIPE, SIG_DFL)
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let failure as Failure {
            FileHandle.standardError.write(Data("directions: \(failure)\n".utf8))
            Foundation.exit(failure.isUsage ? 64 : 1)
        } catch {
            exit(withError: error)
        }
    }
}
