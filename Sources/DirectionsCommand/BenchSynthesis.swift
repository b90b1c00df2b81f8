import ArgumentParser
import Core
import Foundation
import Generators
import Images
import Latents

/// The synthesis engine's half of `make bench`; Benchmarks/synthesis.py runs it beside its peers.
struct BenchSynthesis: ParsableCommand {
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

    @Option(help: "The generator's name.")
    var generator = "default"

    @Option(help: "engine or tensors.")
    var engine: Generator.Engine = .engine

    @Option(help: "Threads that synthesize; 0 for one a processor.")
    var threads = 0

    @OptionGroup var workspace: WorkspaceOption

    func run() throws {
        let generator = try Generator.load(folder: workspace.value.generator(generator))
        let synthesizer = try generator.synthesizer(engine, threads: threads)
        let backward = synthesizer as? any GradientSynthesizer
        while let line = readLine() {
            try Terminal.context.check()
            let request = line.split(separator: " ").compactMap { Int($0) }
            guard 3...4 ~= request.count, 1...1024 ~= request[0] else {
                throw Failure("request '\(line)'", "is no request", "give a count, a size and 0 or 1", kind: .usage)
            }
            let codes = try LatentCodes(generator.latents(seed: 0, indices: 0..<UInt64(request[0])))
            let noise: NoiseMode = request[2] == 0 ? .none : .constant
            let (count, size) = (request[0], request[1])
            let kind = request.count == 4 ? request[3] : 0
            let ones = ImageBatch(
                [Float](repeating: 1, count: kind == 0 ? 0 : count * 3 * size * size), side: max(1, size))
            let (wall, processor) = (BenchClock.wall(), BenchClock.processor())
            let values: Int
            switch (kind, backward) {
            case (1, let backward?):
                values = try backward.backward(codes, size: size, noise: noise, gradients: ones).count
            case (2, let backward?):
                values = try backward.record(codes, size: size, noise: noise).backward(ones).count
            default: values = try synthesizer.synthesize(codes, size: size, noise: noise).planes.count
            }
            let figures = [BenchClock.wall() - wall, BenchClock.processor() - processor]
            let answer = "{\"values\": \(values), \"wall\": \(figures[0]), \"processor\": \(figures[1])}\n"
            try FileHandle.standardOutput.write(contentsOf: Data(answer.utf8))
        }
    }
}

/// Seconds by the clock, and on all processors.
enum BenchClock {
    static func wall() -> Double { seconds(CLOCK_MONOTONIC) }
    static func processor() -> Double { seconds(CLOCK_PROCESS_CPUTIME_ID) }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
