import Core
import Foundation
import Images
import Testing
import Weights

/// What the command says of codes that its generator does not know, and of files in the wrong place.
@Suite struct CodeDistanceTests {
    private let folder = Program.Folder()
    private var place: String { folder.path }

    private func run(_ words: [String], status: Int32 = 0) throws -> Program.Result {
        let result = try Program.run(words, workspace: folder.path)
        #expect(result.status == status, "\(words): \(result.errors)")
        return result
    }

    /// W codes of a generator, [count, size], as its database has them.
    private func sampled(_ count: Int) throws -> [[Float]] {
        _ = try run(["sample", "--count", "\(count)", "--seed", "3"])
        _ = try run(["query", "--limit", "\(count)", "--codes-out", place + "/w.npy"])
        let codes = try NumpyFile.read(place + "/w.npy")
        let (values, size) = (try codes.floats(), codes.shape[2])
        return (0..<count).map { Array(values[$0 * size..<($0 + 1) * size]) }
    }

    /// What is said of codes of so many rows, and whether it is said of them pulled in.
    private func said(of codes: [[Float]], rows: Int) throws -> (plain: String, pulled: String) {
        try NumpyFile.write(
            TensorData(codes.flatMap { $0 }, shape: [codes.count / rows, rows, codes[0].count]), to: place + "/c.npy")
        let words = ["synth", "--code", place + "/c.npy", "--npy", place + "/f.npy"]
        func notices(_ words: [String]) throws -> String {
            try run(words).errors.split(separator: "\n").filter { $0.contains("codes lie far") }.joined(separator: "\n")
        }
        return (try notices(words), try notices(words + ["--toward-mean", "0.5"]))
    }

    private func scaled(_ w: [Float], by factor: Float, from mean: [Float]) -> [Float] {
        zip(w, mean).map { $1 + factor * ($0 - $1) }
    }

    @Test func codesOutsideOfWAreNamed() throws {
        _ = try run(["import", Program.root + "/Tests/Fixtures/stylegan2/rosinality.pt"])
        let w = try sampled(400)
        let mean = w[0].indices.map { i in w.reduce(0) { $0 + $1[i] } / Float(w.count) }
        // Its own w are as it knows them; six times as far out none is, and half way back fewer lie outside. (W of a network with
        // random weights has long tails; that of a trained one is tested below.)
        #expect(try said(of: Array(w.prefix(20)), rows: 1) == ("", ""))
        let far = w.prefix(20).map { scaled($0, by: 6, from: mean) }
        let (plain, pulled) = try said(of: far, rows: 1)
        #expect(plain.contains("20 of 20 codes lie far from W of generator rosinality"), "\(plain)")
        #expect(plain.contains("--toward-mean 0.5"), "\(plain)")
        #expect(plain.split(separator: "\n").count == 1 && !pulled.contains("20 of 20"), "\(plain) \(pulled)")
        // A share is what its name says: 0 leaves one face, the mean's.
        _ = try run(["synth", "--code", place + "/c.npy", "--toward-mean", "0", "--npy", place + "/mean.npy"])
        let faces = try NumpyFile.read(place + "/mean.npy").floats()
        let one = faces.count / 20
        #expect(faces.prefix(one) == faces.suffix(one))
        // The other verbs that read codes say it too.
        try NumpyFile.write(TensorData((0..<64).map { Float($0 % 5) - 2 }, shape: [1, 64]), to: place + "/d.npy")
        _ = try run(["import", place + "/d.npy", "--as", "direction", "--attr", "own"])
        for words in [["score-image"], ["edit", "--direction", "own", "--codes-out", place + "/e.npy"]] {
            let said = try run(words + ["--code", place + "/c.npy"]).errors
            #expect(said.contains("20 of 20 codes lie far"), "\(said)")
        }
        _ = try run(["synth", "--seed", "1", "--toward-mean", "1.5", "--npy", place + "/f.npy"], status: 64)
    }

    @Test(.enabled(if: Program.wheel != nil)) func rowsFarApartAreNamedOnTheDistilledGenerator() throws {
        _ = try run(["import", "default", "--wheel", Program.wheel ?? ""])
        let w = try sampled(180)
        let mean = w[0].indices.map { i in w.reduce(0) { $0 + $1[i] } / Float(w.count) }
        let equal = w.prefix(2).flatMap { Array(repeating: $0, count: 18) }
        #expect(try said(of: equal, rows: 18).plain == "")
        // Two faces mixed by half still make one; each row from another face does not.
        let halves = Array(repeating: w[0], count: 9) + Array(repeating: w[1], count: 9)
        #expect(try said(of: halves, rows: 18).plain == "")
        let (mixed, pulled) = try said(of: Array(w.prefix(36)), rows: 18)
        #expect(mixed.contains("2 of 2 codes lie far from W of generator default"), "\(mixed)")
        #expect(mixed.contains("import a StyleGAN2-FFHQ") && mixed.contains("--toward-mean 0.5"), "\(mixed)")
        #expect(pulled == "")
        let scattered = w.prefix(36).map { scaled($0, by: 3, from: mean) }
        #expect(try said(of: Array(scattered), rows: 18).pulled.contains("2 of 2 codes"))
    }

    @Test func whatIsNoDirectionIsNamedAsWhatItIs() throws {
        _ = try run(["import", Program.root + "/Tests/Fixtures/stylegan2/ada-skip.pkl", "--name", "own"])
        let codes = place + "/codes.npy"
        try NumpyFile.write(TensorData((0..<64).map { Float($0) / 9 }, shape: [1, 64]), to: codes)
        let fixtures = Program.root + "/Tests/Fixtures/"
        let cases = [
            (fixtures + "pictures/grey.png", "is a PNG picture, not a direction"),
            (fixtures + "codes/projector.pt", "looks like latent codes, not a direction"),
            (codes, "looks like latent codes, not a direction"),
            (fixtures + "torch/direction-zip.pt", "directions import"),
            (fixtures + "stylegan2/../codes/direction.pt", "holds a direction of another tool"),
        ]
        for (file, text) in cases {
            let words = ["edit", "--direction", file, "--seed", "1", "--codes-out", place + "/x.npy"]
            let errors = try run(words, status: 1).errors
            #expect(errors.contains(text), "\(errors)")
        }
    }
}
