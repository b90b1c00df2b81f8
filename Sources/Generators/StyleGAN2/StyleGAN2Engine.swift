import CSynthesis
import Core
import Foundation

/// StyleGAN2's synthesis on the CPU, in float32, of the `skip` and `orig` architectures.
///
/// For example:
///
/// ```swift
/// let engine = try StyleGAN2Engine(parameters: parameters)
/// let images = try engine.synthesize(.init(w, count: 8))
/// ```
///
/// The same processor path gives the same bits whatever the batch, the order and the number of threads. Against the
/// implementation on libtorch the largest difference is about 1e-5 of the image's range, which is what Winograd's
/// transforms cost in float32. Calls from several threads take turns.
public final class StyleGAN2Engine: Sendable {
    /// Noise for the convolutions.
    public enum Noise: Sendable {
        /// None: an image depends on its code alone.
        case none
        /// The network's constants.
        case constant
        /// For each convolution [count, r, r], without the strength.
        case given([[Float]])
    }

    private let context: EngineContext
    private let constants: [[Float]]
    private let strengths: [Float]
    /// Channels of the features at each resolution that has some.
    private let channels: [Int: Int]
    /// d, 512.
    public let latentSize: Int
    /// Rows of W+: two a level.
    public let styleRows: Int
    /// Pixels along a side of the full image.
    public let resolution: Int
    /// The kernels in use: `avx512`, `avx2` or `portable`.
    public var path: String { context.path }
    /// How many threads compute.
    public var threads: Int { context.threads }

    /// Whether the engine has what a network needs; ``StyleGAN2Tensors`` runs the others.
    public static func runs(_ network: StyleGAN2Parameters) -> Bool {
        network.architecture != .resnet && taps(network) != nil
    }

    /// Packs the weights and starts the threads.
    ///
    /// - Parameters:
    ///   - parameters: The network, one that ``runs(_:)`` is true of.
    ///   - threads: How many threads compute; 0 for one a processor.
    ///   - path: `avx512`, `avx2` or `portable`; nil for what `DIRECTIONS_CPU` names, or else the processor's widest.
    /// - Throws: ``Failure`` for weights that are no such network, for a path that the processor lacks, and when memory
    ///   or threads run out.
    public init(parameters: StyleGAN2Parameters, threads: Int = 0, path: String? = nil) throws {
        try parameters.check("generator")
        guard Self.runs(parameters), let taps = Self.taps(parameters) else {
            throw Failure("synthesis engine", "has no residual connections and no filter but of four taps a side")
        }
        context = try Self.withNetwork(parameters, taps: taps) { network in
            try EngineContext(threads: threads) { threads, created in
                withUnsafePointer(to: network) { sg_create($0, threads, path, created) }
            }
        }
        let convolutions = parameters.levels.flatMap { [$0.first, $0.second].compactMap { $0 } }
        constants = convolutions.map { Vectors.scaled($0.noise, by: $0.noiseStrength) }
        strengths = convolutions.map(\.noiseStrength)
        channels = Dictionary(
            uniqueKeysWithValues: parameters.levels.enumerated().compactMap { k, level in
                level.first.map { (4 << k, $0.bias.count) }
            })
        latentSize = parameters.latentSize
        styleRows = parameters.styleRows
        resolution = parameters.resolution
    }

    /// Styles that images are asked for of.
    public struct Styles: Sendable {
        /// [count, rows, latentSize].
        public var values: [Float]
        /// How many images.
        public var count: Int
        /// 1, one row for all modulations, or ``StyleGAN2Engine/styleRows``.
        public var rows: Int
        /// What noise is added.
        public var noise: Noise

        /// All parts as they are; the engine checks them.
        public init(_ values: [Float], count: Int, rows: Int = 1, noise: Noise = .none) {
            self.values = values
            self.count = count
            self.rows = rows
            self.noise = noise
        }
    }

    /// Channels of the features at a resolution; nil where the network has none.
    public func featureChannels(side: Int) -> Int? { channels[side] }

    /// Synthesizes images.
    ///
    /// - Parameters:
    ///   - styles: One for each image.
    ///   - truncatedAt: Stop at the level of this many pixels a side and give the sum of the images so far, which is
    ///     cheaper than the whole image and less sharp than its average; nil for the whole.
    ///   - change: What is done to features on the way; nil for nothing.
    /// - Returns: [count, 3, r, r], about [-1, 1].
    /// - Throws: ``Failure`` when a shape does not fit or memory runs out.
    public func synthesize(
        _ styles: Styles, truncatedAt: Int? = nil, change: FeatureChange? = nil
    ) throws -> [Float] {
        let side = truncatedAt ?? resolution
        return try withRequest(styles, side: side, change: change) { request in
            try context.fill(styles.count * 3 * side * side) { sg_synthesize($0, request, $1) }
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
        let channels = try channels(FeatureChange(side: side), count: styles.count)
        let values = try context.fill(styles.count * channels * side * side) { context, features in
            try withRequest(styles, side: resolution, change: FeatureChange(side: side), features: features) {
                sg_synthesize(context, $0, nil)
            }
        }
        return FeatureMaps(values, channels: channels, side: side)
    }

    /// Gradients with respect to styles, from those with respect to their images.
    ///
    /// The images are computed once more, some at once. The first call packs the weights for the way back, which takes as
    /// much memory again.
    ///
    /// - Parameters:
    ///   - styles: As for the images.
    ///   - imageGradients: [count, 3, resolution, resolution].
    /// - Returns: [count, rows, latentSize].
    /// - Throws: ``Failure`` when a shape does not fit or memory runs out.
    public func backward(_ styles: Styles, imageGradients: [Float]) throws -> [Float] {
        try check(imageGradients, count: styles.count)
        return try withRequest(styles, side: resolution, change: nil) { request in
            try context.fill(styles.values.count) { context, gradients in
                var results = ms_results(styles: gradients, scale: nil, shift: nil)
                return sg_gradients(context, request, imageGradients, &results)
            }
        }
    }

    /// Gradients with respect to styles and to a change of features, from those with respect to the images.
    ///
    /// - Parameters:
    ///   - styles: They and `change` as for the images.
    ///   - change: What was done to features on the way.
    ///   - imageGradients: [count, 3, resolution, resolution].
    /// - Returns: Gradients of styles and of the change.
    /// - Throws: ``Failure`` when a shape does not fit or memory runs out.
    public func backward(_ styles: Styles, change: FeatureChange, imageGradients: [Float]) throws -> FeatureGradients {
        try check(imageGradients, count: styles.count)
        let channels = try channels(change, count: styles.count)
        return try withRequest(styles, side: resolution, change: change) { request in
            try context.gradients(
                codes: styles.values.count, features: (styles.count, channels, change.side)
            ) { sg_gradients($0, request, imageGradients, $1) }
        }
    }

    private func check(_ gradients: [Float], count: Int) throws {
        guard gradients.count == count * 3 * resolution * resolution else {
            throw Failure(
                "image gradients", "are \(gradients.count), not \(count) × 3 × \(resolution) × \(resolution)")
        }
    }

    /// - Returns: Channels of the features that a change is of.
    /// - Throws: ``Failure`` when it does not fit the network or the number of images.
    private func channels(_ change: FeatureChange, count: Int) throws -> Int {
        guard let channels = channels[change.side] else {
            throw Failure(
                "features", "of \(change.side) pixels a side are none of this network's",
                "ask for one of \(channels.keys.sorted().map(String.init).joined(separator: ", "))")
        }
        try change.check(count: count, channels: channels)
        return channels
    }

    /// Calls with the request as C takes it; its pointers end with the call.
    ///
    /// - Throws: ``Failure`` when a shape does not fit, or what `body` throws.
    private func withRequest<R>(
        _ styles: Styles, side: Int, change: FeatureChange?, features: UnsafeMutablePointer<Float>? = nil,
        _ body: (UnsafePointer<sg_request>) throws -> R
    ) throws -> R {
        let (count, rows) = (styles.count, styles.rows)
        guard rows == 1 || rows == styleRows else {
            throw Failure("latent code", "has \(rows) rows", "this generator takes 1 or \(styleRows)")
        }
        guard count >= 0, count <= Int(Int32.max) / 2, styles.values.count == count * rows * latentSize else {
            throw Failure(
                "latent code", "has \(styles.values.count) values where \(count) × \(rows) × \(latentSize) belong")
        }
        guard let levels = (1...styleRows / 2).first(where: { 4 << ($0 - 1) == side }) else {
            throw Failure(
                "image size", "cannot be \(side)", "give a power of two from 4 to \(resolution)", kind: .usage)
        }
        if let change { _ = try channels(change, count: count) }
        let (values, noiseImages) = try noiseValues(styles.noise, count: count)
        return try Self.withPointers(values) { noise in
            try styles.values.withUnsafeBufferPointer { codes in
                var request = sg_request(
                    styles: codes.baseAddress, count: Int32(count), rows: Int32(rows), levels: Int32(levels),
                    noise: values.isEmpty ? nil : noise, noise_images: Int32(noiseImages), seam: nil)
                guard let change else { return try body(&request) }
                return try change.withSeam(features: features) { seam in
                    request.seam = seam
                    return try body(&request)
                }
            }
        }
    }

    private func noiseValues(_ noise: Noise, count: Int) throws -> (values: [[Float]], images: Int) {
        switch noise {
        case .none: return ([], 1)
        case .constant: return (constants, 1)
        case .given(let given):
            guard given.count == constants.count, zip(given, constants).allSatisfy({ $0.count == count * $1.count })
            else { throw Failure("noise", "has another shape than the network's convolutions") }
            return (zip(given, strengths).map { Vectors.scaled($0, by: $1) }, count)
        }
    }

    /// The filter's taps in one dimension, where it is their product with themselves.
    private static func taps(_ network: StyleGAN2Parameters) -> [Float]? {
        guard network.filterSize == 4, network.filter.count == 16 else { return nil }
        let filter: [Float] = network.filter
        let taps: [Float] = (0..<4).map { filter[4 * $0..<4 * $0 + 4].reduce(0, +) }
        let fits = (0..<16).allSatisfy { (place: Int) -> Bool in
            let product: Float = taps[place / 4] * taps[place % 4]
            return abs(product - filter[place]) < 1e-6
        }
        return fits ? taps : nil
    }

    /// Not inlined: the optimiser copies the recursion into itself, and into all who call it.
    @inline(never)
    private static func withPointers<R>(
        _ values: [[Float]], _ body: (UnsafePointer<UnsafePointer<Float>?>?) throws -> R
    ) throws -> R {
        var pointers: [UnsafePointer<Float>?] = []
        @inline(never) func pin(_ index: Int) throws -> R {
            if index == values.count { return try pointers.withUnsafeBufferPointer { try body($0.baseAddress) } }
            return try values[index].withUnsafeBufferPointer { buffer in
                pointers.append(buffer.baseAddress)
                return try pin(index + 1)
            }
        }
        return try pin(0)
    }

    /// The network as C takes it, alive during the call.
    private static func withNetwork<R>(
        _ parameters: StyleGAN2Parameters, taps: [Float], _ body: (sg_network) throws -> R
    ) throws -> R {
        let loan = Loan()
        func convolution(_ source: StyleGAN2Parameters.Convolution) -> sg_convolution {
            sg_convolution(
                inputs: Int32(source.modulation.bias.count), outputs: Int32(source.bias.count),
                modulation_weight: loan.pointer(source.modulation.weight),
                modulation_bias: loan.pointer(source.modulation.bias), weight: loan.pointer(source.weight),
                bias: loan.pointer(source.bias))
        }
        let levels = parameters.levels.map { level in
            sg_level(
                first: level.first.map { loan.one(convolution($0)) }, second: convolution(level.second),
                image: level.image.map { image in
                    loan.one(
                        sg_image(
                            inputs: Int32(image.modulation.bias.count),
                            modulation_weight: loan.pointer(image.modulation.weight),
                            modulation_bias: loan.pointer(image.modulation.bias), weight: loan.pointer(image.weight),
                            bias: loan.pointer(image.bias)))
                })
        }
        return try levels.withUnsafeBufferPointer { levels in
            let network = sg_network(
                latent: Int32(parameters.latentSize), level_count: Int32(levels.count),
                constant: loan.pointer(parameters.constant), levels: levels.baseAddress,
                filter: (taps[0], taps[1], taps[2], taps[3]), clamp: parameters.clamp ?? 0)
            return try withExtendedLifetime(loan) { try body(network) }
        }
    }
}
