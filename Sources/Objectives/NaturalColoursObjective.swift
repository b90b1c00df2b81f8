import Core
import Images

/// How far the colours of heads leave those that skin and hair have, beyond what they did before.
///
/// A classifier of blond hair takes lemon for it, and one of black hair navy. Colours are Rec. 601's Cb and Cr. Nearly all of faces and hair
/// in FFHQ's photographs lie in ``blue`` and ``red``; what of a channel lies outside is its excess. Squares of what the excess grew by,
/// in [-1, 1], are summed over both channels and averaged over the head in FFHQ's frame. What was blue already, such as the sky behind
/// a head, may stay so.
public struct NaturalColoursObjective: Objective {
    /// Cb of skin and hair, in 8-bit steps.
    public static let blue: ClosedRange<Float> = -42...3
    /// Cr of skin and hair, in 8-bit steps.
    public static let red: ClosedRange<Float> = -4...44
    /// The head with its hair in FFHQ's frame, in shares of a side: middle and half axes.
    private static let (middle, axes) = (SIMD2<Float>(0.5, 0.46), SIMD2<Float>(0.42, 0.48))
    /// 8-bit steps to 1.
    private static let steps: Float = 127.5

    /// Pixels along a side at which it looks.
    public let side = 64

    /// [side, side], with a sum of 1: the head.
    private let weights: [Float]
    /// [count, 2, side, side]: what lies outside already.
    private let known: [Float]
    private let count: Int

    /// - Parameter faces: What pictures are compared with, in FFHQ's frame: one for each picture, RGB in [-1, 1].
    public init(faces: ImageBatch) {
        let side = side
        let inside = (0..<side * side).map { i -> Float in
            let place = (SIMD2(Float(i % side), Float(i / side)) + 0.5) / Float(side)
            let d = (place - NaturalColoursObjective.middle) / NaturalColoursObjective.axes
            return (d * d).sum() < 1 ? 1 : 0
        }
        let sum = inside.reduce(0, +)
        weights = inside.map { $0 / sum }
        count = faces.count
        let seen = faces.resized(to: side).yCbCr()
        known = (0..<faces.count).flatMap { image in
            (1...2).flatMap { channel in
                let start = image * seen.stride + channel * side * side
                return (start..<start + side * side).map {
                    abs(NaturalColoursObjective.excess(seen.planes[$0], channel))
                }
            }
        }
    }

    public func evaluate(_ images: ImageBatch) throws -> ObjectiveValue {
        guard images.count == count else {
            throw Failure(
                "natural colours", "have \(count) faces for \(images.count) pictures", "give one for each picture")
        }
        var seen = images.resized(to: side).yCbCr()
        let area = side * side
        var values = [Float](repeating: 0, count: images.count)
        for image in 0..<images.count {
            for i in 0..<area { seen.planes[image * seen.stride + i] = 0 }
            for channel in 1...2 {
                let start = image * seen.stride + channel * area
                for i in 0..<area {
                    let excess = NaturalColoursObjective.excess(seen.planes[start + i], channel)
                    let grown = max(0, abs(excess) - known[(2 * image + channel - 1) * area + i])
                    values[image] += weights[i] * grown * grown
                    seen.planes[start + i] = 2 * weights[i] * (excess < 0 ? -grown : grown)
                }
            }
        }
        return ObjectiveValue(values: values, gradients: seen.yCbCrBackward().resizedBackward(from: images.side))
    }

    /// What of a channel's value, in [-1, 1], lies above its range, or below it with a minus.
    private static func excess(_ value: Float, _ channel: Int) -> Float {
        let range = channel == 1 ? blue : red
        let (low, high) = (range.lowerBound / steps, range.upperBound / steps)
        return value > high ? value - high : min(0, value - low)
    }
}
