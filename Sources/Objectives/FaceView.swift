import Classifiers
import Core
import Foundation
import Images

/// A random look at a picture, with a way back: another crop and scale, mirrored or not, other colours, and mostly one or two of a
/// blur, noise and JPEG's losses.
///
/// What a classifier says of one picture may hang on single pixels. A change that it is to see under many such views has to be one
/// of the face (Athalye et al., "Synthesizing Robust Adversarial Examples", ICML 2018, turned to good use). All of it is affine in
/// the picture but JPEG, whose way back takes it for the picture itself (straight-through).
public struct FaceView: Sendable {
    /// How far views go.
    private static let (zoom, shift, colour): (Float, Float, Float) = (0.08, 0.03, 0.6)
    /// Chances of a blur, of noise and of JPEG.
    private static let (blurs, noises, compresses) = (0.3, 0.3, 0.3)

    /// Sides of the window to sides of the picture, negative across where it is mirrored, and its middle.
    private let (across, down): (Float, Float)
    private let (x, y): (Float, Float)
    private let colours: ColourChange?
    /// The blur's deviation in shares of a side.
    private let blur: Float?
    private let noise: (deviation: Float, seed: UInt64)?
    private let quality: Int?

    /// The picture as it is.
    public static let plain = FaceView()

    private init() {
        (across, down, x, y) = (1, 1, 0.5, 0.5)
        (colours, blur, noise, quality) = (nil, nil, nil, nil)
    }

    /// The view of a number: the same number is the same view.
    ///
    /// - Parameters:
    ///   - seed: Names a series of views.
    ///   - number: Which of the series.
    public init(seed: UInt64, number: Int) {
        var random = CounterRandom(seed: seed, domain: 0x7669_6577, position: UInt64(number) << 16)
        let scale = exp(random.uniform(-FaceView.zoom, FaceView.zoom))
        across = random.chance(0.5) ? -scale : scale
        down = scale
        x = 0.5 + random.uniform(-FaceView.shift, FaceView.shift)
        y = 0.5 + random.uniform(-FaceView.shift, FaceView.shift)
        colours = ColourChange(strength: FaceView.colour, random: &random)
        blur = random.chance(FaceView.blurs) ? random.uniform(0.3, 0.9) / 80 : nil
        noise = random.chance(FaceView.noises) ? (random.uniform(0.01, 0.05), random.next()) : nil
        quality = random.chance(FaceView.compresses) ? 50 + Int(random.uniform(0, 40)) : nil
    }

    /// Pictures, each in a view of its own.
    ///
    /// - Parameters:
    ///   - views: One a picture.
    ///   - images: RGB in about [-1, 1].
    /// - Returns: Of the same size.
    public static func apply(_ views: [FaceView], to images: ImageBatch) -> ImageBatch {
        mapped(images, views) { $0.apply($1, side: images.side) }
    }

    /// The adjoint of ``apply(_:to:)``: gradients with respect to pictures, from those with respect to their views.
    public static func backward(_ views: [FaceView], _ gradients: ImageBatch) -> ImageBatch {
        mapped(gradients, views) { $0.backward($1, side: gradients.side) }
    }

    private static func mapped(
        _ images: ImageBatch, _ views: [FaceView], _ body: (FaceView, ArraySlice<Float>) -> [Float]
    ) -> ImageBatch {
        precondition(views.count == images.count && images.channels == 3, "a view for each RGB picture")
        var result = images
        for (index, view) in views.enumerated() {
            let range = index * images.stride..<(index + 1) * images.stride
            result.planes.replaceSubrange(range, with: body(view, images.planes[range]))
        }
        return result
    }

    /// Whether its way back is not quite its slope.
    package var isStraightThrough: Bool { quality != nil }

    private var isPlain: Bool { colours == nil && across == 1 && down == 1 && x == 0.5 && y == 0.5 }

    private func apply(_ planes: ArraySlice<Float>, side: Int) -> [Float] {
        if isPlain { return Array(planes) }
        var result = warped(planes, side: side)
        result.withUnsafeMutableBufferPointer { planes in
            colours?.applyLinear(planes)
            if let blur { Filters.gaussianBlur(planes, size: side, sigma: blur * Float(side)) }
            if let noise {
                var random = CounterRandom(seed: noise.seed, domain: 0x6E6F_6973)
                for i in planes.indices { planes[i] += noise.deviation * random.normal() }
            }
            if let quality { Filters.jpeg(planes, size: side, quality: quality) }
        }
        return result
    }

    private func backward(_ gradients: ArraySlice<Float>, side: Int) -> [Float] {
        if isPlain { return Array(gradients) }
        var values = Array(gradients)
        values.withUnsafeMutableBufferPointer { planes in
            if let blur { Filters.gaussianBlurBackward(planes, size: side, sigma: blur * Float(side)) }
            colours?.linearBackward(planes)
        }
        return warpedBackward(values, side: side)
    }

    /// For each pixel of an axis the first of two of the picture's, and how much of the second; the rim's pixels go on outside.
    private func taps(side: Int, scale: Float, middle: Float) -> [(first: Int, part: Float)] {
        (0..<side).map { index in
            let place = (middle + scale * ((Float(index) + 0.5) / Float(side) - 0.5)) * Float(side) - 0.5
            let inside = min(max(place, 0), Float(side - 1))
            let first = min(Int(inside), side - 2)
            return (first, inside - Float(first))
        }
    }

    private func warped(_ planes: ArraySlice<Float>, side: Int) -> [Float] {
        let (columns, rows) = (taps(side: side, scale: across, middle: x), taps(side: side, scale: down, middle: y))
        var result = [Float](repeating: 0, count: planes.count)
        planes.withUnsafeBufferPointer { planes in
            for channel in 0..<3 {
                for (v, row) in rows.enumerated() {
                    let top = (channel * side + row.first) * side
                    for (u, column) in columns.enumerated() {
                        let at = top + column.first
                        let upper = planes[at] + column.part * (planes[at + 1] - planes[at])
                        let lower = planes[at + side] + column.part * (planes[at + side + 1] - planes[at + side])
                        result[(channel * side + v) * side + u] = upper + row.part * (lower - upper)
                    }
                }
            }
        }
        return result
    }

    private func warpedBackward(_ gradients: [Float], side: Int) -> [Float] {
        let (columns, rows) = (taps(side: side, scale: across, middle: x), taps(side: side, scale: down, middle: y))
        var result = [Float](repeating: 0, count: gradients.count)
        for channel in 0..<3 {
            for (v, row) in rows.enumerated() {
                let top = (channel * side + row.first) * side
                for (u, column) in columns.enumerated() {
                    let value = gradients[(channel * side + v) * side + u]
                    let (upper, lower) = ((1 - row.part) * value, row.part * value)
                    let at = top + column.first
                    result[at] += (1 - column.part) * upper
                    result[at + 1] += column.part * upper
                    result[at + side] += (1 - column.part) * lower
                    result[at + side + 1] += column.part * lower
                }
            }
        }
        return result
    }
}
