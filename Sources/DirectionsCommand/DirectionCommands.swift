import ArgumentParser
import Core
import DirectionFiles
import Evaluation
import Foundation
import Generators

/// `directions show`: what a direction file says of itself.
struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show a direction: its provenance, solver and accuracies.",
        discussion: "Example: directions show eyeglasses@v1")

    @Argument(help: "A direction's name, name@version, or file; without one all names are listed.")
    var direction: String?

    @OptionGroup var workspace: WorkspaceOption

    @Flag(help: "Print as JSON.")
    var json = false

    func run() throws {
        let library = DirectionLibrary(workspace.value.directions)
        guard let direction else {
            for attribute in library.attributes() {
                let versions = library.versions(of: attribute).map { "v\($0)" }
                print("\(attribute)  \(versions.joined(separator: " "))")
            }
            return
        }
        let file = try library.load(direction)
        var texts = file.metadata.texts
        texts["attribute"] = file.attribute
        texts["version"] = "\(file.version)"
        texts["sigma"] = "\(file.sigma)"
        texts["intercept"] = "\(file.intercept)"
        texts["shape"] = file.rows == 1 ? "[\(file.size)]" : "[\(file.rows), \(file.size)]"
        if json { return try printJSON(texts) }
        let width = texts.keys.map(\.count).max() ?? 0
        for (key, value) in texts.sorted(by: { $0.key < $1.key }) {
            print(key.padding(toLength: width + 2, withPad: " ", startingAt: 0) + value)
        }
        if let metrics = try library.metrics(of: file) {
            print("\nevaluated on \(metrics.faces) fresh faces\n" + EvaluateCommand.table([metrics]))
        }
    }
}

/// `directions diff`: two directions side by side.
struct DiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Compare two directions: cosine, and what their files say differently.",
        discussion: "Example: directions diff eyeglasses@v1 eyeglasses@v2")

    @Argument(help: "The first direction.")
    var first: String

    @Argument(help: "The second direction.")
    var second: String

    @OptionGroup var workspace: WorkspaceOption

    func run() throws {
        let library = DirectionLibrary(workspace.value.directions)
        let comparison = try DirectionComparison(library.load(first), library.load(second))
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
            Without arguments all directions of the workspace are checked. The exit status is 1 when anything is wrong.

            Example: directions verify packs/faces-v1.zip
            """)

    @Argument(help: "Packs (folder or .zip), direction files, or names.")
    var items: [String] = []

    @Option(help: "The generator that directions must belong to, by its name in the workspace.")
    var generator: String?

    @OptionGroup var workspace: WorkspaceOption

    func run() throws {
        let library = DirectionLibrary(workspace.value.directions)
        let identity = try generator.map { try GeneratorIdentity.read(folder: workspace.value.generator($0)) }
        let all = library.attributes().flatMap { attribute in
            library.versions(of: attribute).map { "\(attribute)@v\($0)" }
        }
        let wanted = items.isEmpty ? all : items
        var bad = 0
        for item in wanted {
            let problems = VerifyCommand.problems(item, library: library, identity: identity)
            bad += problems.isEmpty ? 0 : 1
            if problems.isEmpty { print("\(item): ok") }
            for problem in problems { print("\(item): \(problem)") }
        }
        if bad > 0 { throw Failure("verify", "found \(bad) of \(wanted.count) wrong", "see above") }
        if wanted.isEmpty { print("nothing to verify: there are no directions yet") }
    }

    private static func problems(_ item: String, library: DirectionLibrary, identity: GeneratorIdentity?) -> [String] {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: item, isDirectory: &isFolder)
        if exists, isFolder.boolValue || item.hasSuffix(".zip") {
            return DirectionPack.problems(at: item).map(\.description)
        }
        do {
            let file = try library.load(item)
            if let identity { try file.requireGenerator(sha256: identity.sha256, name: identity.name) }
            return []
        } catch {
            return ["\(error)"]
        }
    }
}
