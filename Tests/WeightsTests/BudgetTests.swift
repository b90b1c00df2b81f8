import Core
import Foundation
import Testing
import Weights

/// What files may unpack to, and how deep they may nest.
@Suite struct BudgetTests {
    @Test(.enabled(if: ZipTests.hasPython, "there is no python3"))
    func `packed storages that come to more than weights do are refused unread`() throws {
        let folder = NSTemporaryDirectory() + "budget-\(UUID().uuidString)"
        try AtomicFile.makeFolder(folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // 100 storages of 1 MB with 1 % of noise: each just below 200 : 1, all together 100 times the file.
        let script = """
            import os, sys, zipfile
            with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as z:
                z.writestr('archive/data.pkl', b'\\x80\\x02}.')
                for k in range(100):
                    z.writestr(f'archive/data/{k}', bytes(1_000_000) + os.urandom(6_000))
            with zipfile.ZipFile(sys.argv[2], 'w', zipfile.ZIP_DEFLATED) as z:
                z.writestr('archive/data.pkl', b'\\x80\\x02}.')
                z.writestr('archive/data/0', bytes(100_000) + os.urandom(100_000))
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", script, folder + "/bomb.pt", folder + "/good.pt"]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        #expect { try TorchFile.read(folder + "/bomb.pt") } throws: { "\($0)".contains("would unpack to more than") }
        #expect(try TorchFile.read(folder + "/good.pt") == .dictionary([]))
    }

    @Test func `a deep nest is refused at once`() throws {
        let clock = ContinuousClock()
        var nest = Data(repeating: UInt8(ascii: "]"), count: 900_000)
        nest += Data(repeating: UInt8(ascii: "a"), count: 899_999) + Data(".".utf8)
        let tuples = Data(")".utf8) + Data(repeating: 0x85, count: 900_000) + Data(".".utf8)
        // A chain from the top down: each list is filled after it was put into the one above.
        var chain = Data("]".utf8)
        for _ in 0..<300_000 { chain += Data([0x5D, UInt8(ascii: "r"), 0, 0, 0, 0, UInt8(ascii: "a")]) }
        for bytes in [nest, tuples, chain] {
            var problem = ""
            let time = clock.measure {
                do { _ = try TorchFile.decode(bytes, name: "x.pt") } catch { problem = "\(error)" }
            }
            #expect(time < .milliseconds(1500), "\(time)")
            #expect(problem.contains("deeply") || bytes == chain)
        }
        // What Python's own writer makes of a hundred nested lists is read.
        let fair = Data(repeating: UInt8(ascii: "]"), count: 60) + Data(repeating: UInt8(ascii: "a"), count: 59)
        #expect(try TorchFile.decode(Data([0x80, 2]) + fair + Data(".".utf8), name: "x.pt") != .none)
    }

    @Test func `tensors share the memory of the file that they lie in`() throws {
        let path = NSTemporaryDirectory() + UUID().uuidString + ".pt"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let large = TensorData([Float](repeating: 1, count: 40 << 20), shape: [40 << 20])
        try TorchFile.write(.dictionary([.init(key: "a", value: .tensor(large))]), to: path)
        let file = try MappedFile(path)
        let before = Memory.resident
        let tensor = try #require(TorchFile.open(file.data, name: path)["a"]?.storedTensor)
        #expect(Memory.resident - before < 80 << 20)
        #expect(tensor.shape == [40 << 20])
        // Loading compares the checksum, which looks at all of it, and copies nothing.
        let loaded = try tensor.load()
        file.dropResident()
        #expect(Memory.resident - before < 80 << 20)
        #expect(loaded == large)
    }
}

private enum Memory {
    /// Bytes of this process that are in memory.
    static var resident: Int {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0)
            * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
