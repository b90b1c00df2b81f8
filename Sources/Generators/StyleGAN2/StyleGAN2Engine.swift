import CSynthesis
import Core
import Foundation

/// StyleGAN2's synthesis on the CPU, in float32, of the `skip` and `orig` architectures.
///
/// For example:
///
/// ```swift
/// let engine = try StyleGAN2Engine(parameters: parameters)
/// let images = try engine.synthesize(styles: w, count: 8, rows: 1)
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
        constants = convolutions.map { convolution in convolution.noise.map { $0 * convolution.noiseStrength } }
        strengths = convolutions.map(\.noiseStrength)
        latentSize = parameters.latentSize
        styleRows = parameters.styleRows
        resolution = parameters.resolution
    }

    /// Synthesizes images.
    ///
    /// - Parameters:
    ///   - styles: [count, rows, latentSize].
    ///   - count: How many images.
    ///   - rows: 1, one row for all modulations, or ``styleRows``.
    ///   - truncatedAt: Stop at the level of this many pixels a side and give the sum of the images so far, which is
    ///     cheaper than the whole image and less sharp than its average; nil for the whole.
    ///   - noise: What noise is added.
    /// - Returns: [count, 3, r, r], about [-1, 1].
    /// - Throws: ``Failure`` when a shape does not fit or memory runs out.
    public func synthesize(
        styles: [Float], count: Int, rows: Int, truncatedAt: Int? = nil, noise: Noise = .none
    ) throws -> [Float] {
        guard rows == 1 || rows == styleRows else {
            throw Failure("latent code", "has \(rows) rows", "this generator takes 1 or \(styleRows)")
        }
        guard count >= 0, count <= Int(Int32.max) / 2, styles.count == count * rows * latentSize else {
            throw Failure("latent code", "has \(styles.count) values where \(count) × \(rows) × \(latentSize) belong")
        }
        let side = truncatedAt ?? resolution
        guard let levels = (1...styleRows / 2).first(where: { 4 << ($0 - 1) == side }) else {
            throw Failure(
                "image size", "cannot be \(side)", "give a power of two from 4 to \(resolution)", kind: .usage)
        }
        let (values, noiseImages) = try noiseValues(noise, count: count)
        return try Self.withPointers(values) { noise in
            try context.fill(count * 3 * side * side) { context, images in
                sg_synthesize(
                    context, styles, Int32(count), Int32(rows), Int32(levels), values.isEmpty ? nil : noise,
                    Int32(noiseImages), images)
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
            return (zip(given, strengths).map { values, strength in values.map { $0 * strength } }, count)
        }
    }

    /// The filter's taps in one dimension, where it is their product with themselves.
    private static func taps(_ network: StyleGAN2Parameters) -> [Float]? {
        guard network.filterSize == 4, network.filter.count == 16 else { return nil }
        let taps = (0..<4).map { y in (0..<4).reduce(Float(0)) { $0 + network.filter[4 * y + $1] } }
        let fits = (0..<16).allSatisfy { abs(taps[$0 / 4] * taps[$0 % 4] - network.filter[$0]) < 1e-6 }
        return fits ? taps : nil
    }

    private static func withPointers<R>(
        _ values: [[Float]], _ body: (UnsafePointer<UnsafePointer<Float>?>?) throws -> R
    ) throws -> R {
        var pointers: [UnsafePointer<Float>?] = []
        func pin(_ index: Int) throws -> R {
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
