import ArgumentParser
import CommandSupport
import Core
import Directions
import Foundation
import Tensors

/// Inversion over a folder of aligned photographs, with any settings; Reports/photographs says what was tried with it.
struct BenchInversionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-inversion",
        abstract: "Measure how near inversion comes to photographs.",
        discussion: """
            Prints a line for each photograph and the means: L2 and LPIPS (AlexNet, VGG16) at 256 pixels, identity, how far the code is from W's
            middle and its rows from one another (in W's deviations, squared), steps, seconds and those of
            processors.

            For example:
              directions bench-inversion photographs --count 24 --steps 100 --settings '{"prior": 0.01}'
            """,
        shouldDisplay: false)

    @Argument(help: "A folder of aligned photographs.") var folder: String
    @Option(help: "At most so many.") var count = 24
    @Option(help: "How many of the first are left out.") var skip = 0
    @Option(help: "Steps at most.") var steps: Int?
    @Option(help: "Seconds at most for each photograph.") var seconds: Double?
    @Option(help: "Settings that differ from the default, as JSON.") var settings = "{}"
    @Option(help: "Tune the generator to each afterwards, in so many steps.") var tuneSteps: Int?
    @Option(help: "Seconds at most that tuning takes.") var tuneSeconds: Double?
    @Option(help: "Settings of that that differ from the default, as JSON.") var tuning = "{}"
    @Option(help: "A picture of photographs and reconstructions to write.") var sheet: String?
    @Option(help: "The generator's name.") var generator = "default"
    @OptionGroup var workspace: WorkspaceOption

    func run() throws {
        Torch.keepFreedMemory()
        var request = InversionBenchmarkRequest(folder: folder, count: count)
        request.skip = skip
        request.generator = generator
        request.budget = InversionBudget(steps: steps, seconds: seconds)
        request.settings = try merged(InversionSettings(), settings)
        if tuneSteps != nil || tuneSeconds != nil {
            request.tuning = try merged(TuningSettings(), tuning)
            request.tuningBudget = InversionBudget(steps: tuneSteps, seconds: tuneSeconds)
        }
        var cells: [[Image?]] = []
        var sums = [Double](repeating: 0, count: 9)
        try workspace.session.measureInversion(request) { result in
            let found = result.inversion
            let figures: [Double] = [
                Double(found.error), Double(found.perceptual), Double(found.identity ?? 0), Double(found.commonSquare),
                Double(found.offsetSquare), Double(found.steps), found.seconds, Double(result.deeper ?? 0),
                result.processorSeconds,
            ]
            for i in sums.indices { sums[i] += figures[i] }
            print(line(result.name, figures))
            cells.append([result.photograph, result.face])
        }
        print(line("mean", sums.map { $0 / Double(max(1, cells.count)) }))
        guard let sheet, !cells.isEmpty else { return }
        let columns = cells.count > 12 ? 4 : cells.count > 4 ? 3 : 1
        let rows = stride(from: 0, to: cells.count, by: columns).map { start in
            cells[start..<min(cells.count, start + columns)].flatMap { $0 }
        }
        try Grid(rows).rendered().write(to: sheet)
    }

    private func line(_ name: String, _ figures: [Double]) -> String {
        String(
            format:
                "%@ L2 %.4f LPIPS %.4f VGG %.4f identity %.3f common %.2f offsets %.2f steps %.0f seconds %.1f processor %.1f",
            name, figures[0], figures[1], figures[7], figures[2], figures[3], figures[4], figures[5], figures[6],
            figures[8])
    }

    /// The default settings with what was asked for put over them.
    private func merged<Settings: Codable>(_ plain: Settings, _ text: String) throws -> Settings {
        let plain = try JSONSerialization.jsonObject(with: JSONEncoder().encode(plain))
        let changes = try JSONSerialization.jsonObject(with: Data(text.utf8))
        guard var all = plain as? [String: Any], let changes = changes as? [String: Any] else {
            throw Failure("settings", "are no JSON object", kind: .usage)
        }
        all.merge(changes) { $1 }
        return try JSONDecoder().decode(Settings.self, from: JSONSerialization.data(withJSONObject: all))
    }
}
