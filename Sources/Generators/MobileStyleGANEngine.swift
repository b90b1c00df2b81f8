import CSynthesis
import Core
import Synchronization

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
    /// Owns the C context; only the mutex's holder uses it.
    private struct Context: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    private let context: Mutex<Context>
    /// d, 512.
    public let latentSize: Int
    /// Rows of a style that gives each modulation its own, 22.
    public let styleRows: Int
    /// Pixels along a side of the full image, 1024.
    public let resolution: Int
    /// The smallest image that ``synthesize(styles:count:rows:size:addsNoise:)`` gives.
    public let smallestSize: Int
    /// The kernels in use: `avx512`, `avx2` or `portable`.
    public let path: String
    /// How many threads compute.
    public let threads: Int

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
        guard (0...1024).contains(threads) else {
            throw Failure(
                "threads \(threads)", "is out of range", "give a number from 1 to 1024, or 0 for all", kind: .usage)
        }
        let pointer = try MobileStyleGANNetwork(parameters).withNetwork { network in
            var created: OpaquePointer?
            var network = network
            try Self.check(ms_create(&network, Int32(threads), path, &created))
            guard let created else { throw Failure("synthesis engine", "gave no context") }
            return created
        }
        context = Mutex(Context(pointer: pointer))
        latentSize = parameters.latentSize
        styleRows = parameters.styleRows
        resolution = parameters.resolution
        smallestSize = parameters.startResolution
        self.path = String(cString: ms_path(pointer))
        self.threads = Int(ms_threads(pointer))
    }

    deinit {
        context.withLock { ms_destroy($0.pointer) }
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
        let total = count * 3 * size * size
        return try [Float](unsafeUninitializedCapacity: total) { buffer, initialized in
            guard count > 0, let images = buffer.baseAddress else { return }
            let status = context.withLock { context in
                styles.withUnsafeBufferPointer { styles in
                    ms_synthesize(
                        context.pointer, styles.baseAddress, Int32(count), Int32(rows), Int32(size), addsNoise ? 1 : 0,
                        images)
                }
            }
            try Self.check(status)
            initialized = total
        }
    }

    /// Gradients with respect to styles of a function of their images.
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
        return try [Float](unsafeUninitializedCapacity: styles.count) { buffer, initialized in
            guard count > 0, let gradients = buffer.baseAddress else { return }
            let status = context.withLock { context in
                styles.withUnsafeBufferPointer { styles in
                    imageGradients.withUnsafeBufferPointer { images in
                        ms_pull_back(
                            context.pointer, styles.baseAddress, Int32(count), Int32(rows), Int32(size),
                            addsNoise ? 1 : 0, images.baseAddress, gradients)
                    }
                }
            }
            try Self.check(status)
            initialized = styles.count
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
                "give one of \(sizes.map(String.init).joined(separator: ", "))", kind: .usage)
        }
    }

    /// - Throws: ``Failure`` for any status but success.
    static func check(_ status: ms_status) throws {
        switch status {
        case ms_ok: return
        case ms_no_memory:
            throw Failure("synthesis engine", "ran out of memory", "give a smaller batch", kind: .outOfMemory)
        case ms_no_threads: throw Failure("synthesis engine", "could not start its threads", "use fewer threads")
        case ms_no_such_path:
            throw Failure(
                "synthesis engine", "lacks the path asked for on this processor",
                "unset DIRECTIONS_CPU, or give portable, avx2 or avx512", kind: .usage)
        default: throw Failure("synthesis engine", "refused the network or the request (status \(status.rawValue))")
        }
    }
}
