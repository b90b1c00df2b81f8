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
    /// Channels of the features at each resolution that has some.
    private let channels: [Int: Int]
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
        channels = Dictionary(
            uniqueKeysWithValues: parameters.layers.enumerated().map { k, layer in
                (parameters.startResolution << (k + 1), layer.channels)
            })
    }

    /// Styles that images are asked for of.
    public struct Styles: Sendable {
        /// [count, rows, latentSize].
        public var values: [Float]
        /// How many images.
        public var count: Int
        /// 1, one row for all modulations, or ``MobileStyleGANEngine/styleRows``.
        public var rows: Int
        /// Whether the noise constants are added.
        public var addsNoise: Bool

        /// All parts as they are; the engine checks them.
        public init(_ values: [Float], count: Int, rows: Int = 1, addsNoise: Bool = false) {
            self.values = values
            self.count = count
            self.rows = rows
            self.addsNoise = addsNoise
        }
    }

    /// Channels of the features at a resolution; nil where the network has none.
    public func featureChannels(side: Int) -> Int? { channels[side] }

    /// Synthesizes images.
    ///
    /// - Parameters:
    ///   - styles: One for each image.
    ///   - size: Pixels along a side: ``resolution`` over a power of two, at least ``smallestSize``. Less than the full
    ///     size is the exact box average of the full image, and cheaper.
    ///   - change: What is done to features on the way; nil for nothing.
    /// - Returns: [count, 3, size, size], about [-1, 1].
    /// - Throws: ``Failure`` when a shape does not fit or memory runs out.
    public func synthesize(_ styles: Styles, size: Int, change: FeatureChange? = nil) throws -> [Float] {
        try check(styles, size: size, change: change)
        return try context.fill(styles.count * 3 * size * size) { context, images in
            withRequest(styles, size: size, change: change) { ms_synthesize(context, $0, images) }
        }
    }

    /// Runs the network up to its features at a resolution, and no further.
    ///
    /// - Parameters:
    ///   - styles: One for each image.
    ///   - side: Pixels along a side.
    /// - Returns: The features before any change.
    /// - Throws: ``Failure`` when a shape does not fit or memory runs out.
    public func features(_ styles: Styles, side: Int) throws -> FeatureMaps {
        let change = try FeatureChange(side: side)
        let channels = try check(styles, size: resolution, change: change)
        let values = try context.fill(styles.count * channels * side * side) { context, features in
            withRequest(styles, size: resolution, change: change, features: features) {
                ms_synthesize(context, $0, nil)
            }
        }
        return FeatureMaps(values, channels: channels, side: side)
    }

    /// Gradients with respect to styles, from those with respect to their images.
    ///
    /// The images are computed once more, some at once; ``record(_:size:change:)`` saves that where memory allows.
    ///
    /// - Parameters:
    ///   - styles: They and `size` as for the images.
    ///   - size: Pixels along a side, as for the images.
    ///   - imageGradients: [count, 3, size, size].
    /// - Returns: [count, rows, latentSize].
    /// - Throws: ``Failure`` when a shape does not fit or memory runs out.
    public func backward(_ styles: Styles, size: Int, imageGradients: [Float]) throws -> [Float] {
        try check(styles, size: size, change: nil)
        try Self.check(imageGradients, count: styles.count, size: size)
        return try context.fill(styles.values.count) { context, gradients in
            var results = ms_results(styles: gradients, scale: nil, shift: nil)
            return withRequest(styles, size: size, change: nil) { ms_gradients(context, $0, imageGradients, &results) }
        }
    }

    /// Gradients with respect to styles and to a change of features, from those with respect to the images.
    ///
    /// - Parameters:
    ///   - styles: They, `size` and `change` as for the images.
    ///   - size: Pixels along a side, as for the images.
    ///   - change: What was done to features on the way.
    ///   - imageGradients: [count, 3, size, size].
    /// - Returns: Gradients of styles and of the change.
    /// - Throws: ``Failure`` when a shape does not fit or memory runs out.
    public func backward(
        _ styles: Styles, size: Int, change: FeatureChange, imageGradients: [Float]
    ) throws -> FeatureGradients {
        let channels = try check(styles, size: size, change: change)
        try Self.check(imageGradients, count: styles.count, size: size)
        return try context.gradients(
            codes: styles.values.count, features: (styles.count, channels, change.side)
        ) { context, results in
            withRequest(styles, size: size, change: change) { ms_gradients(context, $0, imageGradients, results) }
        }
    }

    /// Images, and the way back from them; about 250 MB for an image of 1024².
    ///
    /// - Parameters:
    ///   - styles: One for each image.
    ///   - size: Pixels along a side.
    ///   - change: What is done to features on the way; nil for nothing.
    /// - Returns: The images with the way back from them.
    /// - Throws: ``Failure`` when a shape does not fit or memory runs out.
    public func record(_ styles: Styles, size: Int, change: FeatureChange? = nil) throws -> Recording {
        let channels = try check(styles, size: size, change: change)
        var tape: OpaquePointer?
        let images = try context.fill(max(1, styles.count) * 3 * size * size) { context, images in
            withRequest(styles, size: size, change: change) { ms_record(context, $0, images, &tape) }
        }
        guard let tape else { throw Failure("synthesis engine", "gave no tape") }
        return Recording(
            images: styles.count == 0 ? [] : images, context: context, tape: tape, styles: styles, size: size,
            features: change.map { (styles.count, channels, $0.side) })
    }

    /// Bytes that an image takes in a recording.
    public var recordedBytes: Int {
        var bytes = 0
        try? context.run {
            bytes = ms_tape_bytes($0)
            return ms_ok
        }
        return bytes
    }

    /// What was computed on the way to some images; its memory goes back to the engine with it.
    public final class Recording: Sendable {
        /// [count, 3, size, size].
        public let images: [Float]
        private let context: EngineContext
        private nonisolated(unsafe) let tape: OpaquePointer
        private let styles: Styles
        private let size: Int
        private let features: (Int, Int, Int)?

        fileprivate init(
            images: [Float], context: EngineContext, tape: OpaquePointer, styles: Styles, size: Int,
            features: (Int, Int, Int)?
        ) {
            self.images = images
            self.context = context
            self.tape = tape
            self.styles = styles
            self.size = size
            self.features = features
        }

        deinit {
            try? context.run { _ in
                ms_release_tape(tape)
                return ms_ok
            }
        }

        /// Gradients with respect to the styles, and to the change of features where there was one.
        ///
        /// - Parameter imageGradients: [count, 3, size, size].
        /// - Returns: Of styles [count, rows, latentSize], and of the change; nil where there was none.
        /// - Throws: ``Failure`` when their number does not fit or memory runs out.
        public func backward(_ imageGradients: [Float]) throws -> (styles: [Float], change: FeatureGradients?) {
            try MobileStyleGANEngine.check(imageGradients, count: styles.count, size: size)
            if let features {
                let all = try context.gradients(codes: styles.values.count, features: features) {
                    ms_backward(tape, imageGradients, $1)
                }
                return (all.codes, all)
            }
            let gradients = try context.fill(styles.values.count) { _, gradients in
                var results = ms_results(styles: gradients, scale: nil, shift: nil)
                return ms_backward(tape, imageGradients, &results)
            }
            return (gradients, nil)
        }
    }

    /// The image sizes on offer, largest first.
    public var sizes: [Int] {
        Array(sequence(first: resolution) { $0 / 2 >= self.smallestSize ? $0 / 2 : nil })
    }

    /// Calls C with a request; the pointers end with the call.
    private func withRequest(
        _ styles: Styles, size: Int, change: FeatureChange?, features: UnsafeMutablePointer<Float>? = nil,
        _ body: (UnsafePointer<ms_request>) -> ms_status
    ) -> ms_status {
        styles.values.withUnsafeBufferPointer { values in
            var request = ms_request(
                styles: values.baseAddress, count: Int32(styles.count), rows: Int32(styles.rows), size: Int32(size),
                noise: styles.addsNoise ? 1 : 0, seam: nil)
            guard let change else { return body(&request) }
            return change.withSeam(features: features) { seam in
                request.seam = seam
                return body(&request)
            }
        }
    }

    /// - Returns: Channels of the changed features, 0 without a change.
    /// - Throws: ``Failure`` when a request's shapes do not fit.
    @discardableResult
    private func check(_ styles: Styles, size: Int, change: FeatureChange?) throws -> Int {
        guard styles.rows == 1 || styles.rows == styleRows else {
            throw Failure("latent code", "has \(styles.rows) rows", "this generator takes 1 or \(styleRows)")
        }
        guard styles.count >= 0, styles.count <= Int(Int32.max) / 2,
            styles.values.count == styles.count * styles.rows * latentSize
        else {
            throw Failure(
                "latent code",
                "has \(styles.values.count) values where \(styles.count) × \(styles.rows) × \(latentSize) belong")
        }
        guard sizes.contains(size) else {
            throw Failure(
                "image size", "cannot be \(size)",
                "give one of \(sizes.map(String.init).joined(separator: ", "))", kind: .usage)
        }
        guard let change else { return 0 }
        guard let channels = channels[change.side] else {
            throw Failure(
                "features", "of \(change.side) pixels a side are none of this network's",
                "ask for one of \(channels.keys.sorted().map(String.init).joined(separator: ", "))")
        }
        try change.check(count: styles.count, channels: channels)
        return channels
    }

    private static func check(_ gradients: [Float], count: Int, size: Int) throws {
        guard gradients.count == count * 3 * size * size else {
            throw Failure("image gradients", "are \(gradients.count), not \(count) × 3 × \(size) × \(size)")
        }
    }
}
