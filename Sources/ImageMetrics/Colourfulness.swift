import Foundation
import Images

/// How colourful a picture is (Hasler and Süsstrunk, 2003), in 8-bit steps: 0 for grey, about 45 for a portrait.
public enum Colourfulness {
    /// √(σ²(rg) + σ²(yb)) + 0.3 √(μ²(rg) + μ²(yb)), with rg = R − G and yb = (R + G) / 2 − B.
    public static func value(of image: Image) -> Double {
        var (sum, squares) = (SIMD2<Double>.zero, SIMD2<Double>.zero)
        let count = image.width * image.height
        for i in 0..<count {
            let (r, g, b) = (
                Double(image.pixels[3 * i]), Double(image.pixels[3 * i + 1]), Double(image.pixels[3 * i + 2])
            )
            let opponents = SIMD2(r - g, (r + g) / 2 - b)
            sum += opponents
            squares += opponents * opponents
        }
        let mean = sum / Double(count)
        let variance = squares / Double(count) - mean * mean
        return max(0, variance.sum()).squareRoot() + 0.3 * (mean * mean).sum().squareRoot()
    }
}
