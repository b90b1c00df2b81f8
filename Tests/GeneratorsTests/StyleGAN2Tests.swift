import Core
import Foundation
import Generators
import Latents
import Tensors
import Testing
import Weights

/// Tests/Fixtures/stylegan2: small generators written by NVIDIA's and rosinality's code, and what that code makes of them
/// (Tests/Fixtures/make_stylegan2_files.py).
enum Foreign {
    static let folder = Reference.repository + "/Tests/Fixtures/stylegan2"

    static let arrays = Result<[String: TensorData], any Error> { try NumpyFile.readArchive(folder + "/expected.npz") }

    static func floats(_ name: String) throws -> [Float] {
        try #require(try arrays.get()[name], "the fixture has no \(name)").floats()
    }

    /// The generator of a fixture, imported into a folder of its own.
    static func load(_ file: String, label: Int? = nil) throws -> Generator {
        let model = Reference.folder + "/\(file)-\(UUID().uuidString)"
        _ = try Generator.importFile(folder + "/" + file, folder: model, label: label)
        return try Generator.load(folder: model)
    }

    /// Largest |a − b| over the largest |b|.
    static func relative(_ a: [Float], _ b: [Float]) -> Float {
        largestDifference(a, b) / b.reduce(0) { max($0, abs($1)) }
    }
}

struct StyleGAN2Case: Sendable, CustomTestStringConvertible {
    var file: String
    var label: Int?
    var resolution = 32
    var rows = 8
    var testDescription: String { file }
    var name: String { (file as NSString).deletingPathExtension }

    static let all = [
        StyleGAN2Case(file: "ada-skip.pkl"),
        StyleGAN2Case(file: "ada-resnet.pkl", label: 3, resolution: 64, rows: 10),
        StyleGAN2Case(file: "ada-orig.pkl", resolution: 16, rows: 6),
        StyleGAN2Case(file: "tf-skip.pkl"),
        StyleGAN2Case(file: "tf-resnet.pkl", resolution: 16, rows: 6),
        StyleGAN2Case(file: "rosinality.pt"),
        StyleGAN2Case(file: "rosinality-legacy.pt", resolution: 16, rows: 6),
        StyleGAN2Case(file: "psp.pt", resolution: 16, rows: 6),
    ]
}

@Suite struct StyleGAN2Tests {
    @Test(arguments: StyleGAN2Case.all) func equalsItsOwnCode(_ given: StyleGAN2Case) throws {
        let generator = try Foreign.load(given.file, label: given.label)
        #expect(generator.identity.resolution == given.resolution)
        #expect(generator.identity.layers == given.rows)
        #expect(generator.identity.architecture == "stylegan2")
        let w = try generator.mapping.map(Foreign.floats(given.name + ".z"), count: 2)
        #expect(Foreign.relative(w, try Foreign.floats(given.name + ".w")) < 1e-5)
        if let mean = try Foreign.arrays.get()[given.name + ".mean"] {
            #expect(generator.meanLatent == (try mean.floats()))
            #expect(generator.identity.meanLatentIsMeasured == false)
        } else {
            #expect(generator.identity.meanLatentIsMeasured == true)
        }
        let size = generator.identity.latentSize
        let codes = try LatentCodes(Foreign.floats(given.name + ".w"), size: size)
        let plus = try LatentCodes(Foreign.floats(given.name + ".plus"), rows: given.rows, size: size)
        for engine in Generator.Engine.allCases {
            let synthesizer = try generator.synthesizer(engine)
            for (noise, key) in [(NoiseMode.none, ".none"), (.constant, ".const")] {
                let images = try synthesizer.synthesize(codes, size: given.resolution, noise: noise).planes
                #expect(
                    Foreign.relative(images, try Foreign.floats(given.name + key)) < 2e-5, "\(engine), \(noise)")
            }
            let images = try synthesizer.synthesize(plus, size: given.resolution, noise: .none).planes
            #expect(Foreign.relative(images, try Foreign.floats(given.name + ".plus.none")) < 2e-5, "\(engine)")
        }
    }

    @Test(.enabled(if: Torch.cudaDevices > 0, "there is no CUDA device"))
    func cudaGivesTheSameImages() throws {
        try Torch.setCUDAModes(deterministic: false, tf32: false)
        for name in ["ada-skip", "rosinality"] {
            let file = name + (name == "ada-skip" ? ".pkl" : ".pt")
            let generator = try Foreign.load(file)
            let codes = try LatentCodes(Foreign.floats(name + ".w"), size: generator.identity.latentSize)
            let synthesizer = try generator.synthesizer(device: .cuda(0))
            for (noise, key) in [(NoiseMode.none, ".none"), (.constant, ".const")] {
                let images = try synthesizer.synthesize(codes, size: 32, noise: noise).planes
                #expect(Foreign.relative(images, try Foreign.floats(name + key)) < 1e-4, "\(file), \(noise)")
            }
        }
    }

    /// Debian's libtorch has no convolutions in half precision on a CPU, PyTorch 2's has.
    @Test(arguments: ["ada-skip", "tf-skip"]) func halfPrecisionIsNear(_ name: String) throws {
        let generator = try Foreign.load(name + ".pkl")
        guard name == "ada-skip" else {
            // A network without limits on its activations was not trained for it.
            let failure = #expect(throws: Failure.self) { try generator.synthesizer(isHalf: true) }
            #expect(failure?.kind == .usage && failure?.subject == "half precision")
            return
        }
        let codes = try LatentCodes(Foreign.floats(name + ".w"), size: generator.identity.latentSize)
        let synthesizer = try generator.synthesizer(isHalf: true)
        guard !Torch.version.hasPrefix("1.") else {
            let failure = #expect(throws: Failure.self) { try synthesizer.synthesize(codes, size: 32, noise: .none) }
            #expect(failure?.problem.contains("Half") == true)
            return
        }
        for (noise, key) in [(NoiseMode.none, ".none"), (.constant, ".const")] {
            let images = try synthesizer.synthesize(codes, size: 32, noise: noise).planes
            let apart = Foreign.relative(images, try Foreign.floats(name + key))
            #expect(apart < 1e-2 && apart > 1e-6, "\(noise): \(apart)")
        }
    }

    @Test func importingAgainGivesTheSameBytes() throws {
        let first = try Foreign.load("ada-skip.pkl")
        let second = try Foreign.load("ada-skip.pkl")
        #expect(first.identity.sha256 == second.identity.sha256)
        #expect(first.identity.source == "NVIDIA's PyTorch pickle")
    }

    @Test func conditionalNetworksNeedAClass() throws {
        let path = Foreign.folder + "/ada-resnet.pkl"
        for label in [nil, -1, 5] {
            let failure = #expect(throws: Failure.self) { try ForeignGenerator.read(path, label: label) }
            #expect(failure?.description.contains("class from 0 to 4") == true)
        }
        #expect(throws: Failure.self) { try ForeignGenerator.read(Foreign.folder + "/ada-skip.pkl", label: 0) }
        #expect(throws: Failure.self) { try ForeignGenerator.read(Foreign.folder + "/psp.pt", label: 0) }
        let one = try Foreign.load("ada-resnet.pkl", label: 1)
        let other = try Foreign.load("ada-resnet.pkl", label: 2)
        #expect(one.identity.sha256 != other.identity.sha256)
        #expect(one.identity.label == 1)
    }

    @Test func aliasFreeGeneratorsAreRefused() {
        let failure = #expect(throws: Failure.self) { try ForeignGenerator.read(Foreign.folder + "/alias-free.pkl") }
        #expect(failure?.description.contains("StyleGAN3") == true)
    }

    @Test func randomNoiseFollowsFromTheCode() throws {
        let generator = try Foreign.load("ada-skip.pkl")
        let synthesizer = try generator.synthesizer()
        let w = try Foreign.floats("ada-skip.w")
        let both = try synthesizer.synthesize(LatentCodes(w, size: 64), size: 32, noise: .random).planes
        let second = try synthesizer.synthesize(LatentCodes(Array(w[64...]), size: 64), size: 32, noise: .random).planes
        #expect(largestDifference(Array(both[3072...]), second) < 1e-5)
        #expect(largestDifference(both, try Foreign.floats("ada-skip.none")) > 1e-2)
    }

    @Test func smallerImagesAreTheAreaAverage() throws {
        let generator = try Foreign.load("ada-resnet.pkl", label: 3)
        let synthesizer = try generator.synthesizer()
        #expect(synthesizer.sizes == [64])
        let failure = #expect(throws: Failure.self) {
            try synthesizer.synthesize(LatentCodes(Foreign.floats("ada-resnet.w"), size: 48), size: 32, noise: .none)
        }
        #expect(failure?.kind == .usage)
    }

    @Test func gradientsAreThoseOfDifferences() throws {
        let generator = try Foreign.load("ada-skip.pkl")
        let synthesis = try generator.tensorSynthesis()
        let w = Array(try Foreign.floats("ada-skip.w").prefix(64))
        func sum(_ w: [Float]) throws -> Float {
            try Torch.withoutGradients {
                try synthesis.synthesize(Tensor(w, shape: [1, 1, 64]), size: 32, noise: .none).squared().mean().item()
            }
        }
        let style = try Tensor(w, shape: [1, 1, 64]).requiringGradient()
        try synthesis.synthesize(style, size: 32, noise: .none).squared().mean().backward()
        let gradient = try style.gradient().floats()
        let step: Float = 1e-2 / gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let ahead = try sum(zip(w, gradient).map { $0 + step * $1 })
        let behind = try sum(zip(w, gradient).map { $0 - step * $1 })
        let expected = 2 * step * gradient.reduce(0) { $0 + $1 * $1 }
        #expect(abs((ahead - behind) / expected - 1) < 0.02)
    }

    @Test func exportsToRosinalitysLayout() throws {
        for file in ["ada-skip.pkl", "rosinality.pt", "tf-skip.pkl"] {
            let model = Reference.folder + "/export-\(UUID().uuidString)"
            _ = try Generator.importFile(Foreign.folder + "/" + file, folder: model)
            let note = try Generator.exportRosinality(folder: model, to: model + ".pt")
            #expect((note != nil) == (file == "ada-skip.pkl"))
            _ = try Generator.importFile(model + ".pt", folder: model + "-again")
            let name = (file as NSString).deletingPathExtension
            let again = try Generator.load(folder: model + "-again")
            let codes = try LatentCodes(again.mapping.map(Foreign.floats(name + ".z"), count: 2), size: 64)
            let images = try again.synthesizer().synthesize(codes, size: 32, noise: .constant).planes
            #expect(Foreign.relative(images, try Foreign.floats(name + ".const")) < 2e-5)
            #expect(again.meanLatent == (try Generator.load(folder: model).meanLatent))
        }
        let model = Reference.folder + "/export-\(UUID().uuidString)"
        _ = try Generator.importFile(Foreign.folder + "/ada-orig.pkl", folder: model)
        #expect(throws: Failure.self) { try Generator.exportRosinality(folder: model, to: model + ".pt") }
    }

    @Test func theNativeFormIsImportedAsItIs() throws {
        let model = Reference.folder + "/native-\(UUID().uuidString)"
        let identity = try Generator.importFile(Foreign.folder + "/ada-orig.pkl", folder: model)
        let again = try Generator.importFile(model + "/weights.safetensors", folder: model + "-again")
        #expect(again.sha256 == identity.sha256)
        #expect(again.layers == identity.layers)
        #expect(try Generator.load(folder: model + "-again").identity.resolution == 16)
        let other = Reference.folder + "/other.safetensors"
        try SafetensorsFile(tensors: ["a": TensorData([1], shape: [1])]).write(to: other)
        #expect(throws: Failure.self) { try Generator.importFile(other, folder: model + "-other") }
    }
}
