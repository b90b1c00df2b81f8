import ArgumentParser
import Core
import Foundation
import LatentStore

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
    var journal: JournalName?

    @Flag(help: "Print as JSON.")
    var json = false

    private struct Report: Encodable {
        struct Set: Encodable {
            let id: Int64
            let seed: UInt64
            let psi: Double
            let latents: Int
        }
        struct Judge: Encodable {
            let name: String
            let sha256: String
            let scored: Int
        }
        var workspace: String
        var journal: String?
        var generators: [GeneratorRecord] = []
        var sampleSets: [Set] = []
        var classifiers: [Judge] = []
        var selections: [SelectionRecord] = []
        var directions: [String] = []
        var jobs: [JobRun] = []
    }

    func run() throws {
        let place = workspace.value
        var report = Report(workspace: place.path)
        report.directions = try directionFiles(place)
        if let journal { _ = try LatentStore.open(place.database, journal: journal.value).journal() }
        if FileManager.default.fileExists(atPath: place.database) {
            if let warning = Journal.warning(for: place.database) { Terminal.write(warning + "\n") }
            let store = try LatentStore.openReadOnly(place.database)
            report.journal = try store.journal().rawValue
            report.generators = try store.generators().map(\.record)
            report.sampleSets = try store.sampleSets().map {
                Report.Set(id: $0.set.id, seed: $0.set.seed, psi: $0.set.psi, latents: $0.count)
            }
            report.classifiers = try store.classifiers().map {
                Report.Judge(name: $0.name, sha256: $0.sha256, scored: $0.scored)
            }
            report.selections = try store.selections()
            report.jobs = try store.jobRuns(limit: 5)
        }
        if json { return try printJSON(report) }
        show(report, hasDatabase: FileManager.default.fileExists(atPath: place.database))
    }

    private func directionFiles(_ place: Workspace) throws -> [String] {
        let names = (try? FileManager.default.subpathsOfDirectory(atPath: place.directions)) ?? []
        return names.filter { $0.hasSuffix(".safetensors") }.sorted()
    }

    private func show(_ report: Report, hasDatabase: Bool) {
        print("workspace   \(report.workspace)\(hasDatabase ? "" : " (no database yet: `directions sample`)")")
        if let journal = report.journal { print("journal     \(journal)") }
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

/// The journal of the database, on the command line.
enum JournalName: String, ExpressibleByArgument, CaseIterable {
    case wal, delete

    var value: Journal { self == .wal ? .wal : .delete }
}
