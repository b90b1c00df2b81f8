import Core
import Foundation
import Images

/// How much the colour of faces' skin differs from that of others: of cheeks and nose, in FFHQ's frame.
///
/// A classifier hardly minds a face that turns red, so that an edit may redden skin unseen where the skin's colour is no part of the
/// attribute. It is Rec. 601's Cb and Cr, both in [-1, 1], each averaged over a place: their squared differences, summed over both and
/// averaged over the three places. Light and shade cost nothing.
public struct ComplexionObjective: Objective {
    /// Where skin is seen on nearly every face, in shares of the side: both cheeks and the nose, with their Gaussians' deviation.
    private static let places: [(x: Float, y: Float, deviation: Float)] = [
        (0.345, 0.595, 0.04), (0.655, 0.595, 0.04), (0.5, 0.55, 0.03),
    ]

    /// Pixels along a side at which it looks.
    public let side = 64

    /// [places, side, side], each place with a sum of 1.
    private let weights: [[Float]]
    /// [count, places, 2].
    private let targets: [Float]

    /// - Parameter faces: What pictures are compared with, in FFHQ's frame: one for each picture, RGB in [-1, 1].
    public init(faces: ImageBatch) {
        let side = side
        weights = ComplexionObjective.places.map { place in
            let values = (0..<side * side).map { i -> Float in
                let dx = (Float(i % side) + 0.5) / Float(side) - place.x
                let dy = (Float(i / side) + 0.5) / Float(side) - place.y
                return exp(-(dx * dx + dy * dy) / (2 * place.deviation * place.deviation))
            }
            let sum = values.reduce(0, +)
            return values.map { $0 / sum }
        }
        targets = ComplexionObjective.means(faces.resized(to: side).yCbCr(), weights)
    }

    public func evaluate(_ images: ImageBatch) throws -> ObjectiveValue {
        let each = 2 * weights.count
        guard targets.count == images.count * each else {
            throw Failure(
                "complexion", "has \(targets.count / each) faces for \(images.count) pictures",
                "give one for each picture")
        }
        var seen = images.resized(to: side).yCbCr()
        let found = ComplexionObjective.means(seen, weights)
        let area = side * side
        for i in seen.planes.indices { seen.planes[i] = 0 }
        var values = [Float](repeating: 0, count: images.count)
        for (i, difference) in zip(found, targets).map({ $0 - $1 }).enumerated() {
            let (image, place, channel) = (i / each, i % each / 2, i % 2)
            values[image] += difference * difference / Float(weights.count)
            let slope = 2 * difference / Float(weights.count)
            let start = image * seen.stride + (1 + channel) * area
            for (k, weight) in weights[place].enumerated() { seen.planes[start + k] += slope * weight }
        }
        return ObjectiveValue(values: values, gradients: seen.yCbCrBackward().resizedBackward(from: images.side))
    }

    /// [count, places, 2]: Cb and Cr of each place.
    private static func means(_ images: ImageBatch, _ weights: [[Float]]) -> [Float] {
        let area = images.side * images.side
        return (0..<images.count).flatMap { image in
            weights.flatMap { place in
                (1...2).map { channel in
                    let start = image * images.stride + channel * area
                    return place.indices.reduce(Float(0)) { $0 + place[$1] * images.planes[start + $1] }
                }
            }
        }
    }
}
