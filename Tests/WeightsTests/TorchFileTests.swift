import Core
import Foundation
import Testing
import Weights

/// Files that torch.save of PyPI's torch wrote: `Tests/Fixtures/make_torch_files.py`.
@Suite struct TorchFileTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures/torch").path

    private func fixture(_ name: String) throws -> Data { try AtomicFile.read("\(TorchFileTests.folder)/\(name)") }

    @Test(arguments: ["zip", "legacy"]) func `a tensor of torch.save`(_ form: String) throws {
        let value = try TorchFile.decode(fixture("direction-\(form).pt"), name: form)
        let tensor = try #require(value.tensor)
        #expect(tensor.shape == [1, 512] && tensor.type == .float32)
        #expect(try tensor.floats() == (0..<512).map { (Float($0) - 255.5) / 256 })
    }

    @Test func `a TorchScript program's tensors, lists beside them`() throws {
        let tensors = try TorchScriptFile.open(fixture("script.pt"), name: "script.pt")
        #expect(tensors.keys.sorted() == ["inner.weight", "mean"])
        #expect(try #require(tensors["inner.weight"]).load().floats() == [0, 1, 2, 3, 4, 5])
        #expect(try #require(tensors["mean"]).load().floats() == [1.5, -2])
    }

    @Test(arguments: ["zip", "legacy"]) func `containers, types, strides and parameters`(_ form: String) throws {
        let value = try TorchFile.decode(fixture("mixed-\(form).pt"), name: form)
        let state = try #require(value["g_ema"])
        func floats(_ key: String) throws -> [Float] { try #require(state[key]?.tensor).floats() }
        #expect(try floats("weight") == [0.25, 0.5, 0.75, 1, 1.25, 1.5])
        #expect(state["transposed"]?.tensor?.shape == [3, 2])
        #expect(try floats("transposed") == [0.25, 1, 0.5, 1.25, 0.75, 1.5])
        #expect(try floats("slice") == [2, 4, 6])
        #expect(state["slice"]?.tensor?.type == .int64)
        #expect(try floats("half") == [0.5, -2])
        #expect(try floats("brain") == [0.5, -2])
        #expect(try floats("double") == [0.25])
        #expect(state["double"]?.tensor?.shape == [])
        #expect(state["flags"]?.tensor?.bytes == Data([1, 0]))
        #expect(state["empty"]?.tensor?.shape == [0, 4])
        #expect(try floats("parameter") == [0.5, 1, 1.5, 2, 2.5, 3])
        #expect(value["step"] == .integer(70000))
        #expect(value["large"] == .integer(1 << 40))
        #expect(value["rate"] == .float(0.002))
        #expect(value["name"] == .string("naïve"))
        #expect(value["flag"] == .bool(true))
        #expect(value["nothing"] == TorchValue.none)
        #expect(value["shape"] == .list([.integer(1), .integer(2)]))
        #expect(value["opts"]?["size"] == .integer(256))
    }

    @Test(arguments: ["direction-zip.pt", "direction-legacy.pt"]) func `cut short at every byte is an error`(
        _ name: String
    ) throws {
        let data = try fixture(name)
        // Every byte of the structure, every 64th of the elements.
        for length in 0..<data.count where length < 700 || length > data.count - 700 || length % 64 == 0 {
            #expect(throws: Failure.self, "\(length)") { try TorchFile.decode(data.prefix(length), name: name) }
        }
    }

    @Test(arguments: ["mixed-zip.pt", "mixed-legacy.pt"]) func `changed bytes never crash`(_ name: String) throws {
        let data = try fixture(name)
        var random = CounterRandom(seed: 5, domain: 78)
        for _ in 0..<3000 {
            var changed = data
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                changed[Int.random(in: 0..<data.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? TorchFile.decode(changed, name: name)
        }
    }

    @Test func `what is written is read back`() throws {
        let value = TorchValue.dictionary([
            .init(key: "direction", value: .tensor(TensorData([1, 2, 3, 4, 5, 6], shape: [2, 3]))),
            .init(key: "scalar", value: .tensor(TensorData([7], shape: []))),
            .init(
                key: "nested",
                value: .list([.integer(-5), .integer(1 << 40), .float(0.5), .bool(false), .none, .string("é")])),
        ])
        #expect(try TorchFile.decode(TorchFile.encode(value), name: "round") == value)
        #expect(throws: Failure.self) { try TorchFile.encode(.other("x")) }
    }

    @Test func `tensors beyond their storage are refused`() throws {
        func file(offset: Int, shape: String, strides: String, bytes: Int = 16) throws -> Data {
            let pickle =
                "\u{80}\u{2}ctorch._utils\n_rebuild_tensor_v2\n((X\u{7}\0\0\0storagectorch\nFloatStorage\nX\u{1}\0\0\00X\u{3}\0\0\0cpu"
                + "K\u{4}tQI\(offset)\n(\(shape)t(\(strides)tI00\nccollections\nOrderedDict\n)RtR."
            var data = Data()
            for scalar in pickle.unicodeScalars { data.append(UInt8(scalar.value)) }
            var writer = ZipWriter()
            try writer.add(name: "a/data.pkl", data)
            try writer.add(name: "a/data/0", Data(count: bytes))
            return writer.finish()
        }
        #expect(
            try TorchFile.decode(file(offset: 0, shape: "I4\n", strides: "I1\n"), name: "good").tensor?.shape == [4])
        let bad: [(Int, String, String, Int)] = [
            (1, "I4\n", "I1\n", 16), (0, "I5\n", "I1\n", 16), (0, "I2\n", "I9\n", 16), (-1, "I1\n", "I1\n", 16),
            (0, "I-1\n", "I1\n", 16), (3, "I2\n", "I-1\n", 16), (0, "I4\n", "I1\n", 12),
            (0, "I1000000000\n", "I0\n", 16),
            (0, "I2\nI2\n", "I1\n", 16), (9_223_372_036_854_775_807, "I1\n", "I1\n", 16),
            (0, "I4611686018427387904\nI4\n", "I1\nI1\n", 16), (0, "I2\n", "I9223372036854775807\n", 16),
        ]
        for (offset, shape, strides, bytes) in bad {
            #expect(throws: Failure.self, "\(offset) \(shape) \(strides)") {
                try TorchFile.decode(file(offset: offset, shape: shape, strides: strides, bytes: bytes), name: "bad")
            }
        }
    }

    @Test func `other files are told what they are`() throws {
        func problem(_ data: Data) -> String {
            do {
                _ = try TorchFile.decode(data, name: "x.pt")
                return "none"
            } catch { return "\(error)" }
        }
        var writer = ZipWriter()
        try writer.add(name: "readme.txt", Data("hello".utf8))
        #expect(problem(writer.finish()).contains("without data.pkl"))
        #expect(problem(Data("hello".utf8)).contains("is not a file of torch.save"))
        #expect(problem(Data([0x80, 2, 0x4B, 1, 0x2E])).contains("not one of torch.save"))
        #expect(problem(Data()).contains("is not a file of torch.save"))
    }
}
