import Core
import Images
import Latents
import Tensors

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
    /// - Returns: RGB, about [-1, 1].
    /// - Throws: ``Failure`` when rows or size do not fit.
    func synthesize(_ codes: LatentCodes, size: Int, noise: NoiseMode) throws -> ImageBatch
}

/// A synthesizer with a way back: gradients with respect to codes, given those with respect to their images.
public protocol GradientSynthesizer: Synthesizer {
    /// Gradients with respect to codes of a function of their images.
    ///
    /// - Parameters:
    ///   - codes: They, `size` and `noise` as for the images.
    ///   - gradients: Of the function with respect to the images, of their shape.
    /// - Returns: Of the codes' shape, [count, rows, size].
    /// - Throws: ``Failure`` when shapes do not fit or memory runs out.
    func backward(_ codes: LatentCodes, size: Int, noise: NoiseMode, gradients: ImageBatch) throws -> [Float]
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
    /// - Returns: [N, 3, size, size].
    /// - Throws: ``Failure`` when a shape does not fit or memory runs out.
    func synthesize(_ styles: Tensor, size: Int, noise: NoiseMode) throws -> Tensor
}

extension DifferentiableSynthesizer {
    public func synthesize(_ codes: LatentCodes, size: Int, noise: NoiseMode) throws -> ImageBatch {
        let own = try StyleRows.own(codes, identity: identity)
        return try Torch.withoutGradients {
            var images: [Float] = []
            try batch.run(count: own.count) { range in
                let some = try own.slice(range)
                let styles = try Tensor(some.values, shape: [some.count, own.rows, own.size], device: device)
                images += try synthesize(styles, size: size, noise: noise).to(device: .cpu).floats()
            }
            return ImageBatch(images, side: size)
        }
    }

    public func backward(_ codes: LatentCodes, size: Int, noise: NoiseMode, gradients: ImageBatch) throws -> [Float] {
        let own = try StyleRows.own(codes, identity: identity)
        try gradients.check(count: codes.count, side: size)
        var pulled: [Float] = []
        try batch.run(count: own.count) { range in
            let some = try own.slice(range)
            let styles = try Tensor(some.values, shape: [some.count, own.rows, own.size], device: device)
                .requiringGradient()
            let cotangent = try Tensor(
                gradients[range].planes, shape: [some.count, 3, size, size], device: device)
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

extension ImageBatch {
    /// - Throws: ``Failure`` when these are not the gradients of so many RGB images of that size.
    func check(count: Int, side: Int) throws {
        guard self.count == count, self.side == side, channels == 3 else {
            throw Failure(
                "image gradients",
                "are \(self.count) x \(channels) x \(self.side) x \(self.side), not \(count) x 3 x \(side) x \(side)")
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
