import Foundation

/// Colours by luma and two colour differences (Rec. 601: Y', Cb, Cr).
///
/// All are linear in R'G'B', so an adjoint needs no picture.
extension ImageBatch {
    /// What red, green and blue add to luma.
    private static let weights = SIMD3<Double>(0.299, 0.587, 0.114)
    /// Largest |B' − Y'| and |R' − Y'| where R'G'B' goes from 0 to 1.
    private static let spans = (blue: 1.772, red: 1.402)

    private static let toYCbCr = Matrix3(
        weights, (SIMD3(0, 0, 1) - weights) / spans.blue, (SIMD3(1, 0, 0) - weights) / spans.red)

    private static let fromYCbCr = Matrix3(
        SIMD3(1, 0, spans.red),
        SIMD3(1, -spans.blue * weights.z / weights.y, -spans.red * weights.x / weights.y),
        SIMD3(1, spans.blue, 0))

    /// Luma and chroma of RGB: Y' in the pictures' range, Cb and Cr in half its width around 0.
    ///
    /// With RGB in [-1, 1] all three planes are in [-1, 1].
    public func yCbCr() -> ImageBatch { mapped(range: range) { Self.toYCbCr.product($0) } }

    /// The adjoint of ``yCbCr()``: gradients with respect to RGB, given those with respect to Y', Cb and Cr, which this batch
    /// holds.
    public func yCbCrBackward() -> ImageBatch { mapped(range: range) { Self.toYCbCr.transposeProduct($0) } }

    /// RGB of luma and chroma: the inverse of ``yCbCr()``.
    public func rgbFromYCbCr() -> ImageBatch { mapped(range: range) { Self.fromYCbCr.product($0) } }

    /// The adjoint of ``rgbFromYCbCr()``: gradients with respect to Y', Cb and Cr, given those with respect to RGB, which
    /// this batch holds.
    public func rgbFromYCbCrBackward() -> ImageBatch { mapped(range: range) { Self.fromYCbCr.transposeProduct($0) } }

    /// Luma alone: [count, 1, side, side] in the pictures' range.
    public func luma() -> ImageBatch {
        precondition(channels == 3, "luma is of RGB")
        let area = side * side
        var result = [Float](repeating: 0, count: count * area)
        for image in 0..<count {
            for i in 0..<area {
                var sum = 0.0
                for c in 0..<3 { sum += Self.weights[c] * Double(planes[image * stride + c * area + i]) }
                result[image * area + i] = Float(sum)
            }
        }
        return ImageBatch(result, side: side, channels: 1, range: range)
    }

    /// The adjoint of ``luma()``: gradients with respect to RGB, given those with respect to luma, which this batch holds.
    public func lumaBackward() -> ImageBatch {
        precondition(channels == 1, "gradients of luma have one plane")
        let area = side * side
        var result = [Float](repeating: 0, count: 3 * planes.count)
        for image in 0..<count {
            for c in 0..<3 {
                for i in 0..<area {
                    result[(3 * image + c) * area + i] = Float(Self.weights[c] * Double(planes[image * area + i]))
                }
            }
        }
        return ImageBatch(result, side: side, range: range)
    }
}

/// CIE Lab, D65, of sRGB (IEC 61966-2-1).
extension ImageBatch {
    /// The range of L; a and b are about −128 to 127.
    public static let labRange: ClosedRange<Float> = 0...100

    /// L, a and b of sRGB; values beyond black and full go on along the same curves.
    public func lab() -> ImageBatch {
        let scale = scale
        return mapped(range: ImageBatch.labRange) { Lab.fromSRGB(scale.toUnit($0)) }
    }

    /// The adjoint of ``lab()`` at these pictures.
    ///
    /// - Parameter gradients: With respect to L, a and b.
    /// - Returns: With respect to RGB.
    public func labBackward(_ gradients: ImageBatch) -> ImageBatch {
        let scale = scale
        return mapped(with: gradients, range: range) { Lab.fromSRGBBackward(scale.toUnit($0), $1) / scale.width }
    }

    /// SRGB of L, a and b: the inverse of ``lab()``.
    ///
    /// - Parameter range: The values of black and of full in the result.
    /// - Returns: RGB of the same size.
    public func rgbFromLab(range: ClosedRange<Float> = ImageBatch.signed) -> ImageBatch {
        let scale = UnitScale(range)
        return mapped(range: range) { scale.fromUnit(Lab.toSRGB($0)) }
    }

    /// The adjoint of ``rgbFromLab(range:)`` at this batch's L, a and b.
    ///
    /// - Parameter gradients: With respect to RGB.
    /// - Returns: With respect to L, a and b.
    public func rgbFromLabBackward(_ gradients: ImageBatch) -> ImageBatch {
        let scale = UnitScale(gradients.range)
        return mapped(with: gradients, range: range) { Lab.toSRGBBackward($0, $1 * scale.width) }
    }

    private var scale: UnitScale { UnitScale(range) }
}

/// Between a batch's range and 0…1.
private struct UnitScale {
    let low: Double
    let width: Double

    init(_ range: ClosedRange<Float>) {
        low = Double(range.lowerBound)
        width = Double(range.upperBound) - low
    }

    func toUnit(_ x: SIMD3<Double>) -> SIMD3<Double> { (x - low) / width }
    func fromUnit(_ x: SIMD3<Double>) -> SIMD3<Double> { x * width + low }
}

extension ImageBatch {
    /// A function of every pixel's three values.
    fileprivate func mapped(
        range: ClosedRange<Float>, _ body: (SIMD3<Double>) -> SIMD3<Double>
    ) -> ImageBatch {
        mapped(with: nil, range: range) { x, _ in body(x) }
    }

    /// A function of every pixel's three values and those of another batch.
    fileprivate func mapped(
        with other: ImageBatch?, range: ClosedRange<Float>, _ body: (SIMD3<Double>, SIMD3<Double>) -> SIMD3<Double>
    ) -> ImageBatch {
        precondition(channels == 3, "colours have three planes")
        precondition(other.map { $0.planes.count == planes.count && $0.side == side } ?? true, "shapes differ")
        let area = side * side
        var result = [Float](repeating: 0, count: planes.count)
        func pixel(_ planes: [Float], _ at: Int) -> SIMD3<Double> {
            SIMD3(Double(planes[at]), Double(planes[at + area]), Double(planes[at + 2 * area]))
        }
        for image in 0..<count {
            for at in image * stride..<image * stride + area {
                let value = body(pixel(planes, at), other.map { pixel($0.planes, at) } ?? .zero)
                for c in 0..<3 { result[at + c * area] = Float(value[c]) }
            }
        }
        return ImageBatch(result, side: side, range: range)
    }
}
