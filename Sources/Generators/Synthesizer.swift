import Core
import Tensors

/// Codes to synthesize: one row each for W, several for W+.
public struct LatentCodes: Sendable, Equatable {
    /// [count, rows, size].
    public var values: [Float]
    /// How many codes.
    public var count: Int
    /// Rows of each: 1 for W, the network's own number or StyleGAN2's for W+.
    public var rows: Int
    /// Components of a row, 512.
    public var size: Int

    /// - Throws: ``Failure`` when the number of values does not fit, or a value is not finite.
    public init(_ values: [Float], rows: Int = 1, size: Int = 512) throws {
        guard rows > 0, size > 0, values.count % (rows * size) == 0 else {
            throw Failure(
                "latent codes", "have \(values.count) values, no multiple of \(rows) x \(size)", "check the file")
        }
        guard values.allSatisfy(\.isFinite) else {
            throw Failure("latent codes", "hold values that are not finite", "check where they come from")
        }
        self.values = values
        self.rows = rows
        self.size = size
        count = values.count / (rows * size)
    }

    /// Some of the codes.
    public func slice(_ range: Range<Int>) throws -> LatentCodes {
        try LatentCodes(
            Array(values[range.lowerBound * rows * size..<range.upperBound * rows * size]), rows: rows, size: size)
    }
}

/// Whether the noise inputs take part.
public enum NoiseMode: String, Sendable, CaseIterable {
    /// Left out: an image depends on its code alone, as the paper demands.
    case none
    /// The network's stored noise constants.
    case constant
    /// Noise drawn from the code itself, so that the same code gives the same image; StyleGAN2 only.
    case random
}

/// Makes images from latent codes.
public protocol Synthesizer: Sendable {
    /// Which generator this is.
    var identity: GeneratorIdentity { get }
    /// Image sizes on offer, largest first.
    var sizes: [Int] { get }
    /// Synthesizes a batch.
    ///
    /// - Parameters:
    ///   - codes: W or W+ codes.
    ///   - size: Pixels along a side, one of ``sizes``; below the full resolution the exact area average.
    ///   - noise: Whether the noise constants take part.
    /// - Returns: [count, 3, size, size], about [-1, 1].
    /// - Throws: ``Failure`` when rows or size do not fit.
    func synthesize(_ codes: LatentCodes, size: Int, noise: NoiseMode) throws -> [Float]
}

/// A synthesizer that pulls gradients back from images to codes.
public protocol GradientSynthesizer: Synthesizer {
    /// Gradients with respect to codes of a function of their images.
    ///
    /// - Parameters:
    ///   - codes: They, `size` and `noise` as for the images.
    ///   - gradients: [count, 3, size, size], of the function with respect to the images.
    /// - Returns: Of the codes' shape, [count, rows, size].
    /// - Throws: ``Failure`` when shapes do not fit or memory runs out.
    func pullBack(_ codes: LatentCodes, size: Int, noise: NoiseMode, gradients: [Float]) throws -> [Float]
}

/// A synthesizer on libtorch, through which gradients flow.
public protocol DifferentiableSynthesizer: GradientSynthesizer {
    /// Where it computes.
    var device: Device { get }
    /// Images computed at once.
    var batch: BatchFitting { get }
    /// Images with their gradient history.
    ///
    /// - Parameters:
    ///   - styles: [N, 1, d] for W, or [N, layers, d] in the network's own rows.
    ///   - size: Pixels along a side, one of ``Synthesizer/sizes``; below the full resolution the exact area average.
    ///   - noise: Whether noise takes part.
    ///   - change: What is done to features on the way; nil for nothing.
    /// - Returns: [N, 3, size, size].
    /// - Throws: ``Failure`` when a shape does not fit or memory runs out.
    func synthesize(_ styles: Tensor, size: Int, noise: NoiseMode, change: TensorFeatureChange?) throws -> Tensor
    /// Features with their gradient history; the network runs no further.
    ///
    /// - Parameters:
    ///   - styles: As for images.
    ///   - side: Pixels along a side of the features.
    ///   - noise: Whether noise takes part.
    /// - Returns: [N, channels, side, side], before any change.
    /// - Throws: ``Failure`` when a shape does not fit or memory runs out.
    func features(_ styles: Tensor, side: Int, noise: NoiseMode) throws -> Tensor
    /// Channels of the features at a resolution; nil where the network has none.
    func featureChannels(side: Int) -> Int?
}

extension DifferentiableSynthesizer {
    /// Images with their gradient history, of features as they are.
    public func synthesize(_ styles: Tensor, size: Int, noise: NoiseMode) throws -> Tensor {
        try synthesize(styles, size: size, noise: noise, change: nil)
    }

    public func synthesize(_ codes: LatentCodes, size: Int, noise: NoiseMode) throws -> [Float] {
        let own = try StyleRows.own(codes, identity: identity)
        return try Torch.withoutGradients {
            var images: [Float] = []
            try batch.run(count: own.count) { range in
                let some = try own.slice(range)
                let styles = try Tensor(some.values, shape: [some.count, own.rows, own.size], device: device)
                images += try synthesize(styles, size: size, noise: noise).to(device: .cpu).floats()
            }
            return images
        }
    }

    public func pullBack(_ codes: LatentCodes, size: Int, noise: NoiseMode, gradients: [Float]) throws -> [Float] {
        let own = try StyleRows.own(codes, identity: identity)
        let image = 3 * size * size
        guard gradients.count == codes.count * image else {
            throw Failure("image gradients", "are \(gradients.count), not \(codes.count) × 3 × \(size) × \(size)")
        }
        var pulled: [Float] = []
        try batch.run(count: own.count) { range in
            let some = try own.slice(range)
            let styles = try Tensor(some.values, shape: [some.count, own.rows, own.size], device: device)
                .requiringGradient()
            let cotangent = try Tensor(
                Array(gradients[range.lowerBound * image..<range.upperBound * image]),
                shape: [some.count, 3, size, size], device: device)
            let images = try synthesize(styles, size: size, noise: noise)
            pulled += try images.gradients(of: [styles], cotangent: cotangent)[0].to(device: .cpu).floats()
        }
        return StyleRows.scatter(pulled, like: codes, identity: identity)
    }

    /// Gives each row of styles [N, 1 or layers, d] as [N, d].
    ///
    /// - Throws: ``Failure`` when the shape is another.
    func rows(of styles: Tensor) throws -> (Int) throws -> Tensor {
        let shape = styles.shape
        guard shape.count == 3, shape[1] == 1 || shape[1] == identity.layers, shape[2] == identity.latentSize else {
            throw Failure(
                "styles", "have the shape \(shape)", "give [N, 1 or \(identity.layers), \(identity.latentSize)]")
        }
        return { row in
            let at = shape[1] == 1 ? 0 : row
            return try styles.sliced(axis: 1, at..<at + 1).reshaped([shape[0], shape[2]])
        }
    }
}

/// Rows of W+ layouts.
public enum StyleRows {
    /// For each of a MobileStyleGAN's own rows, the row of a StyleGAN2 code with the same part at the same resolution.
    ///
    /// Own: row 0 for the 4×4 convolution; 3k+1 (up and first convolution), 3k+2 (second), 3k+3 (image) for layer k.
    /// StyleGAN2: row 0; 2k+1, 2k+2, 2k+3 for the block at the same resolution, the last shared with the next block.
    public static func mobile(fromStyleGAN2 layers: Int) -> [Int] {
        var rows = [0]
        for layer in 0..<layers { rows += [2 * layer + 1, 2 * layer + 2, 2 * layer + 3] }
        return rows
    }

    /// Gradients of codes in the network's own rows, as those of the codes that these came from.
    static func scatter(_ gradients: [Float], like codes: LatentCodes, identity: GeneratorIdentity) -> [Float] {
        if codes.rows == 1 || codes.rows == identity.layers { return gradients }
        let rows = mobile(fromStyleGAN2: (identity.layers - 1) / 3)
        var result = [Float](repeating: 0, count: codes.values.count)
        for code in 0..<codes.count {
            for (from, to) in rows.enumerated() {
                let (source, target) = ((code * rows.count + from) * codes.size, (code * codes.rows + to) * codes.size)
                for i in 0..<codes.size { result[target + i] += gradients[source + i] }
            }
        }
        return result
    }

    /// Codes of StyleGAN2's rows in another order of rows.
    static func gather(_ codes: LatentCodes, rows: [Int]) throws -> LatentCodes {
        var values: [Float] = []
        values.reserveCapacity(codes.count * rows.count * codes.size)
        for code in 0..<codes.count {
            for row in rows {
                let at = (code * codes.rows + row) * codes.size
                values += codes.values[at..<at + codes.size]
            }
        }
        return try LatentCodes(values, rows: rows.count, size: codes.size)
    }
}
