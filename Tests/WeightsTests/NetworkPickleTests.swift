import Core
import Foundation
import Testing
import Weights

/// NVIDIA's network pickles as data; what their generators compute is GeneratorsTests' matter.
@Suite struct NetworkPickleTests {
    private static let folder =
        URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().path + "/Fixtures/stylegan2/"

    private static func file(_ name: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: folder + name))
    }

    private func problem(_ bytes: Data) -> String {
        do {
            _ = try NetworkPickle.decode(bytes, name: "test.pkl")
            return "none"
        } catch { return "\(error)" }
    }

    @Test func modulesAreFlattened() throws {
        let network = try NetworkPickle.read(Self.folder + "ada-resnet.pkl")
        #expect(network.kind == .torch)
        #expect(network.classes[""] == "Generator")
        #expect(network.classes["synthesis.b8.conv0"] == "SynthesisLayer")
        #expect(network.tensors["synthesis.b4.const"]?.shape == [12, 4, 4])
        #expect(network.tensors["synthesis.b8.conv0.noise_strength"]?.shape == [])
        #expect(network.settings["c_dim"]?.integer == 5)
        #expect(network.settings["synthesis.b8.architecture"]?.text == "resnet")
        guard case .float(1.5)? = network.settings["synthesis.b8.conv0.conv_clamp"] else {
            Issue.record("the limit of activations is lost")
            return
        }
    }

    @Test(arguments: ["tf-skip.pkl", "tf-resnet.pkl"]) func componentsAreFlattened(_ name: String) throws {
        let network = try NetworkPickle.read(Self.folder + name)
        #expect(network.kind == .tensorFlow)
        #expect(network.tensors["dlatent_avg"]?.shape == [64])
        #expect(network.tensors["mapping/Dense7/weight"]?.shape == [64, 64])
        #expect(network.settings["num_channels"]?.integer == 3)
    }

    /// A pickle of text that makes `G_ema` a module with these entries of its state.
    private func module(_ state: String) -> Data {
        Data(
            """
            (dS'G_ema'
            ctorch_utils.persistence
            _reconstruct_persistent_obj
            ((dS'class_name'
            S'Generator'
            sS'state'
            (d\(state)stRs.
            """.utf8)
    }

    @Test func programsInsideAreNotRun() {
        let calls = [
            "cos\nsystem\n(S'echo owned'\ntR", "cbuiltins\neval\n(S'1'\ntR", "c__builtin__\nexec\n(S'1'\ntR",
            "cnumpy\nload\n(S'x'\ntR", "ctorch\nload\n(S'x'\ntR", "cdnnlib.util\nopen_url\n(S'http://a'\ntR",
            "ctorch_utils.persistence\n_src_to_module\n(S'import os'\ntR",
        ]
        for call in calls {
            let text = problem(module("S'x'\n\(call)s"))
            #expect(text.contains("which is not data"), "\(text)")
        }
        // The source text that rides along is only text.
        #expect(problem(module("S'module_src'\nS'import os'\ns")) == "none")
    }

    @Test func storagesThatLieAreRefused() {
        func tensor(_ storage: String, _ shape: String) -> Data {
            module(
                """
                S'_parameters'
                (dS'weight'
                ctorch._utils
                _rebuild_tensor_v2
                (ctorch.storage
                _load_from_bytes
                (\(storage)tRI0
                (\(shape)t(I1
                tI00
                ccollections
                OrderedDict
                (tRtRss
                """)
        }
        #expect(problem(tensor("S'abc'\n", "I4\n")).contains("torch.save"))
        #expect(problem(tensor("", "I4\n")).contains("storage can't be understood"))
        #expect(problem(tensor("I5\n", "I4\n")).contains("storage can't be understood"))
        #expect(problem(tensor("S''\n", "I4\n")).contains("torch.save"))
    }

    @Test func networksWithoutEndAreRefused() throws {
        // A module that is its own part.
        let cycle = Data(
            """
            (dS'G_ema'
            ctorch_utils.persistence
            _reconstruct_persistent_obj
            ((dS'state'
            (dS'_modules'
            (dp2
            sstRp3
            g2
            S'a'
            g3
            s0s.
            """.utf8)
        #expect(problem(cycle).contains("too deeply"))
        // Sixty modules in a chain, and a TensorFlow network whose components double at each step.
        var chain = "(dS'_modules'\n(dsS'x'\nI1\ns"
        for _ in 0..<60 {
            chain =
                "(dS'_modules'\n(dS'a'\nctorch_utils.persistence\n_reconstruct_persistent_obj\n((dS'state'\n\(chain)stRss"
        }
        let deep = "(dS'G_ema'\nctorch_utils.persistence\n_reconstruct_persistent_obj\n((dS'state'\n\(chain)stRs."
        #expect(problem(Data(deep.utf8)).contains("too deeply"))
        var laughs = ""
        for k in 0..<40 {
            let part = k == 0 ? "" : "S'a'\ng\(k - 1)\nsS'b'\ng\(k - 1)\ns"
            laughs += "cdnnlib.tflib.network\nNetwork\n(tR(dS'variables'\n(lsS'components'\n(d\(part)sbp\(k)\n"
        }
        let clock = ContinuousClock()
        let took = clock.measure { #expect(problem(Data(("(" + laughs + "l.").utf8)).contains("too deeply")) }
        #expect(took < .seconds(1))
    }

    @Test func arraysThatLieAreRefused() {
        func array(_ state: String) -> Data {
            Data(
                """
                cdnnlib.tflib.network
                Network
                (tR(dS'variables'
                (l(S'a'
                cnumpy.core.multiarray
                _reconstruct
                (tR(\(state)tbtas b.
                """.replacingOccurrences(of: " b.", with: "b.").utf8)
        }
        let float = "cnumpy\ndtype\n(S'f4'\nI0\nI1\ntR"
        #expect(problem(array("I1\n(I1\nt\(float)I00\nS'abcd'\n")) == "none")
        #expect(problem(array("I1\n(I2\nt\(float)I00\nS'abcd'\n")).contains("with 4 bytes"))
        #expect(problem(array("I1\n(I4611686018427387904\nI4\nt\(float)I00\nS'abcd'\n")).contains("with 4 bytes"))
        #expect(problem(array("I1\n(I0\nI4611686018427387904\nI8\nt\(float)I01\nS''\n")) == "none")
        #expect(problem(array("I1\n(I1\ntcnumpy\ndtype\n(S'O'\nI0\nI1\ntRI00\nS'abcd'\n")).contains("type O"))
        #expect(problem(array("I1\n")).contains("without its state"))
    }

    @Test(arguments: ["alias-free.pkl", "ada-orig.pkl", "tf-skip.pkl"]) func everyCutIsAnError(_ name: String) throws {
        let data = try Self.file(name)
        let clock = ContinuousClock()
        var slowest = Duration.zero
        // Every length of the start, every third of the end, and many between.
        let lengths =
            Array(0..<200) + Array(stride(from: 200, to: data.count - 600, by: 311))
            + Array(stride(from: data.count - 600, to: data.count, by: 3))
        for length in lengths {
            slowest = max(slowest, clock.measure { #expect(problem(data.prefix(length)) != "none", "\(length)") })
        }
        #expect(slowest < .seconds(1))
    }

    @Test(arguments: ["ada-orig.pkl", "tf-resnet.pkl"]) func changedBytesNeverCrash(_ name: String) throws {
        let data = try Self.file(name)
        var random = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            var copy = data
            for _ in 0..<3 {
                copy[Int.random(in: 0..<min(copy.count, 20_000), using: &random)] = .random(in: 0...255, using: &random)
            }
            _ = problem(copy)
        }
    }

    @Test func fortranOrderIsTurned() throws {
        // numpy.asfortranarray([[0, 1, 2], [3, 4, 5]]): bytes 0 3 1 4 2 5.
        let pickle =
            Data(
                "cdnnlib.tflib.network\nNetwork\n(tR(dS'variables'\n(l(S'a'\ncnumpy.core.multiarray\n_reconstruct\n(tR(I1\n(I2\nI3\ntcnumpy\ndtype\n(S'u1'\nI0\nI1\ntRI01\n"
                    .utf8)
            + Data([UInt8(ascii: "U"), 6, 0, 3, 1, 4, 2, 5]) + Data("tbtasb.".utf8)
        let array = try #require(NetworkPickle.decode(pickle, name: "test.pkl").tensors["a"])
        #expect(try array.floats() == [0, 1, 2, 3, 4, 5])
        #expect(array.shape == [2, 3])
    }
}
