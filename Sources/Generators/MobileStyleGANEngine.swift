import CSynthesis
import Core

/// MobileStyleGAN's synthesis on the CPU, in float32.
///
/// For example:
///
/// ```swift
/// let engine = try MobileStyleGANEngine(parameters: parameters)
/// let images = try engine.synthesize(styles: w, count: 8, rows: 1, size: 256, addsNoise: false)
/// ```
///
/// The same processor path gives the same bits whatever the batch, the order and the number of threads. Paths (AVX-512,
/// AVX2, portable; chosen at run time, or by the environment variable `DIRECTIONS_CPU`) differ by at most 1e-4.
/// Calls from several threads take turns.
public final class MobileStyleGANEngine: Sendable {
    private let context: EngineContext
    /// d, 512.
    public let latentSize: Int
    /// Rows of a style that gives each modulation its own, 22.
    public let styleRows: Int
    /// Pixels along a side of the full image, 1024.
    public let resolution: Int
    /// The smallest image that ``synthesize(styles:count:rows:size:addsNoise:)`` gives.
    public let smallestSize: Int
    /// The kernels in use: `avx512`, `avx2` or `portable`.
    public var path: String { context.path }
    /// How many threads compute.
    public var threads: Int { context.threads }

    /// Packs the weights and starts the threads.
    ///
    /// - Parameters:
    ///   - parameters: The network.
    ///   - threads: How many threads compute; 0 for one a processor.
    ///   - path: `avx512`, `avx2` or `portable`; nil for what `DIRECTIONS_CPU` names, or else the processor's widest.
    /// - Throws: ``Failure`` for weights that are no such network, for a path that the processor lacks, and when memory
    ///   or threads run out.
    public init(parameters: MobileStyleGANParameters, threads: Int = 0, path: String? = nil) throws {
        try parameters.checkLengths()
        context = try MobileStyleGANNetwork(parameters).withNetwork { network in
            try EngineContext(threads: threads) { threads, created in
                withUnsafePointer(to: network) { ms_create($0, threads, path, created) }
            }
        }
        latentSize = parameters.latentSize
        styleRows = parameters.styleRows
        resolution = parameters.resolution
        smallestSize = parameters.startResolution
    }

    /// Synthesizes images.
    ///
    /// - Parameters:
    ///   - styles: [count, rows, latentSize].
    ///   - count: How many images.
    ///   - rows: 1, one row for all modulations, or ``styleRows``.
    ///   - size: Pixels along a side: ``resolution`` over a power of two, at least ``smallestSize``. Less than the full
    ///     size is the exact box average of the full image, and cheaper.
    ///   - addsNoise: Whether the noise constants are added.
    /// - Returns: [count, 3, size, size], about [-1, 1].
    /// - Throws: ``Failure`` when a shape does not fit or memory runs out.
    public func synthesize(
        styles: [Float], count: Int, rows: Int, size: Int, addsNoise: Bool
    ) throws -> [Float] {
        try check(styles, count: count, rows: rows, size: size)
        return try context.fill(count * 3 * size * size) { context, images in
            ms_synthesize(context, styles, Int32(count), Int32(rows), Int32(size), addsNoise ? 1 : 0, images)
        }
    }

    /// Gradients with respect to styles, from those with respect to their images.
    ///
    /// The images are synthesized once more and their activations kept, one image at a time.
    ///
    /// - Parameters:
    ///   - styles: [count, rows, latentSize]; they, `rows`, `size` and `addsNoise` as for the images.
    ///   - imageGradients: [count, 3, size, size].
    /// - Returns: [count, rows, latentSize].
    /// - Throws: ``Failure`` when a shape does not fit or memory runs out.
    public func backward(
        styles: [Float], count: Int, rows: Int, size: Int, addsNoise: Bool, imageGradients: [Float]
    ) throws -> [Float] {
        try check(styles, count: count, rows: rows, size: size)
        guard imageGradients.count == count * 3 * size * size else {
            throw Failure("image gradients", "are \(imageGradients.count), not \(count) × 3 × \(size) × \(size)")
        }
        return try context.fill(styles.count) { context, gradients in
            ms_backward(
                context, styles, Int32(count), Int32(rows), Int32(size), addsNoise ? 1 : 0, imageGradients, gradients)
        }
    }

    /// The image sizes on offer, largest first.
    public var sizes: [Int] {
        Array(sequence(first: resolution) { $0 / 2 >= self.smallestSize ? $0 / 2 : nil })
    }

    /// - Throws: ``Failure`` when a request's shapes do not fit.
    private func check(_ styles: [Float], count: Int, rows: Int, size: Int) throws {
        guard rows == 1 || rows == styleRows else {
            throw Failure("latent code", "has \(rows) rows", "this generator takes 1 or \(styleRows)")
        }
        guard count >= 0, count <= Int(Int32.max) / 2, styles.count == count * rows * latentSize else {
            throw Failure("latent code", "has \(styles.count) values where \(count) × \(rows) × \(latentSize) belong")
        }
        guard sizes.contains(size) else {
            throw Failure(
                "image size", "cannot be \(size)",
                "give one of \(sizes.map(String.init).joined(separator: ", "))", isUsage: true)
        }
    }
}
