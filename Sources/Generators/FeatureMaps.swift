import CSynthesis
import Core

/// Features of some images at one resolution: what the first convolution there makes, activation included.
public struct FeatureMaps: Sendable, Equatable {
    /// How many images they are of.
    public let count: Int
    /// Channels of each.
    public let channels: Int
    /// Pixels along a side.
    public let side: Int
    /// [count, channels, side, side] in C order.
    public var values: [Float]

    /// - Parameters:
    ///   - values: [count, channels, side, side].
    ///   - channels: Channels of each image's features.
    ///   - side: Pixels along a side.
    public init(_ values: [Float], channels: Int, side: Int) {
        let one = channels * side * side
        precondition(one > 0 && values.count % one == 0, "values must be [count, channels, side, side]")
        self.values = values
        self.channels = channels
        self.side = side
        count = values.count / one
    }

    /// The features of some of the images.
    public subscript(range: Range<Int>) -> FeatureMaps {
        let one = channels * side * side
        return FeatureMaps(
            Array(values[range.lowerBound * one..<range.upperBound * one]), channels: channels, side: side)
    }
}

/// A change of features on their way to an image: feature · (1 + scale) + shift.
///
/// It takes place after the first styled convolution at a resolution, activation included, and before the second, as an
/// encoder such as HFGI (Wang et al. 2022, arXiv 2109.06590) puts details of a photograph onto them.
public struct FeatureChange: Sendable, Equatable {
    /// Pixels along a side of the features.
    public let side: Int
    /// What is added to the factor 1; nil for nothing.
    public var scale: FeatureMaps?
    /// What is added; nil for nothing.
    public var shift: FeatureMaps?

    /// - Throws: ``Failure`` when both are there and of different shapes.
    public init(side: Int, scale: FeatureMaps? = nil, shift: FeatureMaps? = nil) throws {
        let parts = [scale, shift].compactMap { $0 }
        guard parts.allSatisfy({ $0.side == side && $0.channels == parts[0].channels && $0.count == parts[0].count })
        else { throw Failure("feature change", "has a scale and a shift that do not fit each other or \(side) pixels") }
        self.side = side
        self.scale = scale
        self.shift = shift
    }

    /// The change that puts given features in the place of the network's own: the network runs on *from* them.
    ///
    /// - Parameter features: What the second convolution is to see.
    public init(replacing features: FeatureMaps) {
        side = features.side
        let less = [Float](repeating: -1, count: features.values.count)
        scale = FeatureMaps(less, channels: features.channels, side: features.side)
        shift = features
    }

    /// The change of some of the images.
    public subscript(range: Range<Int>) -> FeatureChange {
        var some = self
        some.scale = scale?[range]
        some.shift = shift?[range]
        return some
    }

    /// - Throws: ``Failure`` when scale or shift are not of this shape.
    func check(count: Int, channels: Int) throws {
        for part in [scale, shift].compactMap({ $0 }) where part.count != count || part.channels != channels {
            throw Failure(
                "feature change", "is [\(part.count), \(part.channels), \(side), \(side)]",
                "give [\(count), \(channels), \(side), \(side)]")
        }
    }
}

/// Gradients of a function of images with respect to what these came from.
public struct FeatureGradients: Sendable, Equatable {
    /// Of the codes: their shape.
    public var codes: [Float]
    /// Of the change's scale.
    public var scale: FeatureMaps
    /// Of the change's shift, which is that of the changed features: of ``FeatureChange/init(replacing:)``'s as well.
    public var shift: FeatureMaps
}

extension FeatureChange {
    /// Calls C with the change; the pointers end with the call.
    ///
    /// - Parameters:
    ///   - features: Where the features before the change go.
    ///   - body: Called with the change as C takes it.
    /// - Returns: What `body` returns.
    func withSeam<R>(
        features: UnsafeMutablePointer<Float>? = nil, _ body: (UnsafePointer<ms_seam>) throws -> R
    ) rethrows -> R {
        try (scale?.values ?? []).withUnsafeBufferPointer { scales in
            try (shift?.values ?? []).withUnsafeBufferPointer { shifts in
                var seam = ms_seam(
                    side: Int32(side), scale: scale == nil ? nil : scales.baseAddress,
                    shift: shift == nil ? nil : shifts.baseAddress, features: features)
                return try withUnsafePointer(to: &seam, body)
            }
        }
    }
}
