import Core
import Foundation
import Generators
import Latents
import Testing
import Weights

/// Tests/Fixtures/checkpoints: the forms in which people have a generator, and what its own code makes of it
/// (Tests/Fixtures/make_checkpoints.py).
private enum Checkpoints {
    static let folder = Reference.repository + "/Tests/Fixtures/checkpoints"

    static let arrays = Result<[String: TensorData], any Error> { try NumpyFile.readArchive(folder + "/expected.npz") }

    static func floats(_ name: String) throws -> [Float] {
        try #require(try arrays.get()[name], "the fixture has no \(name)").floats()
    }

    static func load(_ path: String, label: Int? = nil) throws -> Generator {
        let model = Reference.folder + "/checkpoint-\(UUID().uuidString)"
        _ = try Generator.importFile(path, folder: model, label: label)
        return try Generator.load(folder: model)
    }

    /// rosinality's state of a fixture after a change, as a file of its own.
    static func changed(_ file: String = "rosinality-generator.pt", _ change: (inout [TorchValue.Entry]) -> Void) throws
        -> String
    {
        var value = try TorchFile.read("\(folder)/\(file)")
        if let inner = value["generator"] ?? value["params_ema"] { value = inner }
        guard case .dictionary(var entries) = value else { throw Failure(file, "is no dictionary") }
        change(&entries)
        let path = Reference.folder + "/changed-\(UUID().uuidString).pt"
        try TorchFile.write(.dictionary(entries), to: path)
        return path
    }

    static func problem(_ path: String) -> String {
        do {
            _ = try ForeignGenerator.read(path)
            return "none"
        } catch { return "\(error)" }
    }
}

struct CheckpointCase: Sendable, CustomTestStringConvertible {
    var file: String
    var name: String
    var label: Int?
    var resolution = 16
    var testDescription: String { file }

    static let all = [
        CheckpointCase(file: "pti.pt", name: "nvidia"),
        CheckpointCase(file: "pti-dictionary.pt", name: "nvidia"),
        CheckpointCase(file: "pti-legacy.pt", name: "nvidia"),
        CheckpointCase(file: "nvidia-state.pt", name: "nvidia"),
        CheckpointCase(file: "nvidia-state.safetensors", name: "nvidia"),
        CheckpointCase(file: "nvidia-nested.pt", name: "nvidia"),
        CheckpointCase(file: "nvidia-protocol0.pkl", name: "nvidia"),
        CheckpointCase(file: "nvidia-protocol2.pkl", name: "nvidia"),
        CheckpointCase(file: "nvidia-grey.pkl", name: "nvidia-grey"),
        CheckpointCase(file: "rosinality.safetensors", name: "rosinality"),
        CheckpointCase(file: "rosinality-generator.pt", name: "rosinality"),
        CheckpointCase(file: "rosinality-module.pt", name: "rosinality"),
        CheckpointCase(file: "rosinality-parallel.pt", name: "rosinality"),
        CheckpointCase(file: "beside.pt", name: "rosinality"),
        CheckpointCase(file: "basicsr.pth", name: "basicsr"),
        CheckpointCase(file: "tf-joined.pkl", name: "tf-joined", label: 2, resolution: 8),
        CheckpointCase(file: "tf-embedded.pkl", name: "tf-embedded", label: 1, resolution: 8),
        CheckpointCase(file: "tf-grey.pkl", name: "tf-grey", resolution: 8),
    ]
}

@Suite struct CheckpointTests {
    @Test(arguments: CheckpointCase.all) func `a checkpoint of any form equals its own code`(_ given: CheckpointCase)
        throws
    {
        let generator = try Checkpoints.load("\(Checkpoints.folder)/\(given.file)", label: given.label)
        #expect(generator.identity.resolution == given.resolution)
        let w = try generator.mapping.map(Checkpoints.floats(given.name + ".z"), count: 2)
        #expect(Foreign.relative(w, try Checkpoints.floats(given.name + ".w")) < 1e-5)
        if let mean = try Checkpoints.arrays.get()[given.name + ".mean"] {
            #expect(generator.meanLatent == (try mean.floats()))
        }
        let codes = try LatentCodes(Checkpoints.floats(given.name + ".w"), size: generator.identity.latentSize)
        let images = try generator.synthesizer().synthesize(codes, size: given.resolution, noise: .constant).planes
        #expect(Foreign.relative(images, try Checkpoints.floats(given.name + ".const")) < 2e-5)
    }

    @Test func `numbers and NumPy's arrays beside the weights are read`() throws {
        let value = try TorchFile.read(Checkpoints.folder + "/beside.pt")
        #expect(value["best"] == .float(1.5) && value["steps"] == .integer(12) && value["flag"] == .bool(true))
        #expect(try value["losses"]?.tensor?.floats() == [0, 1, 2, 3])
        #expect(value["log"]?["a"] == .list([.integer(1), .integer(2)]))
        guard case .float(let rate)? = value["opts"]?["rate"] else {
            Issue.record("the option is lost")
            return
        }
        #expect(Float(rate) == 0.002)
        #expect(value["where"] == .other("pathlib.PosixPath"))
    }

    @Test(arguments: [
        ("style.3.weight", "style.3.weight"), ("style.3.bias", "style.3.bias"), ("style.3.", "style.3.weight"),
        ("style.1.", "style.1.weight"), ("style.", "no mapping network"), ("convs.1.", "convs.1.noise.weight"),
        ("convs.3.", "convs.3.noise.weight"), ("convs.3.conv.weight", "convs.3.conv.weight"),
        ("convs.2.noise.weight", "convs.2.noise.weight"), ("to_rgbs.1.", "to_rgbs.1.conv.weight"),
        ("noises.noise_2", "noises.noise_2"), ("convs.2.conv.modulation.bias", "convs.2.conv.modulation.bias"),
    ])
    func `what is missing is named`(_ prefix: String, _ expected: String) throws {
        let path = try Checkpoints.changed { $0.removeAll { $0.key.hasPrefix(prefix) } }
        #expect(Checkpoints.problem(path).contains(expected), "\(Checkpoints.problem(path))")
    }

    @Test func `the last layers are missed where anything tells of them`() throws {
        // All of the last level but its noise; then the last mapping layer of a file that says how many it has.
        let path = try Checkpoints.changed {
            $0.removeAll {
                $0.key.hasPrefix("convs.2.") || $0.key.hasPrefix("convs.3.") || $0.key.hasPrefix("to_rgbs.1.")
            }
        }
        #expect(Checkpoints.problem(path).contains("convs.2."))
        let short = try Checkpoints.changed { $0.removeAll { $0.key.hasPrefix("style.4.") } }
        guard case .dictionary(let entries) = try TorchFile.read(short) else { return }
        let file = TorchValue.dictionary([
            .init(key: "g_ema", value: .dictionary(entries)),
            .init(key: "args", value: .dictionary([.init(key: "n_mlp", value: .integer(4))])),
        ])
        try TorchFile.write(file, to: short)
        #expect(Checkpoints.problem(short).contains("style.4.weight"))
    }

    @Test(arguments: [
        "mapping.fc2.weight", "mapping.fc0.bias", "synthesis.b8.torgb.weight", "synthesis.b16.conv0.weight",
        "synthesis.b16.conv1.weight", "synthesis.b8.conv1.noise_strength",
    ])
    func `what is missing of NVIDIA's state is named`(_ key: String) throws {
        let path = try Checkpoints.changed("nvidia-state.pt") { $0.removeAll { $0.key == key } }
        #expect(Checkpoints.problem(path).contains(key))
    }

    @Test func `the average is taken where there are several`() throws {
        guard
            case .dictionary(let entries)? = try TorchFile.read(Checkpoints.folder + "/rosinality-generator.pt")[
                "generator"]
        else { throw Failure("fixture", "is no dictionary") }
        let zeros = try entries.map { entry -> TorchValue.Entry in
            let tensor = try #require(entry.value.tensor)
            return .init(
                key: entry.key,
                value: .tensor(TensorData([Float](repeating: 0, count: tensor.count), shape: tensor.shape)))
        }
        for name in ["g_ema", "params_ema", "generator_ema", "netG_EMA"] {
            let path = Reference.folder + "/several-\(name).pt"
            let file = TorchValue.dictionary([
                .init(key: "generator", value: .dictionary(zeros)), .init(key: name, value: .dictionary(entries)),
                .init(key: "zzz", value: .dictionary(zeros)),
            ])
            try TorchFile.write(file, to: path)
            #expect(try ForeignGenerator.read(path).network.constant.contains { $0 != 0 }, "\(name)")
        }
    }

    @Test(arguments: [
        ("encoder.pt", "is an encoder"), ("stylegan3.pt", "is a StyleGAN3 generator"),
        ("../torch/direction-zip.pt", "give codes as the source of faces"),
        ("../torch/mixed-zip.pt", "has no StyleGAN2 generator"),
    ])
    func `other files are named as what they are`(_ file: String, _ expected: String) {
        let text = Checkpoints.problem("\(Checkpoints.folder)/\(file)")
        #expect(text.contains(expected), "\(text)")
    }

    @Test func `folders are refused`() { #expect(Checkpoints.problem(Checkpoints.folder).contains("is a folder")) }
}
