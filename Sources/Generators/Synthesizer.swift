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
    ///   - size: Pixels along a side, as for the images.
    ///   - noise: Whether noise takes part, as for the images.
    ///   - gradients: Of the function with respect to the images, of their shape.
    /// - Returns: Of the codes' shape, [count, rows, size].
    /// - Throws: ``Failure`` when shapes do not fit or memory runs out.
    func backward(_ codes: LatentCodes, size: Int, noise: NoiseMode, gradients: ImageBatch) throws -> [Float]
    /// Images together with the way back from them, which computes nothing twice where memory allows it.
    ///
    /// - Parameters: As for ``Synthesizer/synthesize(_:size:noise:)``.
    /// - Throws: ``Failure`` when rows or size do not fit or memory runs out.
    func record(_ codes: LatentCodes, size: Int, noise: NoiseMode) throws -> RecordedImages
    /// The most images of which ``record(_:size:noise:)`` keeps what it computed; of more, or where this is 0, the way back
    /// computes them once more.
    var recordedAtOnce: Int { get }
}

/// Images and the way back from them; what it keeps of their making goes with it.
public struct RecordedImages: Sendable {
    /// The images, as ``Synthesizer/synthesize(_:size:noise:)`` gives them.
    public let images: ImageBatch
    private let way: @Sendable (ImageBatch) throws -> [Float]

    /// - Parameters:
    ///   - images: What was made.
    ///   - backward: From gradients with respect to the images to those with respect to the codes.
    public init(images: ImageBatch, backward: @escaping @Sendable (ImageBatch) throws -> [Float]) {
        self.images = images
        way = backward
    }

    /// Gradients with respect to the codes of a function of the images.
    ///
    /// - Parameter gradients: Of the function with respect to the images, of their shape.
    /// - Returns: Of the codes' shape, [count, rows, size].
    /// - Throws: ``Failure`` when shapes do not fit or memory runs out.
    public func backward(_ gradients: ImageBatch) throws -> [Float] {
        try gradients.check(count: images.count, side: images.side)
        return try way(gradients)
    }
}

extension GradientSynthesizer {
    public var recordedAtOnce: Int { 0 }

    public func record(_ codes: LatentCodes, size: Int, noise: NoiseMode) throws -> RecordedImages {
        try recomputed(codes, size: size, noise: noise)
    }

    /// Images with a way back that computes them once more.
    func recomputed(_ codes: LatentCodes, size: Int, noise: NoiseMode) throws -> RecordedImages {
        RecordedImages(images: try synthesize(codes, size: size, noise: noise)) {
            try backward(codes, size: size, noise: noise, gradients: $0)
        }
    }
}

/// A synthesizer on libtorch, through which gradients flow.
public protocol DifferentiableSynthesizer: FeatureSynthesizer {
    /// Rows of its codes.
    var layout: CodeLayout { get }
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
}

extension DifferentiableSynthesizer {
    /// Images with their gradient history, of features as they are.
    public func synthesize(_ styles: Tensor, size: Int, noise: NoiseMode) throws -> Tensor {
        try synthesize(styles, size: size, noise: noise, change: nil)
    }

    public func synthesize(_ codes: LatentCodes, size: Int, noise: NoiseMode) throws -> ImageBatch {
        let own = try layout.own(codes, of: identity)
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
        let own = try layout.own(codes, of: identity)
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
        return layout.scatter(pulled, like: codes)
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

extension Synthesizer {
    /// - Throws: ``Failure`` when a size is not on offer.
    func check(size: Int) throws {
        guard sizes.contains(size) else {
            let list = sizes.map(String.init).joined(separator: ", ")
            throw Failure("image size \(size)", "is not on offer", "ask for one of \(list)", kind: .usage)
        }
    }
}

extension CodeLayout {
    /// Codes in a generator's own rows, or W as it is.
    ///
    /// - Throws: ``Failure`` when they are neither W, the network's own W+ nor StyleGAN2's.
    func own(_ codes: LatentCodes, of identity: GeneratorIdentity) throws -> LatentCodes {
        guard codes.size == identity.latentSize else {
            throw Failure(
                "latent codes", "have \(codes.size) components, generator \(identity.name) has \(identity.latentSize)",
                "use codes of this generator", kind: .conflict)
        }
        return try own(codes, name: identity.name)
    }
}
