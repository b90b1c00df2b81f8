import Core
import Foundation
import Generators
import Images
import Latents
import Weights

/// An architecture of its own: 64 × 64 pixels of one colour, which is linear in the code.
///
/// It has two own rows, one for red and green and one for blue, of StyleGAN2's ten at that resolution.
struct ToyNetwork: GeneratorNetwork {
    static let architecture = "toy"
    static func owns(_ file: SafetensorsFile) -> Bool { file.tensors["synthesis.colours"] != nil }

    var colours: [Float]
    let latentSize = 8
    let resolution = 64
    let layout = CodeLayout(canonicalRow: [2, 7], canonicalRows: 10)
    var tensors: [String: TensorData] { ["synthesis.colours": TensorData(colours, shape: [3, 8])] }

    init(_ file: SafetensorsFile, name: String) throws {
        guard let tensor = file.tensors["synthesis.colours"], tensor.shape == [3, 8] else {
            throw Failure(name, "has no tensor synthesis.colours of shape [3, 8]", "import the generator again")
        }
        colours = try tensor.floats()
    }

    init(colours: [Float]) { self.colours = colours }

    func engine(identity: GeneratorIdentity, threads: Int) throws -> (any Synthesizer)? {
        ToySynthesizer(identity: identity, network: self)
    }
}

struct ToySynthesizer: GradientSynthesizer {
    let identity: GeneratorIdentity
    let network: ToyNetwork
    var sizes: [Int] { [64] }

    func synthesize(_ codes: LatentCodes, size: Int, noise: NoiseMode) throws -> ImageBatch {
        let own = try network.layout.own(codes, name: identity.name)
        let planes = (0..<own.count * 3).flatMap { at in
            let row = (at / 3 * own.rows + (own.rows > 1 && at % 3 == 2 ? 1 : 0)) * 8
            let value = (0..<8).reduce(Float(0)) { $0 + network.colours[at % 3 * 8 + $1] * own.values[row + $1] }
            return [Float](repeating: value, count: size * size)
        }
        return ImageBatch(planes, side: size)
    }

    func backward(_ codes: LatentCodes, size: Int, noise: NoiseMode, gradients: ImageBatch) throws -> [Float] {
        let own = try network.layout.own(codes, name: identity.name)
        var result = [Float](repeating: 0, count: own.values.count)
        for at in 0..<own.count * 3 {
            let row = (at / 3 * own.rows + (own.rows > 1 && at % 3 == 2 ? 1 : 0)) * 8
            let sum = gradients.planes[at * size * size..<(at + 1) * size * size].reduce(0, +)
            for k in 0..<8 { result[row + k] += sum * network.colours[at % 3 * 8 + k] }
        }
        return network.layout.scatter(result, like: codes)
    }
}
