import Core
import Foundation
import Testing

/// What needs no tensor runs where libtorch is not: in a mount namespace in which its library is an empty file.
@Suite(.enabled(if: WithoutTorch.isPossible, "hiding a library needs root, unshare and Debian's libtorch"))
struct WithoutTorchTests {
    @Test func whatNeedsNoTensorRuns() throws {
        let folder = Program.Folder()
        func run(_ line: String) throws -> Program.Result {
            try WithoutTorch.run(line.split(separator: " ").map(String.init), workspace: folder.path)
        }
        let generator = Program.root + "/Tests/Fixtures/stylegan2/ada-skip.pkl"
        // A direction of that generator's W, in a file of NumPy's first format, [1, 48].
        var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, LATENT), }"
        _ = try run("import \(generator) --name default")
        let shown = try run("status --json")
        #expect(shown.status == 0)
        let size =
            try #require(
                try JSONSerialization.jsonObject(with: AtomicFile.read(folder.path + "/models/default/model.json"))
                    as? [String: Any])["latentSize"] as? Int
        header = header.replacing("LATENT", with: "\(try #require(size))")
        header += String(repeating: " ", count: 117 - header.utf8.count) + "\n"
        var file = Data([0x93]) + Data("NUMPY".utf8) + Data([1, 0, UInt8(header.utf8.count), 0]) + Data(header.utf8)
        for i in 0..<(size ?? 0) { withUnsafeBytes(of: Float(i % 7) - 3) { file.append(contentsOf: $0) } }
        try AtomicFile.write(file, to: folder.path + "/own.npy")
        for line in [
            "--version", "--help", "sample --count 20", "synth --seed 1-2 --out \(folder.path)/a.png",
            "import \(folder.path)/own.npy --as direction --attr own", "show own", "verify own",
            "edit --direction own --strength 0,2 --seed 1 --out \(folder.path)/b.png", "query id<3",
            "query --sql SELECT(1)", "pack --direction own --name mine", "status",
        ] {
            let result = try run(line)
            #expect(result.status == 0, "\(line): \(result.errors)")
        }
        let score = try run("score --limit 2")
        #expect(score.status == 1)
        #expect(
            score.errors.contains("libtorch") && score.errors.contains("apt-get install libtorch-dev"),
            "\(score.errors)")
    }
}

/// Programs in a mount namespace without libtorch.
private enum WithoutTorch {
    /// Debian's library, which the shim is linked with.
    private static let library: String? = {
        guard ProcessInfo.processInfo.environment["LIBTORCH"] == nil else { return nil }
        let folder = "/usr/lib/x86_64-linux-gnu"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasPrefix("libtorch_cpu.so.") }.min { $0.count > $1.count }.map { "\(folder)/\($0)" }
    }()

    static let isPossible = library != nil && (try? run(["--version"], workspace: nil).status) == 0

    static func run(_ arguments: [String], workspace: String?) throws -> Program.Result {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
        process.arguments =
            ["--mount", "sh", "-c", "mount --bind /dev/null \"$1\" && shift && exec \"$@\"", "sh", library ?? ""]
            + [try Program.path] + arguments
        if let workspace {
            var environment = ProcessInfo.processInfo.environment
            environment["DIRECTIONS_WORKSPACE"] = workspace
            process.environment = environment
        }
        return try Program.finish(process)
    }
}
