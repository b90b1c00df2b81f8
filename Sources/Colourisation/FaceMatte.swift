import Foundation
import Images

/// How much of each place of an aligned face's square is of a person, brought to the photograph's own edges.
public enum FaceMatte {
    /// The oval of face and hair in FFHQ's frame, in shares of a side: its middle and its half axes.
    private static let (middle, axes) = (SIMD2<Float>(0.5, 0.57), SIMD2<Float>(0.27, 0.36))
    /// From where to where clothes begin at the sides of the neck, in shares of a side.
    private static let (chin, neck): (ClosedRange<Float>, ClosedRange<Float>) = (0.82...0.9, 0.16...0.26)

    /// The distance of a place from the oval's middle, 1 on its rim.
    static func reach(_ place: SIMD2<Float>) -> Float {
        let d = (place - middle) / axes
        return (d * d).sum().squareRoot()
    }

    /// A person with rims along a photograph's edges.
    ///
    /// - Parameters:
    ///   - person: What a network says, 0 to 1, of any size.
    ///   - grey: The square in 8-bit steps.
    /// - Returns: Of the square's shape, 0 to 1.
    package static func refined(_ person: Plane, by grey: Plane) -> Plane {
        GuidedFilter(guide: grey, radius: max(1, grey.width / 64), epsilon: 60)
            .filtered(person.resized(width: grey.width, height: grey.height)).map { min(max($0, 0), 1) }
    }

    /// Face, hair and neck of a person, without clothes.
    ///
    /// - Parameters:
    ///   - person: What a network says of the square in FFHQ's frame, 0 to 1, of any size.
    ///   - grey: The square in 8-bit steps.
    /// - Returns: Of the square's shape, 0 to 1.
    package static func head(_ person: Plane, by grey: Plane) -> Plane {
        var result = refined(person, by: grey)
        for i in result.values.indices {
            let x = (Float(i % result.width) + 0.5) / Float(result.width)
            let y = (Float(i / result.width) + 0.5) / Float(result.height)
            let below = min(max((y - chin.lowerBound) / (chin.upperBound - chin.lowerBound), 0), 1)
            let beside = min(max((abs(x - middle.x) - neck.lowerBound) / (neck.upperBound - neck.lowerBound), 0), 1)
            result.values[i] *= 1 - below * beside
        }
        return result
    }
}
