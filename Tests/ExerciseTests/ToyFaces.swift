import Core
import Foundation
import Generators
import Images
import Latents

/// A generator whose pictures are linear in w: a ground, and three patterns of which each component of w adds one.
///
/// Component 0 is a hat (a band on top), 1 is age (how light the disc is), 2 and 3 are the ground's colours.
struct ToyFaces: GradientSynthesizer {
    static let side = 32
    static let latentSize = 4
    let identity: GeneratorIdentity
    let sizes = [ToyFaces.side]
    /// What the patterns are multiplied by.
    let contrast: Float

    init(identity: GeneratorIdentity, contrast: Float) {
        self.identity = identity
        self.contrast = contrast
    }

    init() throws {
        contrast = 1
        let json = """
            {"format": 1, "name": "toy", "architecture": "toy", "sha256": "toy", "resolution": \(ToyFaces.side),
             "latentSize": \(ToyFaces.latentSize), "layers": 1, "styleGAN2Layers": 1, "sourceName": "", "sourceSHA256": "",
             "licence": "", "tensors": {}}
            """
        identity = try JSONDecoder().decode(GeneratorIdentity.self, from: Data(json.utf8))
    }

    /// What component k adds to a value of a picture.
    private static let patterns: [[Float]] = (0..<latentSize).map { component in
        (0..<3 * side * side).map { i in
            let (channel, y, x) = (i / (side * side), i / side % side, i % side)
            let (dx, dy) = (Float(x) - 15.5, Float(y) - 18.5)
            let isDisc = dx * dx + dy * dy < 81
            return switch component {
            case 0: y < 8 ? (channel == 0 ? 0.4 : -0.3) : 0
            case 1: isDisc ? 0.4 : 0
            default: !isDisc && y >= 8 && channel == component - 1 ? 0.2 : 0
            }
        }
    }

    func synthesize(_ codes: LatentCodes, size: Int, noise: NoiseMode) throws -> ImageBatch {
        var planes: [Float] = []
        for code in 0..<codes.count {
            planes += (0..<3 * size * size).map { i in
                (0..<codes.size).reduce(Float(-0.1)) {
                    $0 + contrast * codes.values[code * codes.size + $1] * ToyFaces.patterns[$1][i]
                }
            }
        }
        return ImageBatch(planes, side: size)
    }

    func backward(_ codes: LatentCodes, size: Int, noise: NoiseMode, gradients: ImageBatch) throws -> [Float] {
        (0..<codes.count).flatMap { code in
            ToyFaces.patterns.map { pattern in
                pattern.indices.reduce(Float(0)) {
                    $0 + contrast * pattern[$1] * gradients.planes[code * gradients.stride + $1]
                }
            }
        }
    }

    /// Codes of a seed, [count, 4].
    static func codes(seed: UInt64, count: Int) throws -> LatentCodes {
        try LatentCodes(LatentNoise(seed: seed, size: latentSize).rows(0..<UInt64(count)), size: latentSize)
    }

    /// A folder in CelebA's layout with two columns of its own: hat where w₀ > 0, age_over_40 where w₁ > 0.
    func writeFolder(_ path: String, count: Int) throws {
        let codes = try ToyFaces.codes(seed: 77, count: count)
        let pictures = try synthesize(codes, size: ToyFaces.side, noise: .none).images
        try AtomicFile.makeFolder("\(path)/img_align_celeba")
        var (labels, parts) = ("\(count)\nhat age_over_40\n", "")
        for (i, picture) in pictures.enumerated() {
            try picture.write(to: "\(path)/img_align_celeba/\(i).png")
            let row = (0..<2).map { codes.values[i * ToyFaces.latentSize + $0] > 0 ? "1" : "-1" }
            labels += "\(i).png \(row.joined(separator: " "))\n"
            parts += "\(i).png \(i < count * 7 / 10 ? 0 : i < count * 85 / 100 ? 1 : 2)\n"
        }
        try AtomicFile.write(labels, to: "\(path)/list_attr_celeba.txt")
        try AtomicFile.write(parts, to: "\(path)/list_eval_partition.txt")
    }
}
