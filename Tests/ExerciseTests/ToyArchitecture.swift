import Core
import Generators
import Latents
import Weights

/// An architecture of its own, from outside of the program: its faces are ``ToyFaces``, its one weight their contrast.
struct ToyArchitecture: GeneratorNetwork {
    static let architecture = "toy-faces"
    static func owns(_ file: SafetensorsFile) -> Bool { file.tensors["synthesis.contrast"] != nil }

    let contrast: Float
    let latentSize = ToyFaces.latentSize
    let resolution = ToyFaces.side
    let layout = CodeLayout(rows: 1)
    var tensors: [String: TensorData] { ["synthesis.contrast": TensorData([contrast], shape: [1])] }

    init(contrast: Float) { self.contrast = contrast }

    init(_ file: SafetensorsFile, name: String) throws {
        guard let tensor = file.tensors["synthesis.contrast"], tensor.shape == [1] else {
            throw Failure(name, "has no tensor synthesis.contrast of shape [1]", "import the generator again")
        }
        contrast = try tensor.floats()[0]
    }

    func engine(identity: GeneratorIdentity, threads: Int) throws -> (any Synthesizer)? {
        ToyFaces(identity: identity, contrast: contrast)
    }

    /// A model folder of it, whose mapping network only brings z to unit mean square and lets the negative side leak.
    static func write(to folder: String) throws {
        Generator.register(ToyArchitecture.self)
        let identity = (0..<16).map { Float($0 % 5 == 0 ? 1 : 0) }
        let layer = MappingNetwork.Layer(weight: identity, bias: [Float](repeating: 0, count: 4))
        try Generator.write(
            .init(network: ToyArchitecture(contrast: 1), mapping: [layer], licence: "none"), folder: folder)
    }
}
