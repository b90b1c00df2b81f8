import Core
import Tensors

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
