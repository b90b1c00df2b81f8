import ArgumentParser
import CommandSupport
import Directions
import Foundation

/// The synthesis engine's half of `make bench`; Benchmarks/synthesis.py runs it beside its peers.
struct BenchSynthesisCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-synthesis",
        abstract: "Measure how fast faces are synthesized here.",
        discussion: """
            Reads requests from standard input, a line each: how many images, their size, and whether with the noise
            constants (0 or 1); a fourth number 1 asks for gradients of such images with respect to the latents instead, 2 for
            the images and then the gradients, as an optimisation asks for them.
            Answers each with the seconds it took by the clock and on all processors, as JSON.

            For example:
              echo 8 256 0 | directions bench-synthesis --threads 2
            """,
        shouldDisplay: false)

    @Option(help: "The generator's name.") var generator = "default"
    @Option(help: "engine or tensors.") var engine: Generator.Engine = .engine
    @Option(help: "Threads that synthesize; 0 for one a processor.") var threads = 0
    @OptionGroup var workspace: WorkspaceOption

    func run() throws {
        let benchmark = try workspace.session.synthesisBenchmark(
            generator: generator, engine: engine, threads: threads)
        while let line = readLine() {
            try Terminal.context.check()
            let request = line.split(separator: " ").compactMap { Int($0) }
            guard 3...4 ~= request.count, 1...1024 ~= request[0] else {
                throw Failure("request '\(line)'", "is no request", "give a count, a size and 0 or 1", kind: .usage)
            }
            let figures = try benchmark.measure(
                count: request[0], size: request[1], noise: request[2] == 0 ? .none : .constant,
                work: request.count == 4 ? .init(rawValue: request[3]) ?? .images : .images)
            let answer =
                "{\"values\": \(figures.values), \"wall\": \(figures.wall), \"processor\": \(figures.processor)}\n"
            try FileHandle.standardOutput.write(contentsOf: Data(answer.utf8))
        }
    }
}
