import Core
import Faces
import Foundation
import Generators
import Images
import Inversion
import Latents
import Networks
import Objectives
import Weights

/// Measures inversion over a folder of aligned photographs, with any settings: what is tried out is tried with this.
public struct InversionBenchmarkRequest: Sendable {
    /// A folder of aligned photographs.
    public var folder: String
    /// At most so many, in the order of their names.
    public var count: Int
    /// How many of the first are left out.
    public var skip = 0
    /// How to look.
    public var settings = InversionSettings()
    /// When to end.
    public var budget = InversionBudget(seconds: 40)
    /// How the generator is tuned to each photograph afterwards; nil leaves it.
    public var tuning: TuningSettings?
    /// When that ends.
    public var tuningBudget = InversionBudget(seconds: 240)
    /// The generator's name in the workspace.
    public var generator = "default"

    public init(folder: String, count: Int) {
        self.folder = folder
        self.count = count
    }
}

/// A photograph's inversion in a benchmark.
public struct MeasuredInversion: Sendable {
    /// The file's name.
    public let name: String
    /// The photograph at 256².
    public let photograph: Image
    /// Its reconstruction at 256².
    public let face: Image
    /// The code, and the figures.
    public let inversion: Inversion
    /// Seconds of processor time that it took, its share of the batch.
    public let processorSeconds: Double
    /// LPIPS at 256² by VGG16, which no loss sees; nil where it was not imported.
    public let deeper: Float?
}

extension Session {
    /// Inverts some photographs of a folder one batch after the other.
    ///
    /// - Parameters:
    ///   - request: Which, and how.
    ///   - each: Told every result as it is there.
    /// - Throws: ``Core/Failure``: a picture that can't be read, or a stop.
    public func measureInversion(
        _ request: InversionBenchmarkRequest, each: (MeasuredInversion) throws -> Void
    ) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: request.folder).filter { !$0.hasPrefix(".") }
        let chosen = Array(names.sorted().dropFirst(request.skip).prefix(request.count))
        let generator = try generator(request.generator)
        let synthesizer = try generator.gradientSynthesizer()
        let inverter = try inverter(generator, settings: request.settings)
        let side = Inverter.side
        let hasDeeper = FileManager.default.fileExists(atPath: workspace.perceptualNetwork("vgg16"))
        let deeper = hasDeeper ? try perceptualNetwork(.vgg16) : nil
        for start in stride(from: 0, to: chosen.count, by: inverter.batch) {
            let some = chosen[start..<min(chosen.count, start + inverter.batch)]
            let pictures = try some.map { try Image.read("\(request.folder)/\($0)").resized(width: side, height: side) }
            let before = Self.processorSeconds
            let found = try inverter.invert(
                ImageBatch(pictures, side: side), budget: request.budget, context: context)
            var used = (Self.processorSeconds - before) / Double(found.count)
            for (index, inversion) in found.enumerated() {
                var (inversion, maker): (Inversion, any Synthesizer) = (inversion, synthesizer)
                if let tuning = request.tuning {
                    let before = Self.processorSeconds
                    let tuned = try PivotalTuner(
                        generator, perceptual: perceptualNetwork(), embedder: embedder(), settings: tuning
                    ).tune(
                        ImageBatch([pictures[index]], side: side), from: inversion, budget: request.tuningBudget,
                        context: context)
                    used = Self.processorSeconds - before
                    inversion = tuned.inversion
                    maker = try generator.adding(tuned.differences, name: "tuning").synthesizer()
                }
                let face = try maker.synthesize(
                    inversion.own, size: synthesizer.sizes.smallest(covering: side), noise: .none)
                let distance = try deeper.map {
                    try LPIPS($0, targets: ImageBatch([pictures[index]], side: side)).distances(face)[0]
                }
                try each(
                    MeasuredInversion(
                        name: some[some.startIndex + index], photograph: pictures[index], face: face.images[0],
                        inversion: inversion, processorSeconds: used, deeper: distance))
            }
        }
    }

    /// What this process has used of all processors.
    private static var processorSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
