import Core
import Editing
import Foundation
import Generators
import Images
import Latents
import Testing
import Weights

/// An architecture from outside of the module goes the way of those that it brings along.
@Suite struct RegistryTests {
    private static let model = NSTemporaryDirectory() + "/toy-\(getpid())"

    /// The toy as a model folder, read again.
    private static let generator = Result<Generator, any Error> {
        Generator.register(ToyNetwork.self)
        let network = ToyNetwork(colours: (0..<24).map { sin(Float($0) * 1.7) / 4 })
        let layers = (0..<2).map { k in
            MappingNetwork.Layer(
                weight: (0..<64).map { cos(Float($0 + 64 * k)) / 2 }, bias: [Float](repeating: 0.1, count: 8))
        }
        try Generator.write(.init(network: network, mapping: layers, licence: "none"), folder: model)
        return try Generator.load(folder: model)
    }

    @Test func isLoadedByTheNameInItsFolder() throws {
        let generator = try Self.generator.get()
        #expect(generator.identity.architecture == "toy" && Generator.architectures.contains("toy"))
        #expect(generator.identity.layers == 2 && generator.identity.styleGAN2Layers == 10)
        #expect(generator.identity.resolution == 64 && generator.network is ToyNetwork)
        #expect(generator.meanLatent.count == 8 && generator.meanLatent.contains { $0 != 0 })
        let again = try Generator.importFile(Self.model + "/weights.safetensors", folder: Self.model + "-again")
        #expect(again.sha256 == generator.identity.sha256 && again.architecture == "toy")
    }

    @Test func samplesSynthesizesAndEdits() throws {
        let generator = try Self.generator.get()
        let w = try generator.latents(seed: 3, indices: 0..<4, psi: 0.7)
        let synthesizer = try generator.synthesizer()
        let images = try synthesizer.synthesize(LatentCodes(w, size: 8), size: 64, noise: .none)
        #expect(images.count == 4 && Set(images.planes).count == 12)
        // Along the red weights, red alone is certain to rise; on canonical rows 7 and 8 of W+ blue alone changes.
        let network = try #require(generator.network as? ToyNetwork)
        let red = EditDirection(label: "Red", values: Array(network.colours[..<8]))
        let (all, rows) = try LatentEdit([.init(red, strength: 2)]).apply(to: w, rows: 1, size: 8, layerCount: 10)
        #expect(rows == 1)
        let edited = try synthesizer.synthesize(LatentCodes(all, size: 8), size: 64, noise: .none)
        for face in 0..<4 { #expect(edited.planes[face * images.stride] > images.planes[face * images.stride]) }
        let (some, many) = try LatentEdit([.init(red, strength: 2)], layers: generator.layout.range("7-8")).apply(
            to: w, rows: 1, size: 8, layerCount: 10)
        let part = try synthesizer.synthesize(LatentCodes(some, rows: many, size: 8), size: 64, noise: .none)
        for (index, (a, b)) in zip(part.planes, images.planes).enumerated() {
            #expect((abs(a - b) < 1e-6) == (index / 4096 % 3 < 2))
        }
    }

    @Test func gradientsReachCanonicalRows() throws {
        let generator = try Self.generator.get()
        let synthesizer = try generator.gradientSynthesizer()
        let codes = try LatentCodes((0..<2 * 80).map { sin(Float($0)) }, rows: 10, size: 8)
        let recorded = try synthesizer.record(codes, size: 64, noise: .none)
        let weights = ImageBatch((0..<2 * 3 * 4096).map { cos(Float($0)) }, side: 64)
        let gradients = try recorded.backward(weights)
        #expect(gradients.count == codes.values.count)
        for (i, value) in gradients.enumerated() { #expect((value != 0) == [2, 7].contains(i / 8 % 10)) }
        var moved = codes
        moved.values[2 * 8] += 1
        let change = zip(try synthesizer.synthesize(moved, size: 64, noise: .none).planes, recorded.images.planes)
            .enumerated().reduce(Float(0)) { $0 + ($1.element.0 - $1.element.1) * weights.planes[$1.offset] }
        #expect(abs(change - gradients[16]) < 1e-3)
        #expect(throws: Failure.self) { try recorded.backward(weights[0..<1]) }
    }

    @Test func saysWhatItLacks() throws {
        let generator = try Self.generator.get()
        #expect(throws: Failure.self) { try generator.tensorSynthesis() }
        #expect(throws: Failure.self) { try generator.synthesizer(.tensors) }
        #expect(throws: Failure.self) { try generator.featureSynthesizer() }
        let export = #expect(throws: Failure.self) {
            try Generator.exportRosinality(folder: Self.model, to: Self.model + ".pt")
        }
        #expect(export?.description.contains("stylegan2") == true)
        var identity = generator.identity
        identity.architecture = "unheard-of"
        let folder = Self.model + "-unknown"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try JSONEncoder().encode(identity).write(to: URL(fileURLWithPath: folder + "/model.json"))
        try FileManager.default.copyItem(
            atPath: Self.model + "/weights.safetensors", toPath: folder + "/weights.safetensors")
        let failure = #expect(throws: Failure.self) { try Generator.load(folder: folder) }
        #expect(failure?.advice.contains("mobilestylegan, stylegan2 and toy") == true)
    }
}

@Suite struct CodeLayoutTests {
    /// MobileStyleGAN's of seven layers, as the paper's.
    private let layout: CodeLayout = {
        var rows = [0]
        for k in 0..<7 { rows += [2 * k + 1, 2 * k + 2, 2 * k + 3] }
        return CodeLayout(canonicalRow: rows, canonicalRows: 18)
    }()

    @Test func gatherAndScatterAreAnAdjointPair() throws {
        let codes = try LatentCodes((0..<2 * 18 * 4).map { sin(Float($0)) }, rows: 18, size: 4)
        let own = try layout.gather(codes)
        #expect(own.rows == 22 && own.count == 2)
        #expect(own.values[7 * 4..<8 * 4] == codes.values[5 * 4..<6 * 4])
        let gradients = (0..<2 * 22 * 4).map { cos(Float($0)) }
        let back = layout.scatter(gradients, like: codes)
        func product(_ a: [Float], _ b: [Float]) -> Double { zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
        #expect(abs(product(own.values, gradients) - product(codes.values, back)) < 1e-4)
        // The last canonical rows drive nothing.
        #expect(back[(18 - 2) * 4..<18 * 4].allSatisfy { $0 == 0 })
    }

    @Test func wAndOwnRowsStayAsTheyAre() throws {
        for rows in [1, 22] {
            let codes = try LatentCodes([Float](repeating: 1, count: rows * 4), rows: rows, size: 4)
            #expect(try layout.own(codes, name: "a") == codes)
            #expect(layout.scatter(codes.values, like: codes) == codes.values)
        }
        let codes = try LatentCodes([Float](repeating: 1, count: 28), rows: 7, size: 4)
        let failure = #expect(throws: Failure.self) { try layout.own(codes, name: "a") }
        #expect(failure?.advice.contains("1 (W), 18 (StyleGAN2's W+) or 22 (its own W+)") == true)
        #expect(throws: Failure.self) { try layout.gather(codes) }
    }

    @Test func rangesAreRowsAsPeopleWriteThem() throws {
        #expect(try layout.range("0-7") == LayerRange(first: 0, last: 7))
        #expect(try layout.range("4") == LayerRange(first: 4, last: 4))
        #expect(try layout.range("8-").last == 17)
        for text in ["", "-", "18", "5-3", "a", "1-2-3", "0-18"] {
            let failure = #expect(throws: Failure.self) { try layout.range(text) }
            #expect(failure?.kind == .usage)
        }
    }

    @Test func groupsSpreadAndSumAsAnAdjointPair() {
        let groups = layout.groups(own: 12)
        #expect(groups.ranges.count == 13 && groups.ranges.last == LayerRange(first: 12, last: 17))
        let rows = groups.spread((0..<13).map { [Double($0)] })
        #expect(rows.map { $0[0] } == (0..<12).map(Double.init) + [Double](repeating: 12, count: 6))
        let values = (0..<18 * 2).map { Float($0) }
        let sums = groups.sums(values[...], size: 2, scale: 2)
        #expect(sums.count == 26 && sums[2] == 4 && sums[24] == 4 * Double((12..<18).reduce(0, +)))
        #expect(LayerGroups(own: 12, rows: 8).ranges.count == 8)
    }
}
