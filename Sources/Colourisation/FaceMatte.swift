import Foundation
import Images

/// How much of each place of an aligned face's square is of the person — face, hair and neck — rather than of what lies behind.
///
/// No network is asked: FFHQ's frame says where heads are, and the photograph's own grey, gathered around each place, says where
/// this one ends. A grey that is frequent nearby inside of the head and rare outside of it belongs to the head.
public enum FaceMatte {
    /// Pixels along a side at which greys are gathered.
    private static let side = 96
    /// Shades that are told apart.
    private static let shades = 12
    /// The Gaussian's deviation, in shares of a side, over which greys are gathered.
    private static let nearby: Float = 0.09
    /// Times that the head's greys are gathered anew from what was found to be the head.
    private static let passes = 3
    /// The oval of face and hair in FFHQ's frame, in shares of a side: its middle and its half axes.
    static let (middle, axes) = (SIMD2<Float>(0.5, 0.57), SIMD2<Float>(0.27, 0.36))

    /// The distance of a place from the oval's middle, 1 on its rim.
    static func reach(_ place: SIMD2<Float>) -> Float {
        let d = (place - middle) / axes
        return (d * d).sum().squareRoot()
    }

    /// The matte of a face.
    ///
    /// - Parameter grey: The face's square in FFHQ's frame, in 8-bit steps.
    /// - Returns: Of the same shape, 0 to 1, with soft rims along the photograph's own edges.
    public static func matte(of grey: Plane) -> Plane {
        let small = grey.resized(width: side, height: side)
        let prior = small.values.indices.map { i in
            odds(SIMD2((Float(i % side) + 0.5) / Float(side), (Float(i / side) + 0.5) / Float(side)))
        }
        let memberships = shares(of: small)
        var found = Plane(prior.map(share), width: side, height: side)
        for _ in 0..<passes {
            var likely = [Float](repeating: 0, count: prior.count)
            var unlikely = likely
            let sigma = nearby * Float(side)
            let (inside, outside) = (found.blurred(sigma: sigma), found.map { 1 - $0 }.blurred(sigma: sigma))
            for shade in memberships {
                let own = shade.map(with: found, *).blurred(sigma: sigma)
                let all = shade.blurred(sigma: sigma)
                for i in prior.indices where shade.values[i] > 0 {
                    likely[i] += shade.values[i] * (own.values[i] + 0.01) / (inside.values[i] + 0.12)
                    unlikely[i] += shade.values[i] * (all.values[i] - own.values[i] + 0.01) / (outside.values[i] + 0.12)
                }
            }
            for i in prior.indices {
                found.values[i] = share(prior[i] + log(likely[i] / max(unlikely[i], 1e-6)))
            }
        }
        let large = found.resized(width: grey.width, height: grey.height)
        let filter = GuidedFilter(guide: grey, radius: max(1, grey.width / 40), epsilon: 60)
        return filter.filtered(large).map { min(max($0, 0), 1) }
    }

    /// The logarithm of how much likelier a place is of the person than not, by where it lies.
    private static func odds(_ place: SIMD2<Float>) -> Float {
        let head = 5 * (1.34 - reach(place))
        // Below the chin there are clothes at the sides, and the neck between.
        let below = min(max((place.y - 0.82) / 0.08, 0), 1)
        let neck = 2 - 24 * max(0, abs(place.x - 0.5) - 0.1)
        return head + below * (max(min(neck, 2), -2.5) - head)
    }

    private static func share(_ odds: Float) -> Float { 1 / (1 + exp(-odds)) }

    /// For each shade how much of it every pixel is, linear between the shades' middles.
    private static func shares(of grey: Plane) -> [Plane] {
        (0..<shades).map { shade in
            grey.map { max(0, 1 - abs(min(max($0, 0), 255) / 255 * Float(shades - 1) - Float(shade))) }
        }
    }
}
