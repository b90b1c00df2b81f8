import Core
import Foundation
import Images
import Testing
import Weights

/// Pictures that the command writes: their formats, sizes and names; of a small StyleGAN2 of 32 pixels.
@Suite struct PictureOutputTests {
    private let folder = Program.Folder()
    private var place: String { folder.path }

    init() throws {
        _ = try run(["import", Program.root + "/Tests/Fixtures/stylegan2/ada-skip.pkl", "--name", "own"])
        try NumpyFile.write(
            TensorData((0..<64).map { Float($0 % 5) - 2 }, shape: [1, 64]), to: folder.path + "/d.npy")
        _ = try run(["import", folder.path + "/d.npy", "--as", "direction", "--attr", "own"])
    }

    private func run(_ words: [String], status: Int32 = 0) throws -> Program.Result {
        let result = try Program.run(words, workspace: folder.path)
        #expect(result.status == status, "\(words): \(result.errors)")
        return result
    }

    private func edit(_ words: String, status: Int32 = 0) throws -> Program.Result {
        try run(["edit", "--direction", "own"] + words.split(separator: " ").map(String.init), status: status)
    }

    @Test func facesBetweenTheGeneratorsSizesAreTheLargerOnesAveraged() throws {
        func faces(_ size: Int) throws -> [Float] {
            _ = try run(["synth", "--seed", "1-2", "--size", "\(size)", "--npy", place + "/faces.npy"])
            let faces = try NumpyFile.read(place + "/faces.npy")
            #expect(faces.shape == [2, 3, size, size])
            return try faces.floats()
        }
        let (large, middle) = try (faces(32), faces(24))
        #expect(ImageBatch(large, side: 32).resized(to: 24).planes == middle)
        for (size, told) in [(33, "32 at most"), (15, "at least 16")] {
            let refused = try run(["synth", "--seed", "1", "--size", "\(size)", "--out", place + "/x.png"], status: 64)
            #expect(refused.errors.contains(told), "\(refused.errors)")
        }
    }

    @Test func theEndingDecidesOrIsRefused() throws {
        let starts: [(String, [UInt8])] = [
            ("a.png", [0x89, 0x50]), ("a.jpg", [0xFF, 0xD8]), ("a.JPEG", [0xFF, 0xD8]), ("a.webp", Array("RIFF".utf8)),
        ]
        for (name, start) in starts {
            _ = try run(["synth", "--seed", "1", "--out", "\(place)/\(name)"])
            #expect(try AtomicFile.read("\(place)/\(name)").starts(with: start), "\(name)")
        }
        // WebP is written without loss.
        #expect(try Image.read(place + "/a.webp") == Image.read(place + "/a.png"))
        for name in ["a.gif", "a.mp4", "a.tiff", "a"] {
            for verb in [["synth"], ["edit", "--direction", "own"]] {
                let refused = try run(verb + ["--seed", "1", "--out", "\(place)/out/\(name)"], status: 64).errors
                #expect(refused.contains(".png, .jpg or .webp"), "\(refused)")
                #expect(refused.contains("frames") == ["a.gif", "a.mp4"].contains(name), "\(refused)")
            }
        }
        _ = try run(["query", "--out", place + "/out/a.gif"], status: 64)
        _ = try edit("--seed 1 --codes-out \(place)/out/codes.npz", status: 64)
        _ = try run(["synth", "--seed", "1", "--npy", place + "/out/a.png"], status: 64)
        #expect(!FileManager.default.fileExists(atPath: place + "/out"))
    }

    @Test func withoutLabelsAFaceIsAllOfThePicture() throws {
        _ = try edit("--seed 1 --strength 0 --out \(place)/labelled.png")
        _ = try edit("--seed 1 --strength 0 --no-labels --out \(place)/plain.png")
        let (labelled, plain) = try (Image.read(place + "/labelled.png"), Image.read(place + "/plain.png"))
        #expect(labelled.width > 32 && labelled.height > 32)
        _ = try run(["synth", "--seed", "1", "--out", place + "/face.png"])
        #expect(try plain == Image.read(place + "/face.png") && plain.width == 32 && plain.height == 32)
        _ = try edit("--seed 1-3 --strength 0,1 --no-labels --out \(place)/several.png")
        let several = try Image.read(place + "/several.png")
        #expect(several.width == 3 * 32 && several.height == 2 * 32)
        _ = try run(["synth", "--seed", "1,2", "--no-labels", "--out", place + "/two.png"])
        let two = try Image.read(place + "/two.png")
        #expect(two.width == 2 * 32 && two.height == 32)
    }

    @Test func aRangeOfStrengthsIsWrittenAsFrames() throws {
        _ = try edit("--seed 7 --strength -3:3:0.5 --frames \(place)/film")
        let names = try FileManager.default.contentsOfDirectory(atPath: place + "/film").sorted()
        #expect(names.count == 13 && names.first == "seed-7-0000.png" && names.last == "seed-7-0012.png")
        // The middle of the range is the unedited face.
        _ = try run(["synth", "--seed", "7", "--out", place + "/seven.png"])
        #expect(try Image.read(place + "/film/seed-7-0006.png") == Image.read(place + "/seven.png"))
        _ = try run(["synth", "--seed", "1-3", "--frames", place + "/faces"])
        let faces = try FileManager.default.contentsOfDirectory(atPath: place + "/faces").sorted()
        #expect(faces == ["seed-1.png", "seed-2.png", "seed-3.png"])
        #expect(try edit("--seed 7 --strength 0:3:-1 --out \(place)/x.png", status: 64).errors.contains("-3:3:0.5"))
    }
}
