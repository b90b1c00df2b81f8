import Core
import Faces
import Foundation
import Images

/// Random changes of a training picture, drawn from a stream of its own for each (seed, epoch, sample), so that a resumed
/// run sees the same pictures as an undisturbed one.
///
/// The strengths are for CelebA as training ground and generated faces as the place of use: those are sharper and cleaner,
/// centred like FFHQ, and lit otherwise.
public struct Augmentation: Sendable, Codable, Equatable {
    /// Chance of a mirrored picture.
    public var flip = 0.5
    /// Largest natural logarithm of the change of scale.
    public var scale = 0.1
    /// Standard deviation of the rotation in degrees, cut at twice that.
    public var rotation = 4.0
    /// Largest shift in parts of the window's side.
    public var shift = 0.04
    /// Strength of the changes of brightness, contrast, saturation, tint and gamma; 1 is usual.
    public var colour = 1.0
    /// Chance of a Gaussian blur.
    public var blur = 0.15
    /// Chance of sharpening.
    public var sharpen = 0.3
    /// Chance of a pass through JPEG at quality 35…90.
    public var jpeg = 0.15
    /// Chance of Gaussian noise.
    public var noise = 0.1
    /// Chance of a covered rectangle.
    public var cutout = 0.3
    /// Chance that a picture is mixed with another one and so are their labels (Zhang et al., 2018).
    public var mixup = 0.0

    public init() {}

    /// No change at all.
    public static var none: Augmentation {
        var result = Augmentation()
        result.flip = 0
        result.scale = 0
        result.rotation = 0
        result.shift = 0
        result.colour = 0
        result.blur = 0
        result.sharpen = 0
        result.jpeg = 0
        result.noise = 0
        result.cutout = 0
        return result
    }

    /// Writes one changed picture as planes [3, size, size] in about [-1, 1].
    func apply(
        _ image: Image, frame: FaceFrame, size: Int, random: inout CounterRandom,
        into planes: UnsafeMutableBufferPointer<Float>
    ) {
        Warp(self, image, frame: frame, random: &random).sample(image, size: size, into: planes)
        if colour > 0 { ColourChange(strength: Float(colour), random: &random).apply(planes) }
        if random.chance(blur) {
            Filters.gaussianBlur(planes, size: size, sigma: random.uniform(0.3, 0.9) * Float(size) / 80)
        } else if random.chance(sharpen) {
            Filters.sharpen(planes, size: size, amount: random.uniform(0.2, 1.5), sigma: random.uniform(0.5, 1.2))
        }
        if random.chance(noise) {
            let deviation = random.uniform(0.01, 0.05)
            for i in planes.indices { planes[i] += deviation * random.normal() }
        }
        if random.chance(jpeg) { Filters.jpeg(planes, size: size, quality: 35 + Int(random.uniform(0, 55))) }
        if random.chance(cutout) { Filters.cutout(planes, size: size, random: &random) }
    }
}

/// The affine map from the classifier's picture into the source picture.
struct Warp {
    private let origin: SIMD2<Float>
    private let right: SIMD2<Float>
    private let down: SIMD2<Float>

    /// Draws flip, scale, rotation and shift.
    init(_ settings: Augmentation, _ image: Image, frame: FaceFrame, random: inout CounterRandom) {
        let window = frame.wholeWindow(width: image.width, height: image.height)
        let side = Float(window.side)
        let limit = Float(settings.scale)
        let zoom = exp(random.uniform(-limit, limit))
        let aspect = exp(random.uniform(-limit, limit) * 0.3)
        let normal = min(max(random.normal(), -2), 2)
        let angle = normal * Float(settings.rotation) * .pi / 180
        let reach = Float(settings.shift) * side
        let shift = SIMD2(random.uniform(-reach, reach), random.uniform(-reach, reach))
        let mirror: Float = random.chance(settings.flip) ? -1 : 1
        right = SIMD2(cos(angle), sin(angle)) * (side * zoom * aspect * mirror)
        down = SIMD2(-sin(angle), cos(angle)) * (side * zoom / aspect)
        origin = SIMD2(Float(window.x) + side / 2, Float(window.y) + side / 2) + shift - 0.5
    }

    /// Bilinear samples at pixel centres, edge pixels repeated: planes [3, size, size] in [-1, 1].
    func sample(_ image: Image, size: Int, into planes: UnsafeMutableBufferPointer<Float>) {
        let width = image.width
        let lastColumn = width - 1
        let lastRow = image.height - 1
        let step = 1 / Float(size)
        let area = size * size
        image.pixels.withUnsafeBufferPointer { source in
            func pixel(_ x: Int, _ y: Int) -> SIMD3<Float> {
                let at = 3 * (y * width + x)
                return SIMD3(Float(source[at]), Float(source[at + 1]), Float(source[at + 2]))
            }
            for v in 0..<size {
                let rowStart = origin + ((Float(v) + 0.5) * step - 0.5) * down
                for u in 0..<size {
                    let at = rowStart + ((Float(u) + 0.5) * step - 0.5) * right
                    let x = min(max(at.x, 0), Float(lastColumn))
                    let y = min(max(at.y, 0), Float(lastRow))
                    let x0 = Int(x)
                    let y0 = Int(y)
                    let x1 = min(x0 + 1, lastColumn)
                    let y1 = min(y0 + 1, lastRow)
                    let fx = x - Float(x0)
                    let fy = y - Float(y0)
                    let top = pixel(x0, y0) * (1 - fx) + pixel(x1, y0) * fx
                    let bottom = pixel(x0, y1) * (1 - fx) + pixel(x1, y1) * fx
                    let value = (top * (1 - fy) + bottom * fy) / 127.5 - 1
                    let position = v * size + u
                    planes[position] = value.x
                    planes[area + position] = value.y
                    planes[2 * area + position] = value.z
                }
            }
        }
    }
}

/// Brightness, contrast, saturation, tint and gamma.
package struct ColourChange: Sendable {
    private let gain: SIMD3<Float>
    private let brightness: Float
    private let saturation: Float
    private let gamma: Float

    package init(strength: Float, random: inout CounterRandom) {
        let contrast = exp(random.uniform(-0.25, 0.25) * strength)
        let tint = SIMD3(random.uniform(-1, 1), random.uniform(-1, 1), random.uniform(-1, 1)) * (0.06 * strength)
        gain = contrast * (SIMD3<Float>(repeating: 1) + tint)
        brightness = random.uniform(-0.15, 0.15) * strength
        saturation = exp(random.uniform(-0.35, 0.35) * strength)
        gamma = random.chance(0.5) ? exp(random.uniform(-0.25, 0.25) * strength) : 1
    }

    /// Changes planes [3, n] of values around [-1, 1] in place.
    func apply(_ planes: UnsafeMutableBufferPointer<Float>) {
        let area = planes.count / 3
        for i in 0..<area {
            var value = SIMD3(planes[i], planes[area + i], planes[2 * area + i])
            if gamma != 1 {
                let unit = (value + 1) * 0.5
                value = SIMD3(pow(unit.x, gamma), pow(unit.y, gamma), pow(unit.z, gamma)) * 2 - 1
            }
            value = linear(value)
            value.clamp(lowerBound: SIMD3(repeating: -1), upperBound: SIMD3(repeating: 1))
            planes[i] = value.x
            planes[area + i] = value.y
            planes[2 * area + i] = value.z
        }
    }

    /// All of it but gamma.
    private func linear(_ value: SIMD3<Float>) -> SIMD3<Float> {
        let grey = 0.299 * value.x + 0.587 * value.y + 0.114 * value.z
        return (grey + (value - grey) * saturation) * gain + brightness
    }

    /// Changes planes [3, n] in place by all but gamma, without an end at black and white, so that there is a way back.
    package func applyLinear(_ planes: UnsafeMutableBufferPointer<Float>) { mapped(planes) { linear($0) } }

    /// The adjoint of ``applyLinear(_:)``.
    package func linearBackward(_ planes: UnsafeMutableBufferPointer<Float>) {
        mapped(planes) { gradient in
            let scaled = gradient * gain
            return saturation * scaled + (1 - saturation) * scaled.sum() * SIMD3(0.299, 0.587, 0.114)
        }
    }

    private func mapped(_ planes: UnsafeMutableBufferPointer<Float>, _ body: (SIMD3<Float>) -> SIMD3<Float>) {
        let area = planes.count / 3
        for i in 0..<area {
            let value = body(SIMD3(planes[i], planes[area + i], planes[2 * area + i]))
            (planes[i], planes[area + i], planes[2 * area + i]) = (value.x, value.y, value.z)
        }
    }
}
