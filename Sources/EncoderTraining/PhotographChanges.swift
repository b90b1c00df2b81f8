import Core
import Foundation
import Images

/// What happens to pictures before an encoder sees them: colours lost as films lose them, blur, grain, JPEG.
///
/// What is aimed at stays as it was.
enum PhotographChanges {
    /// How much red, green and blue a film sees.
    private static let films: [SIMD3<Float>] = [
        SIMD3(0.299, 0.587, 0.114), SIMD3(0.08, 0.55, 0.37), SIMD3(0.02, 0.13, 0.85), SIMD3(0.333, 0.333, 0.334),
        SIMD3(0.5, 0.4, 0.1),
    ]

    /// Changes one picture's planes [3, side, side] in [-1, 1].
    static func apply(_ planes: inout [Float], side: Int, isGrey: Bool, random: inout CounterRandom) {
        if isGrey { grey(&planes, area: side * side, random: &random) }
        if random.chance(isGrey ? 0.3 : 0.1) { blur(&planes, side: side) }
        if random.chance(isGrey ? 0.3 : 0.1) {
            let deviation = random.uniform(0.01, isGrey ? 0.08 : 0.03)
            if isGrey {
                let area = side * side
                for i in 0..<area {
                    let grain = deviation * random.normal()
                    for channel in 0..<3 { planes[channel * area + i] += grain }
                }
            } else {
                for i in planes.indices { planes[i] += deviation * random.normal() }
            }
        }
        if random.chance(0.1) { jpeg(&planes, side: side, quality: 40 + random.index(50)) }
        for i in planes.indices { planes[i] = min(max(planes[i], -1), 1) }
    }

    private static func grey(_ planes: inout [Float], area: Int, random: inout CounterRandom) {
        // Half of the greys are Rec. 601's own, without any change of tone.
        let isPlain = random.chance(0.5)
        var film = films[0]
        var (gamma, gain, shift): (Float, Float, Float) = (1, 1, 0)
        if !isPlain {
            let (a, b, t) = (films[random.index(films.count)], films[random.index(films.count)], random.uniform(0, 1))
            film = a * t + b * (1 - t)
            gamma = exp(random.uniform(-0.35, 0.35))
            gain = exp(random.uniform(-0.25, 0.15))
            shift = random.uniform(-0.12, 0.12)
        }
        for i in 0..<area {
            var value = film.x * planes[i] + film.y * planes[area + i] + film.z * planes[2 * area + i]
            if !isPlain { value = (2 * pow((min(max(value, -1), 1) + 1) / 2, gamma) - 1) * gain + shift }
            for channel in 0..<3 { planes[channel * area + i] = value }
        }
    }

    /// A binomial filter of three pixels both ways.
    private static func blur(_ planes: inout [Float], side: Int) {
        let area = side * side
        for channel in 0..<planes.count / area {
            let start = channel * area
            for step in [1, side] {
                let source = Array(planes[start..<start + area])
                for i in 0..<area {
                    let place = step == 1 ? i % side : i / side
                    let before = place > 0 ? source[i - step] : source[i]
                    let behind = place < side - 1 ? source[i + step] : source[i]
                    planes[start + i] = (before + 2 * source[i] + behind) / 4
                }
            }
        }
    }

    private static func jpeg(_ planes: inout [Float], side: Int, quality: Int) {
        let image = ImageBatch(planes, side: side).images[0]
        guard let data = try? image.encodedJPEG(quality: quality),
            let read = try? Image.decode(data, name: "picture")
        else { return }
        planes = ImageBatch([read], side: side).planes
    }
}
