import ArgumentParser
import Core
import Foundation
import LatentStore

/// `directions status`: what the workspace holds.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show what the workspace holds: generators, latents, scores, selections, directions, last jobs.",
        discussion: "Example: directions status --json")

    @OptionGroup var workspace: WorkspaceOption

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
        if FileManager.default.fileExists(atPath: place.database) {
            let store = try LatentStore.openReadOnly(place.database)
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
