import Core
import Foundation
import Generators

/// MobileStyleGAN networks with random weights and any channels, for tests.
enum RandomNetwork {
    typealias Parameters = MobileStyleGANParameters

    /// A source of uniform numbers in [-1, 1).
    struct Source {
        private var state: UInt64

        init(seed: UInt64) { state = seed }

        mutating func values(_ count: Int, scale: Float = 1) -> [Float] {
            (0..<count).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return scale * (Float(state >> 40) / 8_388_608 - 1)
            }
        }

        mutating func modulation(_ channels: Int, latent: Int) -> Parameters.Modulation {
            Parameters.Modulation(
                weight: values(channels * latent, scale: 0.3), bias: values(channels), scale: 0.75)
        }

        mutating func convolution(from c: Int, to m: Int, side: Int, latent: Int) -> Parameters.Convolution {
            Parameters.Convolution(
                modulation: modulation(c, latent: latent), depthwise: values(c * 9, scale: 0.7),
                pointwise: values(m * c, scale: 3 / Float(c).squareRoot()), noise: values(side * side, scale: 0.3),
                bias: values(m, scale: 0.3))
        }
    }

    /// A network of latent size 32 that begins with `start` channels at 4×4; each of `channels` is a layer.
    static func make(start: Int, channels: [Int], seed: UInt64) -> Parameters {
        var source = Source(seed: seed)
        let latent = 32
        var layers: [Parameters.Layer] = []
        var (input, side) = (start, 4)
        for output in channels {
            side *= 2
            layers.append(
                Parameters.Layer(
                    channels: output, up: source.modulation(input, latent: latent),
                    first: source.convolution(from: input / 4, to: output, side: side, latent: latent),
                    second: source.convolution(from: output, to: output, side: side, latent: latent)))
            input = output
        }
        return Parameters(
            latentSize: latent, startResolution: 4, startChannels: start, constant: source.values(start * 16),
            startModulation: source.modulation(start, latent: latent),
            startWeight: source.values(start * start * 9, scale: 1 / Float(start).squareRoot()),
            startNoise: source.values(16, scale: 0.3), startBias: source.values(start, scale: 0.3), layers: layers,
            imageModulation: source.modulation(input, latent: latent),
            imageWeight: source.values(12 * input, scale: 2 / Float(input).squareRoot()), imageBias: source.values(12))
    }
}

/// The largest difference between two arrays, infinite when one holds what is no number.
func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
    guard a.count == b.count else { return .infinity }
    return zip(a, b).reduce(0) { most, pair in
        let apart = abs(pair.0 - pair.1)
        return apart.isNaN ? .infinity : max(most, apart)
    }
}

/// |a − b| over |b|, infinite when the lengths differ.
func distance(_ a: [Float], _ b: [Float]) -> Float {
    guard a.count == b.count else { return .infinity }
    let apart = zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
    return apart / b.reduce(0) { $0 + $1 * $1 }.squareRoot()
}

/// The identity of a network that has no file.
func identity(
    _ architecture: String, resolution: Int, latent: Int, rows: Int, styleGAN2Rows: Int? = nil
) throws -> GeneratorIdentity {
    let text = """
        {"format": 1, "name": "random", "architecture": "\(architecture)", "sha256": "", "resolution": \(resolution),
        "latentSize": \(latent), "layers": \(rows), "styleGAN2Layers": \(styleGAN2Rows ?? (architecture == "stylegan2" ? rows : 0)),
        "sourceName": "", "sourceSHA256": "", "licence": "", "tensors": {}}
        """
    return try JSONDecoder().decode(GeneratorIdentity.self, from: Data(text.utf8))
}
