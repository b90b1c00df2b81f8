import Core
import Foundation
import Testing
import Weights

/// Codes as people have them, through the command; of a small StyleGAN2 of 32 pixels: 64 components, 8 rows.
@Suite struct CodeFileCommandTests {
    private let folder = Program.Folder()

    private func run(_ words: [String], status: Int32 = 0) throws -> Program.Result {
        let result = try Program.run(words, workspace: folder.path)
        #expect(result.status == status, "\(words): \(result.errors)")
        return result
    }

    private func shape(_ name: String) throws -> [Int] { try NumpyFile.read("\(folder.path)/\(name)").shape }

    @Test func whatIsWrittenIsReadAsWhatItWas() throws {
        let place = folder.path
        _ = try run(["import", Program.root + "/Tests/Fixtures/stylegan2/ada-skip.pkl", "--name", "own"])
        try NumpyFile.write(TensorData((0..<64).map { Float($0 % 5) - 2 }, shape: [1, 64]), to: place + "/d.npy")
        _ = try run(["import", place + "/d.npy", "--as", "direction", "--attr", "own"])
        // Eight W codes are written as eight, not as something that is one W+ code too.
        _ = try run([
            "edit", "--direction", "own", "--strength", "0", "--seed", "1-8", "--codes-out", place + "/eight.npy",
        ])
        #expect(try shape("eight.npy") == [8, 1, 64])
        _ = try run(["synth", "--code", place + "/eight.npy", "--npy", place + "/eight-faces.npy"])
        #expect(try shape("eight-faces.npy") == [8, 3, 32, 32])
        // The same numbers without that dimension can be both, and are refused until somebody says which.
        let values = try NumpyFile.read(place + "/eight.npy").floats()
        try NumpyFile.write(TensorData(values, shape: [8, 64]), to: place + "/both.npy")
        let words = ["synth", "--code", place + "/both.npy", "--npy", place + "/faces.npy"]
        let refused = try run(words, status: 64).errors
        #expect(
            refused.contains("8 faces in W, or one in W+") && refused.contains("--code-space w` or `--code-space w+`"),
            "\(refused)")
        for (space, count) in [("w", 8), ("w+", 1)] {
            _ = try run(words + ["--code-space", space])
            #expect(try shape("faces.npy") == [count, 3, 32, 32])
        }
        // Of seven rows only one reading is possible.
        try NumpyFile.write(TensorData(Array(values.prefix(7 * 64)), shape: [7, 64]), to: place + "/seven.npy")
        _ = try run(["synth", "--code", place + "/seven.npy", "--npy", place + "/faces.npy"])
        #expect(try shape("faces.npy") == [7, 3, 32, 32])
    }

    @Test func severalCodesNeedAKeyAndOtherFilesAreNamed() throws {
        let place = folder.path
        _ = try run(["import", Program.root + "/Tests/Fixtures/stylegan2/ada-skip.pkl", "--name", "own"])
        let codes = Dictionary(
            uniqueKeysWithValues: ["anna", "ben"].enumerated().map { index, name in
                (name, TensorData((0..<64).map { Float($0 + 40 * index) / 30 }, shape: [1, 64]))
            })
        try SafetensorsFile(tensors: codes, metadata: [:]).write(to: place + "/codes.safetensors")
        let words = ["synth", "--code", place + "/codes.safetensors", "--npy", place + "/faces.npy"]
        let asked = try run(words, status: 64).errors
        #expect(asked.contains("anna") && asked.contains("ben"), "\(asked)")
        _ = try run(words + ["--key", "ben"])
        let ben = try NumpyFile.read(place + "/faces.npy").floats()
        _ = try run(words + ["--key", "anna"])
        #expect(try NumpyFile.read(place + "/faces.npy").floats() != ben)
        let picture = Program.root + "/Tests/Fixtures/pictures/grey.png"
        let wrong = try run(["synth", "--code", picture, "--npy", place + "/faces.npy"], status: 1).errors
        #expect(wrong.contains("PNG") && wrong.contains("not latent codes"), "\(wrong)")
    }
}
