import Core
import Foundation
import LatentStore
import Testing

@Suite struct HelpTests {
    static let verbs = [
        "import", "export", "train", "sample", "score", "select", "fit", "evaluate", "pack", "report", "edit", "synth",
        "query", "score-image", "run",
        "status", "show", "diff", "verify", "merge",
    ]

    @Test(arguments: verbs) func everyVerbHasHelpWithAnExample(verb: String) throws {
        let result = try Program.run([verb, "--help"])
        #expect(result.status == 0)
        #expect(result.output.contains("OVERVIEW:") && result.output.contains("USAGE: directions \(verb)"))
        #expect(result.output.contains("xample"), "\(verb) shows no example")
        #expect(result.output.contains("directions \(verb)"))
    }

    @Test(arguments: [
        ("colorise", "colorize"), ("Edit", "edit"), ("evalute", "evaluate"), ("train_encoder", "train-encoder"),
    ])
    func aWordThatIsNoVerbIsToldTheNearest(word: String, verb: String) throws {
        let result = try Program.run([word, "x.jpg"])
        #expect(result.status == 64 && result.errors.contains("\(word): is no verb; did you mean \(verb)"))
        #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    }

    @Test func theReferenceIsFresh() throws {
        let result = try Program.run(["reference"])
        let committed = String(decoding: try AtomicFile.read(Program.root + "/docs/cli.md"), as: UTF8.self)
        #expect(result.output == committed, "docs/cli.md is stale: run `make reference`")
        for verb in HelpTests.verbs { #expect(committed.contains("\n## \(verb)\n")) }
    }

    @Test func theMigrationsAreTheSQLFiles() throws {
        let folder = Program.root + "/Database"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".sql") }
        let numbered = names.filter { $0.first?.isNumber == true }.sorted()
        #expect(numbered == LatentStore.migrations.map(\.name))
        for (name, sql) in LatentStore.migrations {
            let file = String(decoding: try AtomicFile.read("\(folder)/\(name)"), as: UTF8.self)
            #expect(file == sql + "\n" || file == sql, "\(name) differs: run scripts/embed-sql")
        }
    }

    @Test(arguments: [
        (["sample", "--psi", "nan"], "--psi"), (["sample", "--count=-1"], "--count"),
        (["sample", "--shard", "3/2"], "--shard"),
        (["fit", "--attr", "eye.glasses"], "eye.glasses"), (["query", "eyeglasses > "], "a number is missing"),
        (["synth", "--seed", "x", "--size", "7"], "--"),
        (["nonsense"], "nonsense"), (["select", "--top", "0"], "--top"), (["synth", "--seed", "1"], "--out"),
    ])
    func usageErrorsExitWith64(arguments: [String], named: String) throws {
        let folder = Program.Folder()
        let result = try Program.run(arguments + (arguments[0] == "nonsense" ? [] : ["--workspace", folder.path]))
        #expect(result.status == 64, "\(result.errors)")
        #expect(result.errors.contains(named), "\(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path), "something was left behind")
    }

    @Test(arguments: [
        ["score", "--limit", "0"], ["train", "--data", "x", "--epochs", "0"], ["query", "--limit", "-1"],
        ["train", "--data", "x", "--optimiser", "adam"], ["score-image"], ["bench-classifier", "--rounds", "0"],
        ["select", "--matched", "--bottom", "3"], ["import", "x.npy"],
    ])
    func whatMakesNoSenseIsRefusedBeforeAnythingIsLoaded(arguments: [String]) throws {
        let folder = Program.Folder()
        let isBenchmark = arguments[0].hasPrefix("bench")
        let result = try Program.run(arguments + (isBenchmark ? [] : ["--workspace", folder.path]))
        #expect(result.status == 64, "\(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path), "something was left behind")
    }

    @Test func whatIsMissingIsNoUsageError() throws {
        let folder = Program.Folder()
        for arguments in [["select"], ["query", "smiling > 0"], ["score"], ["export", "default", "--out", "x.pt"]] {
            let result = try Program.run(arguments, workspace: folder.path)
            #expect(result.status == 1 && result.errors.contains("directions "), "\(arguments): \(result.errors)")
        }
    }

    @Test func aHintNamesTheFlagOfAValue() throws {
        let result = try Program.run(["sample", "--count=-1"])
        #expect(result.errors.contains("count -1: is out of range; give 0 to 4294967295 (--count)"))
    }

    @Test func verbsShowInGroups() throws {
        let help = try Program.run(["--help"]).output
        for group in ["MODEL", "DISCOVERY", "FACE", "DIRECTION", "WORKSPACE"] {
            #expect(help.contains("\(group) SUBCOMMANDS:"), "\(group)")
        }
        #expect(!help.contains("bench-"))
    }

    @Test func aMissingGeneratorSaysWhatToDo() throws {
        let folder = Program.Folder()
        let result = try Program.run(["synth", "--seed", "1", "--out", "x.png"], workspace: folder.path)
        #expect(result.status == 1)
        #expect(result.errors.contains("directions import default"))
    }
}
