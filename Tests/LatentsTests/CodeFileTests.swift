import Core
import Foundation
import Latents
import Testing
import Weights

/// Tests/Fixtures/codes: codes as NumPy, PyTorch and safetensors write them (Tests/Fixtures/make_codes.py).
@Suite struct CodeFileTests {
    private static let folder =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path + "/Fixtures/codes"
    private static let layout = CodeFile.Layout(size: 8, rows: [6])

    private func read(_ file: String, _ key: String? = nil, space: CodeFile.Space? = nil) throws -> CodeFile {
        try CodeFile.read("\(Self.folder)/\(file)", key: key, space: space, for: Self.layout)
    }

    private func problem(_ file: String, _ key: String? = nil, space: CodeFile.Space? = nil) -> String {
        do {
            _ = try read(file, key, space: space)
            return "none"
        } catch { return "\(error)" }
    }

    /// The first value of each code, which says which picture and step it is.
    private func firsts(_ codes: CodeFile) -> [Float] {
        (0..<codes.count).map { codes.values[$0 * codes.rows * codes.size] }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var file: String
        var key: String?
        var space: CodeFile.Space?
        var firsts: [Float]
        var rows = 6
        var names: [String]?
        var testDescription: String { "\(file) \(key ?? "") \(space?.rawValue ?? "")" }
    }

    static let cases = [
        Case(file: "restyle.npy", key: "two.jpg", firsts: [2.2], names: ["two.jpg"]),
        Case(file: "restyle.npy", key: "two", firsts: [2.2]),
        Case(file: "restyle.npy", key: "one.jpg/0", firsts: [1]),
        Case(file: "restyle.npy", key: "*", firsts: [1.2, 2.2], names: ["one.jpg", "two.jpg"]),
        Case(file: "restyle-array.npy", key: "one.jpg/1", firsts: [1.1]),
        Case(file: "restyle-array.npy", firsts: [1, 1.1, 1.2]),
        Case(file: "named.npy", firsts: [1], names: ["one.jpg"]),
        Case(file: "objects.npy", firsts: [1, 2]),
        Case(file: "projected_w.npz", firsts: [1]),
        Case(file: "both.npz", key: "w", firsts: [1], rows: 1),
        Case(file: "both.npz", key: "w_plus", firsts: [2]),
        Case(file: "six.npy", space: .w, firsts: [1, 1.01, 1.02, 1.03, 1.04, 1.05], rows: 1),
        Case(file: "six.npy", space: .wPlus, firsts: [1]),
        Case(file: "five.npy", firsts: [1, 1.01, 1.02, 1.03, 1.04], rows: 1),
        Case(file: "batch.npy", firsts: [1, 2], names: ["0", "1"]),
        Case(file: "batch.npy", key: "1", firsts: [2]),
        Case(file: "projector.pt", firsts: [1], names: ["photos/one.png/latent"]),
        Case(file: "projector-two.pt", key: "photos/two.png", firsts: [2]),
        Case(file: "projector-two.pt", key: "photos/two.png/latent", firsts: [2]),
        Case(file: "list.pt", firsts: [1, 2, 3], names: ["0", "1", "2"]),
        Case(file: "list.pt", key: "2", firsts: [3]),
        Case(file: "list-of-one.pt", firsts: [1]),
        Case(file: "dictionary.pt", key: "b", firsts: [2], names: ["b"]),
        Case(file: "one-key.pt", firsts: [1, 2], names: ["latents/0", "latents/1"]),
        Case(file: "expanded.pt", firsts: [1]),
        Case(file: "codes.pkl", firsts: [1], names: ["one"]),
        Case(file: "two.safetensors", key: "w", firsts: [1, 1.01], rows: 1),
        Case(file: "two.safetensors", key: "w_plus", firsts: [2]),
        Case(file: "stated.safetensors", firsts: [1]),
    ]

    @Test(arguments: cases) func `the field's files are read`(_ given: Case) throws {
        let codes = try read(given.file, given.key, space: given.space)
        #expect(codes.rows == given.rows && codes.size == 8 && codes.count == given.firsts.count)
        #expect(zip(firsts(codes), given.firsts).allSatisfy { abs($0 - $1) < 1e-6 }, "\(firsts(codes))")
        if let names = given.names { #expect(codes.names == names) }
        // The rows and columns are in order.
        let last = codes.values[codes.rows * codes.size - 1]
        let step: Float = given.file == "expanded.pt" ? 0 : 0.01
        #expect(abs(last - (given.firsts[0] + step * Float(codes.rows - 1) + 0.007)) < 1e-5)
    }

    @Test(arguments: ["restyle.npy", "dictionary.pt", "projector-two.pt", "both.npz", "two.safetensors"])
    func `several codes need a key, and the keys are told`(_ file: String) {
        let text = problem(file)
        #expect(text.contains("holds several codes") && text.contains("by its key"), "\(text)")
        #expect(
            text.contains(
                ["restyle.npy": "two.jpg", "dictionary.pt": "b", "projector-two.pt": "photos/two.png"][file] ?? "w_plus"
            ))
        #expect(problem(file, "nobody").contains("nothing under the key `nobody`"))
    }

    @Test func `two dimensions with the rows of one code are refused with both ways to say it`() {
        let text = problem("six.npy")
        #expect(
            text.contains("say `code space w` or `code space w+`") && text.contains("6 faces in W, or one in W+"),
            "\(text)"
        )
        #expect(problem("five.npy", space: .wPlus).contains("a W+ code of this generator has 6"))
        #expect(problem("batch.npy", space: .w).contains("which is of W+ codes"))
    }

    @Test(arguments: [
        ("../identity/chip0.png", "is a PNG picture, not latent codes"), ("direction.pt", "as directions have"),
        ("rows-of-seven.npy", "codes of 7 rows, those of this generator have 6"), ("wide.npy", "has the shape [2, 9]"),
        ("../make_codes.py", "is a text, not latent codes"), ("../codes", "is a folder"),
        ("absent.npy", "cannot be read"),
        ("../checkpoints/rosinality-generator.pt", "holds no latent codes"),
    ])
    func `other files are named as what they are`(_ file: String, _ expected: String) {
        let text = problem(file)
        #expect(text.contains(expected), "\(text)")
    }

    @Test func `this program's own files of other kinds are named`() throws {
        for (format, expected) in [
            ("directions-generator", "is a generator"), ("directions.direction", "is a direction"),
        ] {
            let file = SafetensorsFile(tensors: ["a": TensorData([1, 2], shape: [2])], metadata: ["format": format])
            #expect {
                try CodeFile.decode(file.encoded(), name: "x", for: Self.layout)
            } throws: { "\($0)".contains(expected) }
        }
        // And the other way round: codes or a picture where safetensors belong.
        #expect { try SafetensorsFile.read(Self.folder + "/list.pt") } throws: {
            "\($0)".contains("is a file of torch.save (.pt), not safetensors")
        }
    }

    @Test func `hostile pickles in arrays of objects are refused`() throws {
        var data = try Data(contentsOf: URL(fileURLWithPath: Self.folder + "/named.npy"))
        let start = try #require(data.firstIndex(of: 0x0A)) + 1
        data = data[..<start] + Data("cos\nsystem\n(S'echo owned'\ntR.".utf8)
        #expect { try CodeFile.decode(data, name: "x", for: Self.layout) } throws: {
            "\($0)".contains("os.system, which is not data")
        }
    }

    @Test(arguments: ["restyle.npy", "projector-two.pt", "two.safetensors", "both.npz", "codes.pkl"])
    func `cut and changed files never crash`(_ file: String) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(Self.folder)/\(file)"))
        for length in stride(from: 0, to: data.count, by: max(1, data.count / 300)) {
            #expect(throws: Failure.self) {
                try CodeFile.decode(data.prefix(length), name: file, key: "*", for: Self.layout)
            }
        }
        var random = CounterRandom(seed: 3, domain: 79)
        for _ in 0..<1000 {
            var changed = data
            for _ in 0..<3 {
                changed[Int.random(in: 0..<data.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            do { _ = try CodeFile.decode(changed, name: file, key: "*", for: Self.layout) } catch is Failure {}
        }
    }
}
