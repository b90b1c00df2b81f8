import Core
import Foundation
import Generators
import Testing
import Weights

/// What import and load do with files that are not what they should be.
@Suite(.serialized, .enabled(if: Reference.wheel != nil, Reference.missing))
struct ImportTests {
    private func contents(_ folder: String) throws -> [Data] {
        try ["model.json", "weights.safetensors"].map { try AtomicFile.read("\(folder)/\($0)") }
    }

    @Test func importingTwiceGivesTheSameBytes() throws {
        let generator = try Reference.generator.get()
        let folder = Reference.folder + "/again/default"
        let identity = try Generator.importWheel(try #require(Reference.wheel), folder: folder)
        #expect(identity == generator.identity)
        #expect(try contents(folder) == contents(Reference.folder + "/default"))
        #expect(identity.resolution == 1024 && identity.layers == 22 && identity.styleGAN2Layers == 18)
        #expect(identity.sourceSHA256 == RandomFaceWheel.sha256)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 2)
    }

    @Test func damagedWheelsAreRefusedAndLeaveEverythingAsItWas() throws {
        _ = try Reference.generator.get()
        let folder = Reference.folder + "/default"
        let before = try contents(folder)
        let wheel = try AtomicFile.read(try #require(Reference.wheel))
        var tampered = wheel
        tampered[tampered.count / 2] ^= 1
        let damaged = [("truncated", wheel.prefix(wheel.count / 2)), ("tampered", tampered), ("empty", Data())]
        for (name, data) in damaged {
            let path = "\(Reference.folder)/\(name).whl"
            try AtomicFile.write(Data(data), to: path)
            let failure = #expect(throws: Failure.self) { try Generator.importWheel(path, folder: folder) }
            #expect(failure?.description.contains(path) == true)
            // Without the check of the whole file, the archive's own checksums and structure must catch it.
            #expect(throws: Failure.self, "\(name)") { try RandomFaceWheel.read(path, checksum: nil) }
        }
        #expect(try contents(folder) == before)
    }

    @Test func changedModelFoldersAreRefused() throws {
        _ = try Reference.generator.get()
        let original = try contents(Reference.folder + "/default")
        let folder = Reference.folder + "/changed"
        func expectFailure(model: Data, weights: Data, _ name: String) throws {
            try AtomicFile.write(model, to: folder + "/model.json")
            try AtomicFile.write(weights, to: folder + "/weights.safetensors")
            #expect(throws: Failure.self, "\(name)") { try Generator.load(folder: folder) }
        }
        var weights = original[1]
        weights[weights.count - 1] ^= 1
        try expectFailure(model: original[0], weights: weights, "one bit of the weights")
        try expectFailure(model: original[0], weights: original[1].prefix(4096), "weights cut short")
        let text = String(decoding: original[0], as: UTF8.self)
        let changes = [
            ("1024", "512"), ("\"layers\" : 22", "\"layers\" : 21"), ("\"latentSize\" : 512", "\"latentSize\" : 7"),
        ]
        for (old, new) in changes {
            #expect(text.contains(old))
            let model = Data(text.replacingOccurrences(of: old, with: new).utf8)
            try expectFailure(model: model, weights: original[1], new)
        }
        try expectFailure(model: Data("{".utf8), weights: original[1], "no JSON")
    }

    @Test func aFolderThatIsMissingSaysWhatToDo() {
        let failure = #expect(throws: Failure.self) { try Generator.load(folder: "/nonexistent/default") }
        #expect(failure?.advice.contains("directions import default") == true)
    }
}
