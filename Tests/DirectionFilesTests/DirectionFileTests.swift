import Core
import DirectionFiles
import Foundation
import Testing
import Weights

@Suite struct DirectionFileTests {
    @Test func `a direction survives its file with every field`() throws {
        var direction = try Samples.direction(inputs: "f00")
        direction.version = 3
        let data = try direction.encoded()
        #expect(try DirectionFile.decode(data, name: "v3") == direction)
        #expect(try DirectionFile.decode(data, name: "v3").encoded() == data)
        // Any safetensors reader finds the tensors.
        let file = try SafetensorsFile.decode(data, name: "v3")
        #expect(file.tensors["direction"]?.shape == [512] && file.tensors["sigma"]?.shape == [1])
        #expect(file.metadata["format"] == "directions.direction" && file.metadata["regularisation"] == "1.0")
    }

    @Test func `a direction with nothing known is a direction`() throws {
        var direction = try DirectionFile(
            attribute: "smile", values: Samples.vector(1) + Samples.vector(2), rows: 2, intercept: 0, sigma: 1,
            metadata: DirectionMetadata(space: .wPlus))
        direction.version = 1
        #expect(try DirectionFile.decode(direction.encoded(), name: "v1") == direction)
    }

    @Test func `one flipped bit anywhere is found`() throws {
        var direction = try Samples.direction()
        direction.version = 1
        let data = try direction.encoded()
        for bit in stride(from: 0, to: data.count * 8, by: 11) {
            var changed = data
            changed[bit / 8] ^= 1 << (bit % 8)
            guard let other = try? DirectionFile.decode(changed, name: "v1") else { continue }
            // Spaces of JSON may change without a change of meaning; then the bytes written differ.
            #expect(try other.encoded() != changed, "bit \(bit)")
        }
    }

    @Test func `unsound numbers are refused`() throws {
        let metadata = DirectionMetadata()
        func problem(_ values: [Float], sigma: Float = 1, rows: Int = 1, name: String = "a") -> String {
            Samples.problem {
                _ = try DirectionFile(
                    attribute: name, values: values, rows: rows, intercept: 0, sigma: sigma, metadata: metadata)
            }
        }
        #expect(problem([3, 4]).contains("has length 5.0 instead of 1"))
        #expect(problem([.nan, 1]).contains("not finite"))
        #expect(problem([1, 0], sigma: 0).contains("sigma"))
        #expect(problem([], rows: 1).contains("0 values"))
        #expect(problem([1, 0, 0, 1], rows: 2).contains("2 rows in space w"))
        for name in ["", "../x", "A", "a b", ".hidden", String(repeating: "a", count: 65)] {
            #expect(problem([1, 0], name: name).contains("cannot name"))
        }
        #expect(problem([1, 0]) == "none")
    }

    @Test func `another generator is refused`() throws {
        let direction = try Samples.direction(generator: "aaaa")
        #expect(throws: Failure.self) { try direction.requireGenerator(sha256: "bbbb", name: "other") }
        try direction.requireGenerator(sha256: "aaaa", name: "default")
    }

    @Test func `other files are told what they are`() throws {
        let plain = try SafetensorsFile(tensors: ["a": TensorData([1], shape: [1])]).encoded()
        #expect(Samples.problem { _ = try DirectionFile.decode(plain, name: "x") }.contains("is no direction file"))
        var direction = try Samples.direction()
        direction.version = 1
        var file = try SafetensorsFile.decode(direction.encoded(), name: "x")
        file.metadata["accuracy_train"] = "1.0"
        let changed = try file.encoded()
        #expect(Samples.problem { _ = try DirectionFile.decode(changed, name: "x") }.contains("own checksum"))
    }

    @Test func `versions never change and same inputs make none`() throws {
        try Samples.inFolder { folder in
            let library = DirectionLibrary(folder)
            #expect(library.attributes() == [])
            let first = try library.add(Samples.direction(seed: 1, inputs: "a"))
            #expect(first.isNew && first.direction.version == 1 && first.path.hasSuffix("/eyeglasses/v1.safetensors"))
            let bytes = try AtomicFile.read(first.path)
            let again = try library.add(Samples.direction(seed: 2, inputs: "a"))
            #expect(!again.isNew && again.direction == first.direction)
            let second = try library.add(Samples.direction(seed: 2, inputs: "b"))
            #expect(second.isNew && second.direction.version == 2)
            #expect(try library.add(Samples.direction(seed: 1, inputs: "a")).direction.version == 1)
            #expect(try AtomicFile.read(first.path) == bytes)
            #expect(library.versions(of: "eyeglasses") == [1, 2])
            #expect(try library.load("Eyeglasses").version == 2)
            #expect(try library.load("eyeglasses@v1") == first.direction)
            #expect(try library.load("eyeglasses@2") == second.direction)
            #expect(try library.load(first.path) == first.direction)
            #expect(Samples.problem { _ = try library.load("eyeglasses@v3") }.contains("v1, v2"))
            #expect(Samples.problem { _ = try library.load("eyeglases") }.contains("there are eyeglasses"))
            // Nothing but the versions is left behind.
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/eyeglasses").count == 2)
        }
    }

    @Test func `many writers get a version each`() async throws {
        let folder = NSTemporaryDirectory() + "/directions-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let library = DirectionLibrary(folder)
        let versions = try await withThrowingTaskGroup(of: Int.self) { group in
            for seed in 1...16 {
                group.addTask { try library.add(Samples.direction(seed: UInt64(seed))).direction.version }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(versions.sorted() == Array(1...16))
    }

    @Test func `a file in another's place is told`() throws {
        try Samples.inFolder { folder in
            let library = DirectionLibrary(folder)
            let first = try library.add(Samples.direction())
            try AtomicFile.write(AtomicFile.read(first.path), to: folder + "/eyeglasses/v2.safetensors")
            #expect(Samples.problem { _ = try library.load("eyeglasses") }.contains("says it is eyeglasses@v1"))
        }
    }

    @Test func `comparison`() throws {
        let first = try Samples.direction(seed: 1)
        var second = try Samples.direction(seed: 2)
        second.metadata.solver?.regularisation = 10
        let same = try DirectionComparison(first, first)
        #expect(abs(same.cosine - 1) < 1e-6 && same.differences.isEmpty)
        let comparison = try DirectionComparison(first, second)
        #expect(abs(comparison.cosine) < 0.2)
        #expect(comparison.differences.map(\.key) == ["regularisation"])
        #expect(comparison.differences[0].first == "1.0" && comparison.differences[0].second == "10.0")
        let repeated = try DirectionFile(
            attribute: "eyeglasses", values: first.values + first.values, rows: 2, intercept: 0, sigma: 1,
            metadata: DirectionMetadata(space: .wPlus))
        let rows = try DirectionComparison(first, repeated)
        #expect(abs(rows.cosine - 1) < 1e-6 && rows.rowCosines.count == 2)
    }

    @Test func aRefinementIsTypedAndItsFileStaysTheSame() throws {
        // As version 0.1 wrote it, with keys that it did not know itself.
        var former = try Samples.direction("smiling")
        former.metadata.solver = .init(name: "local", regularisation: 0, objective: 0.625, iterations: 60)
        former.metadata.other = [
            "local_start": "smiling@v1", "local_faces": "96", "local_batch": "16", "local_seeds": "18,17",
            "selection_kind": "matched", "selection_among": "male > 0.9", "local_classifiers": "a,b",
        ]
        former.version = 2
        let bytes = try former.encoded()
        let read = try DirectionFile.decode(bytes, name: "former")
        let refinement = try #require(read.metadata.refinement)
        #expect(refinement.start == "smiling@v1" && refinement.faces == 96 && refinement.batch == 16)
        #expect(refinement.steps == 60 && refinement.ratio == 0.625 && refinement.seeds == (18, 17))
        #expect(read.metadata.selection?.isMatched == true && read.metadata.other.isEmpty)
        #expect(read.metadata.selection?.among == "male > 0.9" && refinement.classifiers == ["a", "b"])
        // The bytes, and so the digest by which evaluations know it, are what they were.
        #expect(try read.encoded() == bytes && refinement.among == nil)
        former.metadata.other["local_among"] = "male < 0.5"
        let women = try DirectionFile.decode(try former.encoded(), name: "women")
        #expect(women.metadata.refinement?.among == "male < 0.5" && women.metadata.other.isEmpty)
        var kept = try #require(women.metadata.refinement)
        #expect(kept.skin == 0)
        kept.skin = 60
        former.metadata = women.metadata
        former.metadata.refinement = kept
        #expect(try DirectionFile.decode(former.encoded(), name: "kept").metadata.refinement == kept)
    }

    @Test func whatIsNoRefinementToTheLetterIsKept() throws {
        var odd = try Samples.direction("smiling")
        odd.version = 1
        odd.metadata.other = ["local_start": "smiling@v1", "local_faces": "many", "selection_kind": "other"]
        let bytes = try odd.encoded()
        let read = try DirectionFile.decode(bytes, name: "odd")
        #expect(read.metadata.refinement == nil && read.metadata.other == odd.metadata.other)
        #expect(try read.encoded() == bytes)
    }
}
