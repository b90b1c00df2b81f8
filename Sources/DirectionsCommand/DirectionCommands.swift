import ArgumentParser
import CommandSupport
import Directions

/// `directions show`: what a direction file says of itself.
struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show a direction: its provenance, solver and accuracies.",
        discussion: "Example: directions show eyeglasses@v1")

    @Argument(help: "A direction's name, name@version, or file; none lists all, v0 for those of the program.")
    var direction: String?

    @Option(help: "Whose newest version a name means (default: as for every verb).") var generator: String?
    @OptionGroup var workspace: WorkspaceOption
    @Flag(help: "Print as JSON.") var json = false

    func run() throws {
        guard let direction else {
            for found in workspace.session.directionVersionsWithShipped() {
                print("\(found.attribute)  \(found.versions.map { "v\($0)" }.joined(separator: " "))")
            }
            return
        }
        let result = try workspace.session.show(direction, generator: generator)
        if json { return try printJSON(result.texts) }
        let width = result.texts.keys.map(\.count).max() ?? 0
        for (key, value) in result.texts.sorted(by: { $0.key < $1.key }) {
            print(key.padding(toLength: width + 2, withPad: " ", startingAt: 0) + value)
        }
        if let metrics = result.metrics {
            print("\nevaluated on \(metrics.faces) fresh faces\n" + DirectionMetrics.table([metrics]))
        }
    }
}

/// `directions diff`: two directions side by side.
struct DiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Compare two directions: cosine, and what their files say differently.",
        discussion: "Example: directions diff eyeglasses@v1 eyeglasses@v2")

    @Argument(help: "The first direction.") var first: String
    @Argument(help: "The second direction.") var second: String
    @Option(help: "Whose newest version a name means (default: as for every verb).") var generator: String?
    @OptionGroup var workspace: WorkspaceOption

    func run() throws {
        let comparison = try workspace.session.diff(first, second, generator: generator)
        print(String(format: "cosine  %.6f", comparison.cosine))
        for difference in comparison.differences {
            print("\(difference.key)  \(difference.first ?? "-")  ->  \(difference.second ?? "-")")
        }
    }
}

/// `directions verify`: whether files are as they were written.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Verify direction files and packs: checksums, unit length, matching generator.",
        discussion: """
            Without arguments all directions of the workspace are checked. Packs are found by their paths, and by their names \
            in the workspace's packs/. The exit status is 1 when anything is wrong.

            Examples:
              directions verify
              directions verify faces-v1
              directions verify packs/faces-v1.zip
              directions verify smiling --measure
            """)

    @Argument(help: "Packs (folder or .zip), direction files, or names.") var items: [String] = []
    @Option(help: "The generator that directions must belong to, by its name in the workspace.") var generator: String?
    @Flag(help: "Also try directions of known attributes on 16 faces; one that does nothing is wrong.") var measure =
        false
    @OptionGroup var workspace: WorkspaceOption

    func run() throws {
        let results = try workspace.session.verify(
            VerifyRequest(items, generator: generator, isMeasured: measure))
        for result in results {
            for measurement in result.measurements { print(measurement) }
            if result.problems.isEmpty { print("\(result.item): ok") }
            for problem in result.problems { print("\(result.item): \(FlagHints.named(problem))") }
        }
        let bad = results.count { !$0.problems.isEmpty }
        if bad > 0 { throw Failure("verify", "found \(bad) of \(results.count) wrong", "see above") }
        if results.isEmpty { print("nothing to verify: there are no directions yet") }
    }
}
