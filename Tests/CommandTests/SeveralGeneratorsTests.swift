import Core
import Foundation
import Testing

/// Two generators in a workspace: whose face it is, is never a guess.
@Suite struct SeveralGeneratorsTests {
    private let folder = Program.Folder()

    private func run(_ line: String, status: Int32 = 0) throws -> Program.Result {
        let result = try Program.run(line.split(separator: " ").map(String.init), workspace: folder.path)
        #expect(result.status == status, "\(line): \(result.errors)")
        return result
    }

    @Test func latentsBelongToTheirGeneratorAndTheOnlyOneIsTheDefault() throws {
        let fixtures = Program.root + "/Tests/Fixtures/stylegan2/"
        let picture = "--out \(folder.path)/a.png"
        #expect(try run("synth --seed 1 \(picture)", status: 1).errors.contains("directions import default"))
        _ = try run("import \(fixtures)ada-skip.pkl --name one")
        #expect(try run("status").output.contains("generator   one: stylegan2"))
        // There is but one, so every verb means it.
        _ = try run("synth --seed 1 \(picture)")
        _ = try run("sample --count 12")
        _ = try run("synth --latent 5 \(picture)")
        _ = try run("import \(fixtures)psp.pt --name two")
        let asked = try run("synth --seed 1 \(picture)", status: 1).errors
        #expect(asked.contains("one, two"), "\(asked)")
        // Latents of one mean nothing to two, whether or not their sizes agree.
        for line in ["synth --latent 5 --generator two", "query id<3 --generator two"] {
            try? FileManager.default.removeItem(atPath: folder.path + "/a.png")
            let refused = try run("\(line) \(picture)", status: 1).errors
            #expect(refused.contains("belong to generator one, not to two"), "\(line): \(refused)")
            #expect(!FileManager.default.fileExists(atPath: folder.path + "/a.png"))
        }
        _ = try run("synth --latent 5 --generator one \(picture)")
        _ = try run("query id<3 --generator one \(picture)")
    }
}
