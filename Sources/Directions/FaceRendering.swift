import Core
import Generators
import Images
import Latents
import Tensors

/// How faces are made of codes.
public struct FaceRendering: Sendable, Equatable {
    /// Pixels along a side, from ``smallestSize`` to the generator's own; nil for 256, or its own where that is smaller.
    ///
    /// The generator makes faces of its own sizes; between them they are averaged down from the next larger one.
    public var size: Int?
    /// Pixels along a side at least.
    public static let smallestSize = 16
    /// Whether noise takes part.
    public var noise: NoiseMode
    /// Which implementation synthesizes.
    public var engine: Generator.Engine
    /// Threads that synthesize; 0 for one a processor.
    public var threads: Int
    /// Where to compute.
    public var device: Device
    /// Whether the generator's four largest levels compute in half precision.
    public var isHalf: Bool

    /// - Parameters:
    ///   - size: Pixels along a side; nil for 256, or the generator's own where that is smaller.
    ///   - noise: Whether noise takes part.
    ///   - engine: Which implementation synthesizes.
    ///   - threads: Threads that synthesize; 0 for one a processor.
    ///   - device: Where to compute.
    ///   - isHalf: Whether the generator's four largest levels compute in half precision.
    public init(
        size: Int? = nil, noise: NoiseMode = .none, engine: Generator.Engine = .engine, threads: Int = 0,
        device: Device = .cpu, isHalf: Bool = false
    ) {
        self.size = size
        self.noise = noise
        self.engine = engine
        self.threads = threads
        self.device = device
        self.isHalf = isHalf
    }

    /// Checks what can be checked before anything is loaded.
    ///
    /// - Throws: ``Core/Failure`` (usage) for a size below ``smallestSize``, or a number out of range.
    public func validate() throws {
        if let size, size < FaceRendering.smallestSize {
            throw Failure(
                "size \(size)", "must be at least \(FaceRendering.smallestSize) pixels", "for example 256",
                kind: .usage)
        }
        guard 0...1024 ~= threads else {
            throw Failure("threads \(threads)", "must be 0 to 1024", "0 is one a processor", kind: .usage)
        }
    }
}

extension Session {
    /// Images of codes, in batches of eight, with progress where there are more; codes that repeat are synthesized once.
    ///
    /// - Parameters:
    ///   - codes: W or W+.
    ///   - generator: Makes them.
    ///   - rendering: How.
    ///   - label: What is being done, for the progress.
    /// - Returns: RGB in about [-1, 1].
    /// - Throws: ``Core/Failure`` when the size or the codes do not fit the generator, memory runs out, or a stop is asked for.
    public func images(
        _ codes: LatentCodes, generator: Generator, rendering: FaceRendering = FaceRendering(), label: String
    ) throws -> ImageBatch {
        let synthesizer = try generator.synthesizer(
            rendering.engine, threads: rendering.threads, device: rendering.device, isHalf: rendering.isHalf)
        let size = rendering.size ?? generator.size(256)
        let made = synthesizer.sizes.smallest(covering: size)
        guard made >= size else {
            throw Failure(
                "size \(size)", "is more than the generator's \(made) pixels", "give \(made) at most", kind: .usage)
        }
        let distinct = try DistinctCodes(codes)
        let count = distinct.codes.count
        let progress = context.progress(label, unit: "faces", total: count, isShown: count > 8)
        defer { progress.finish() }
        var planes: [Float] = []
        for start in stride(from: 0, to: count, by: 8) {
            try context.check()
            let end = min(count, start + 8)
            planes += try synthesizer.synthesize(
                distinct.codes.slice(start..<end), size: made, noise: rendering.noise
            ).resized(to: size).planes
            progress.advance(end - start)
        }
        return ImageBatch(planes, side: size).gathered(distinct.indices)
    }
}
