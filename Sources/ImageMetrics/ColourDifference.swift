import Foundation
import Images

/// Differences of colours as people see them: CIEDE2000 (CIE 142; Sharma, Wu and Dalal, 2005).
public enum ColourDifference {
    /// The difference of two colours of Lab; 1 is about what is just seen.
    public static func ciede2000(_ first: SIMD3<Double>, _ second: SIMD3<Double>) -> Double {
        let chroma = (hypot(first.y, first.z) + hypot(second.y, second.z)) / 2
        let seventh = pow(chroma, 7)
        let stretch = 1 + 0.5 * (1 - (seventh / (seventh + pow(25, 7))).squareRoot())
        let (a1, a2) = (first.y * stretch, second.y * stretch)
        let (c1, c2) = (hypot(a1, first.z), hypot(a2, second.z))
        let (h1, h2) = (hue(a1, first.z), hue(a2, second.z))
        // Hues go round; a grey has none and takes the other's.
        var turn = h2 - h1
        if c1 * c2 == 0 {
            turn = 0
        } else if turn > 180 {
            turn -= 360
        } else if turn < -180 {
            turn += 360
        }
        let hueDifference = 2 * (c1 * c2).squareRoot() * sine(turn / 2)
        var hue = h1 + h2
        if c1 * c2 != 0 {
            if abs(h1 - h2) > 180 { hue += hue < 360 ? 360 : -360 }
            hue /= 2
        }
        let (lightness, meanChroma) = ((first.x + second.x) / 2, (c1 + c2) / 2)
        let t =
            1 - 0.17 * cosine(hue - 30) + 0.24 * cosine(2 * hue) + 0.32 * cosine(3 * hue + 6)
            - 0.20 * cosine(4 * hue - 63)
        let middle = (lightness - 50) * (lightness - 50)
        let weights = (
            lightness: 1 + 0.015 * middle / (20 + middle).squareRoot(), chroma: 1 + 0.045 * meanChroma,
            hue: 1 + 0.015 * meanChroma * t
        )
        let meanSeventh = pow(meanChroma, 7)
        let rotation =
            -2 * (meanSeventh / (meanSeventh + pow(25, 7))).squareRoot()
            * sine(60 * exp(-pow((hue - 275) / 25, 2)))
        let parts = SIMD3(
            (second.x - first.x) / weights.lightness, (c2 - c1) / weights.chroma, hueDifference / weights.hue)
        return ((parts * parts).sum() + rotation * parts.y * parts.z).squareRoot()
    }

    /// The difference at every pixel of two batches of the same shape, RGB in [-1, 1].
    ///
    /// - Returns: [count, side, side].
    public static func ciede2000(_ first: ImageBatch, _ second: ImageBatch) -> [Float] {
        precondition(first.planes.count == second.planes.count && first.side == second.side, "shapes differ")
        let (a, b) = (first.lab().planes, second.lab().planes)
        let area = first.side * first.side
        return (0..<first.count * area).map { i in
            let at = i / area * 3 * area + i % area
            func colour(_ planes: [Float]) -> SIMD3<Double> {
                SIMD3(Double(planes[at]), Double(planes[at + area]), Double(planes[at + 2 * area]))
            }
            return Float(ciede2000(colour(a), colour(b)))
        }
    }

    /// In degrees from 0 to 360; 0 for grey.
    private static func hue(_ a: Double, _ b: Double) -> Double {
        if a == 0 && b == 0 { return 0 }
        let angle = atan2(b, a) * 180 / .pi
        return angle < 0 ? angle + 360 : angle
    }

    private static func sine(_ degrees: Double) -> Double { sin(degrees * .pi / 180) }
    private static func cosine(_ degrees: Double) -> Double { cos(degrees * .pi / 180) }
}
