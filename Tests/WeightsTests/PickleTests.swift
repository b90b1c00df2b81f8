import Core
import Foundation
import Testing
import Weights

@Suite struct PickleTests {
    private func read(_ bytes: Data) throws -> PickleDocument {
        try PickleReader.read(bytes, name: "test.pkl", globals: TorchFile.globals)
    }

    private func problem(_ bytes: Data) -> String {
        do {
            _ = try read(bytes)
            return "none"
        } catch { return "\(error)" }
    }

    @Test func `plain values of every protocol`() throws {
        // pickletools.dis of pickle.dumps([1, -2, 70000, 2**40, 1.5, "é", b"x", True, None, (1,), {"a": 2}], protocol).
        let binary = Data([
            0x80, 4, 0x95, 59, 0, 0, 0, 0, 0, 0, 0, 0x5D, 0x94, 0x28, 0x4B, 1, 0x4A, 0xFE, 0xFF, 0xFF, 0xFF, 0x4A, 0x70,
            0x11,
            1, 0, 0x8A, 6, 0, 0, 0, 0, 0, 1, 0x47, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0, 0x8C, 2, 0xC3, 0xA9, 0x94, 0x43, 1,
            0x78,
            0x94, 0x88, 0x4E, 0x4B, 1, 0x85, 0x94, 0x7D, 0x94, 0x8C, 1, 0x61, 0x94, 0x4B, 2, 0x73, 0x65, 0x2E,
        ])
        let text = Data(
            "(lp0\nI1\naI-2\naI70000\naL1099511627776L\naF1.5\naV\u{E9}\np1\naS'x'\np2\naI01\naN(I1\ntp3\na(dp4\nVa\np5\nI2\nsa."
                .utf8)
        for bytes in [binary, text] {
            let root = try read(bytes).root
            let items = try #require(root.elements)
            #expect(items.count == 11)
            #expect(items[..<4].map(\.integer) == [1, -2, 70000, 1 << 40])
            guard case .float(1.5) = items[4], case .bool(true) = items[7], case .none = items[8] else {
                Issue.record("float, bool or None came out wrong")
                return
            }
            #expect(items[5].text == "é" && items[6].text == "x")
            #expect(items[9].integers == [1])
            #expect(items[10].node?.value(for: "a")?.integer == 2)
        }
    }

    @Test func `shared and cyclic values`() throws {
        // a = []; a.append(a); [a, a]
        let document = try read(Data("(lp0\ng0\na.".utf8))
        let outer = try #require(document.root.node)
        #expect(outer.items.first?.node === outer)
    }

    @Test(arguments: [
        ("cos\nsystem\n(S'echo owned'\ntR.", "os.system"),
        ("cposix\nsystem\n(S'echo owned'\ntR.", "posix.system"),
        ("c__builtin__\neval\n(S'1'\ntR.", "__builtin__.eval"),
        ("cbuiltins\nexec\n(S'1'\ntR.", "builtins.exec"),
        ("csubprocess\nPopen\n(S'ls'\ntR.", "subprocess.Popen"),
        ("(ios\nsystem\n.", "os.system"),
        ("(cos\nsystem\nS'ls'\no.", "os.system"),
        ("cnumpy.core.multiarray\nfromfile\n.", "numpy.core.multiarray.fromfile"),
        ("\u{8C}\u{2}os", "UTF-8"),
    ])
    func `calls are refused by name`(_ pickle: String, _ expected: String) {
        #expect(problem(Data(pickle.utf8)).contains(expected) || expected == "UTF-8")
    }

    @Test func `a global by stack is refused by name`() {
        let pickle = Data([0x80, 4, 0x8C, 2]) + Data("os".utf8) + Data([0x8C, 6]) + Data("system".utf8) + Data([0x93])
        #expect(problem(pickle).contains("os.system, which is not data"))
    }

    @Test func `a reduce of what a reduce gave is refused`() {
        let pickle = Data("ccollections\nOrderedDict\n)R)R.".utf8)
        #expect(problem(pickle).contains("calls a value that is no global"))
    }

    @Test func `hostile piles are refused in time and space`() throws {
        let clock = ContinuousClock()
        var cases: [String: Data] = [:]
        // A billion laughs: each list holds the one before twice; as nodes this is small, as values it is not.
        var laughs = Data("]q\0".utf8)
        for _ in 0..<60 { laughs += Data("](h\0h\0eq\0".utf8) }
        cases["laughs"] = laughs + Data(".".utf8)
        cases["nest"] =
            Data(repeating: UInt8(ascii: "]"), count: 900_000)
            + Data(repeating: UInt8(ascii: "a"), count: 899_999) + Data(".".utf8)
        cases["tuples"] = Data(")".utf8) + Data(repeating: 0x85, count: 900_000) + Data(".".utf8)
        cases["marks"] = Data(repeating: UInt8(ascii: "("), count: 5_000_000)
        cases["pushes"] = Data(repeating: UInt8(ascii: "N"), count: 5_000_000)
        cases["doubled"] = Data("]".utf8) + Data(repeating: UInt8(ascii: "2"), count: 5_000_000)
        cases["long text"] = Data([0x8D, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F])
        cases["negative text"] = Data([0x8D, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
        cases["long number"] = Data([0x8B, 0xFF, 0xFF, 0xFF, 0x7F])
        cases["frame"] = Data([0x80, 4, 0x95, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F])
        cases["no line end"] = Data("c".utf8) + Data(repeating: UInt8(ascii: "a"), count: 5_000_000)
        cases["far memo"] = Data([0x4E, UInt8(ascii: "r"), 0xFF, 0xFF, 0xFF, 0xFF, UInt8(ascii: ".")])
        for (name, bytes) in cases {
            let time = clock.measure { _ = try? TorchFile.decode(bytes, name: name) }
            let alone = clock.measure { _ = try? read(bytes) }
            #expect(max(time, alone) < .seconds(3), "\(name)")
        }
        #expect(problem(cases["long text"] ?? Data()).contains("cut short"))
        #expect(problem(cases["marks"] ?? Data()).contains("nests too deeply"))
    }

    @Test(arguments: [
        ".", "a.", "(.", "N(t", "s", "(lN", "0", "1", "2", "e", "]N]Ns.", "}Ns", "Nb.", "]Nb.", "tR.", "NR.", "Q",
        "h\u{5}.",
        "gx\n.", "\u{1}", "F1..2\n.", "Iabc\n.", "S'a\n.", "(dN(uN", "Nq", "p0\n", "R", "\u{7F}",
    ])
    func `nonsense is an error and no crash`(_ pickle: String) {
        #expect(throws: Failure.self) { try read(Data(pickle.utf8)) }
    }

    @Test func `random bytes never crash`() {
        var random = CounterRandom(seed: 11, domain: 77)
        let opcodes = Array("(.0123FNIJKLMPQRSTUVXabcdeghijlopqrstu}])".utf8) + Array(0x80...0x97)
        for _ in 0..<20_000 {
            let length = Int.random(in: 1...40, using: &random)
            let bytes = (0..<length).map { _ in
                Bool.random(using: &random)
                    ? opcodes[Int.random(in: 0..<opcodes.count, using: &random)]
                    : UInt8.random(in: 0...255, using: &random)
            }
            _ = try? read(Data(bytes))
        }
    }
}
