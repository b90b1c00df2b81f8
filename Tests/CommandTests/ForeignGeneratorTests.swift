import Foundation
import Testing

/// Somebody's own StyleGAN2, from its file to directions.
@Suite struct ForeignGeneratorTests {
    private static let files =
        URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().path + "/Fixtures/stylegan2/"

    @Test func anImportedGeneratorDoesTheWholeJob() throws {
        let folder = NSTemporaryDirectory() + "foreign-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func run(_ line: String, status: Int32 = 0) throws -> Program.Result {
            let result = try Program.run(line.split(separator: " ").map(String.init), workspace: folder)
            #expect(result.status == status, "\(line): \(result.errors)")
            return result
        }
        let conditional = Self.files + "ada-resnet.pkl"
        #expect(try run("import \(conditional)", status: 64).errors.contains("class from 0 to 4"))
        #expect(try run("import \(Self.files)alias-free.pkl", status: 1).errors.contains("StyleGAN3"))
        let found = try run("import \(conditional) --class 3 --name own").output
        for text in ["64 x 64", "latent size 48", "10 style rows", "SHA-256", "PyTorch pickle", "mean w"] {
            #expect(found.contains(text), "\(text)")
        }
        _ = try run("import \(Self.files)rosinality.pt")
        _ = try run("sample --count 60 --generator own")
        _ = try run("score --generator own --device cpu")
        _ = try run("select --generator own --attr smiling,male --top 15")
        _ = try run("fit --generator own --attr smiling,male")
        _ = try run(
            "edit --generator own --direction smiling,male --strength 0,2 --unit sigma --seed 1 --out \(folder)/e.png")
        _ = try run("evaluate --generator own --count 4 --strength 1")
        _ = try run("query --generator own --limit 4 --out \(folder)/q.png male>0")
        _ = try run("pack --generator own --name own-v1")
        _ = try run("report --generator own --name own")
        // The latents of one generator mean nothing to another.
        let other = try run(
            "edit --generator rosinality --direction smiling --seed 1 --out \(folder)/x.png", status: 64)
        #expect(other.errors.contains("has no direction of generator rosinality"))
        _ = try run("export rosinality --out \(folder)/rosinality.pt")
        _ = try run("import \(folder)/rosinality.pt --name again")
        _ = try run("synth --generator again --seed 1-2 --noise random --out \(folder)/s.png")
        #expect(try run("export own --out \(folder)/own.pt", status: 1).errors.contains("only skip"))
        #expect(try run("score --generator own --device cuda:9", status: 64).errors.contains("CUDA"))
    }
}
