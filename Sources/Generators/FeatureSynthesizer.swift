import Core
import Images
import Latents
import Tensors

/// A synthesizer that can be run up to its features at a resolution, and on from changed ones.
///
/// For example:
///
/// ```swift
/// let features = try synthesizer.features(codes, side: 64, noise: .none)
/// let change = try FeatureChange(side: 64, scale: encoder.scale(features), shift: encoder.shift(features))
/// let images = try synthesizer.synthesize(codes, size: 256, noise: .none, change: change)
/// ```
public protocol FeatureSynthesizer: GradientSynthesizer {
    /// Channels of the features at a resolution; nil where the network has none.
    func featureChannels(side: Int) -> Int?
    /// The features at a resolution, before any change; the network runs no further.
    ///
    /// - Parameters:
    ///   - codes: W or W+ codes.
    ///   - side: Pixels along a side of the features.
    ///   - noise: Whether noise takes part.
    /// - Returns: Feature maps [count, channels, side, side].
    /// - Throws: ``Failure`` when rows do not fit or there are no such features.
    func features(_ codes: LatentCodes, side: Int, noise: NoiseMode) throws -> FeatureMaps
    /// Images of changed features.
    ///
    /// - Parameters:
    ///   - codes: They, `size` and `noise` as for plain images.
    ///   - size: Pixels along a side, as for the images.
    ///   - noise: Whether noise takes part, as for the images.
    ///   - change: What is done to features on the way.
    /// - Returns: RGB, about [-1, 1].
    /// - Throws: ``Failure`` when a shape does not fit or memory runs out.
    func synthesize(_ codes: LatentCodes, size: Int, noise: NoiseMode, change: FeatureChange) throws -> ImageBatch
    /// Gradients with respect to codes and to a change of features of a function of the images.
    ///
    /// - Parameters:
    ///   - codes: They, `size`, `noise` and `change` as for the images.
    ///   - size: Pixels along a side, as for the images.
    ///   - noise: Whether noise takes part, as for the images.
    ///   - change: What was done to features on the way.
    ///   - gradients: Of the function with respect to the images, of their shape.
    /// - Returns: Gradients of codes and of the change.
    /// - Throws: ``Failure`` when shapes do not fit or memory runs out.
    func backward(
        _ codes: LatentCodes, size: Int, noise: NoiseMode, change: FeatureChange, gradients: ImageBatch
    ) throws -> FeatureGradients
    /// Images of changed features together with the way back from them, which computes nothing twice where memory allows it.
    ///
    /// - Parameters:
    ///   - codes: They, `size`, `noise` and `change` as for the images.
    ///   - size: Pixels along a side, as for the images.
    ///   - noise: Whether noise takes part, as for the images.
    ///   - change: What is done to features on the way.
    /// - Returns: The images with the way back.
    /// - Throws: ``Failure`` when a shape does not fit or memory runs out.
    func record(_ codes: LatentCodes, size: Int, noise: NoiseMode, change: FeatureChange) throws -> RecordedChange
}

extension DifferentiableSynthesizer {
    public func features(_ codes: LatentCodes, side: Int, noise: NoiseMode) throws -> FeatureMaps {
        let own = try layout.own(codes, of: identity)
        guard let channels = featureChannels(side: side) else {
            throw Failure(
                "features", "of \(side) pixels a side are none of this network's", "ask for another resolution")
        }
        return try Torch.withoutGradients {
            var values: [Float] = []
            try batch.run(count: own.count) { range in
                let styles = try styles(own.slice(range))
                values += try features(styles, side: side, noise: noise).to(type: .float32).to(device: .cpu).floats()
            }
            return FeatureMaps(values, channels: channels, side: side)
        }
    }

    public func synthesize(
        _ codes: LatentCodes, size: Int, noise: NoiseMode, change: FeatureChange
    ) throws -> ImageBatch {
        let own = try layout.own(codes, of: identity)
        try check(change, count: own.count)
        return try Torch.withoutGradients {
            var images: [Float] = []
            try batch.run(count: own.count) { range in
                let part = try TensorFeatureChange(change[range], device: device)
                images += try synthesize(styles(own.slice(range)), size: size, noise: noise, change: part)
                    .to(device: .cpu).floats()
            }
            return ImageBatch(images, side: size)
        }
    }

    public func backward(
        _ codes: LatentCodes, size: Int, noise: NoiseMode, change: FeatureChange, gradients: ImageBatch
    ) throws -> FeatureGradients {
        let own = try layout.own(codes, of: identity)
        try gradients.check(count: codes.count, side: size)
        let channels = try check(change, count: own.count)
        // Gradients flow to both, whether they are there or not.
        let zeros = FeatureMaps(
            [Float](repeating: 0, count: own.count * channels * change.side * change.side), channels: channels,
            side: change.side)
        let full = try FeatureChange(side: change.side, scale: change.scale ?? zeros, shift: change.shift ?? zeros)
        var results: [[Float]] = [[], [], []]
        try batch.run(count: own.count) { range in
            let leaf = try styles(own.slice(range)).requiringGradient()
            let part = try TensorFeatureChange(full[range], device: device, requiresGradient: true)
            let images = try synthesize(leaf, size: size, noise: noise, change: part)
            let cotangent = try Tensor(
                gradients[range].planes, shape: [range.count, 3, size, size], device: device)
            let inputs = [leaf] + [part.scale, part.shift].compactMap { $0 }
            for (i, gradient) in try images.gradients(of: inputs, cotangent: cotangent).enumerated() {
                results[i] += try gradient.to(device: .cpu).floats()
            }
        }
        return FeatureGradients(
            codes: layout.scatter(results[0], like: codes),
            scale: FeatureMaps(results[1], channels: channels, side: change.side),
            shift: FeatureMaps(results[2], channels: channels, side: change.side))
    }

    private func styles(_ own: LatentCodes) throws -> Tensor {
        try Tensor(own.values, shape: [own.count, own.rows, own.size], device: device)
    }

    /// - Returns: Channels of the changed features.
    @discardableResult
    private func check(_ change: FeatureChange, count: Int) throws -> Int {
        guard let channels = featureChannels(side: change.side) else {
            throw Failure(
                "features", "of \(change.side) pixels a side are none of this network's", "ask for another resolution")
        }
        try change.check(count: count, channels: channels)
        return channels
    }
}

/// A change of features with its gradient history; see ``FeatureChange``.
public struct TensorFeatureChange: Sendable {
    /// Pixels along a side of the features.
    public var side: Int
    /// [N, channels, side, side], added to the factor 1; nil for nothing.
    public var scale: Tensor?
    /// [N, channels, side, side], added; nil for nothing.
    public var shift: Tensor?

    /// All parts as they are; the synthesizer checks them.
    public init(side: Int, scale: Tensor? = nil, shift: Tensor? = nil) {
        self.side = side
        self.scale = scale
        self.shift = shift
    }

    /// A change's values as tensors.
    ///
    /// - Throws: ``Failure`` when the device can't hold them.
    public init(_ change: FeatureChange, device: Device, requiresGradient: Bool = false) throws {
        func tensor(_ maps: FeatureMaps?) throws -> Tensor? {
            guard let maps else { return nil }
            let tensor = try Tensor(
                maps.values, shape: [maps.count, maps.channels, maps.side, maps.side], device: device)
            return requiresGradient ? try tensor.requiringGradient() : tensor
        }
        self.init(side: change.side, scale: try tensor(change.scale), shift: try tensor(change.shift))
    }
}

/// Where features leave a network on libtorch, and where a change of them comes in.
struct FeatureTap {
    /// Pixels along a side of the features; nil where the network just runs.
    let side: Int?
    private let change: TensorFeatureChange?
    /// Whether the network is to run no further.
    let stops: Bool
    /// The features before the change, once the network has come to them.
    private(set) var features: Tensor?

    /// A network that runs through, with or without a change.
    init(_ change: TensorFeatureChange?) {
        (side, self.change, stops) = (change?.side, change, false)
    }

    /// A network that runs up to its features.
    init(upTo side: Int) {
        (self.side, change, stops) = (side, nil, true)
    }

    /// The result of a first convolution, changed if it is the one meant.
    mutating func pass(_ x: Tensor) throws -> Tensor {
        guard let side, x.shape[3] == side else { return x }
        features = x
        guard let change else { return x }
        for part in [change.scale, change.shift].compactMap({ $0 }) where part.shape != x.shape {
            throw Failure("feature change", "is of the shape \(part.shape)", "give \(x.shape)")
        }
        var y = x
        if let scale = change.scale { y = try y.multiplied(by: scale.to(type: x.type).scaled(by: 1, plus: 1)) }
        if let shift = change.shift { y = try y.added(to: shift.to(type: x.type)) }
        return y
    }

    /// The features that the network came by.
    ///
    /// - Throws: ``Failure`` when it has none of the resolution asked for.
    @discardableResult
    func found() throws -> Tensor {
        if let features { return features }
        throw Failure(
            "features", "of \(side ?? 0) pixels a side are none of this network's", "ask for another resolution")
    }
}
