import Core
import Foundation
import Testing
import Weights

@Suite struct ZipTests {
    static let hasPython = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
        FileManager.default.isExecutableFile(atPath: $0 + "/python3")
    }

    static func archive(_ files: [(String, Data)]) throws -> Data {
        var writer = ZipWriter(alignment: 64)
        for (name, data) in files { try writer.add(name: name, data) }
        return writer.finish()
    }

    @Test func whatIsWrittenIsRead() throws {
        let files = [
            ("a/b.bin", Data((0..<1000).map { UInt8($0 & 255) })), ("empty", Data()), ("ü.txt", Data("x".utf8)),
        ]
        let archive = try ZipArchive(ZipTests.archive(files), name: "x.zip")
        #expect(archive.entries.map(\.name) == files.map(\.0))
        for (name, data) in files { #expect(try archive.read(archive.entry(name)) == data) }
        #expect(throws: Failure.self) { try archive.entry("nothing") }
    }

    @Test func everyTruncationIsAnError() throws {
        let data = try ZipTests.archive([("a", Data("hello".utf8)), ("b", Data("world".utf8))])
        for length in 0..<data.count {
            #expect(throws: Failure.self, "\(length)") {
                let archive = try ZipArchive(data.prefix(length), name: "cut")
                for entry in archive.entries { _ = try archive.read(entry) }
            }
        }
    }

    @Test(arguments: ["../evil", "/etc/passwd", "a/../../b", "C:\\x", "a\\b", "./a", "C:/x"])
    func namesThatLeaveTheFolderAreRefused(name: String) throws {
        let data = try ZipTests.archive([(name, Data("x".utf8))])
        #expect(throws: Failure.self) { try ZipArchive(data, name: "evil.zip") }
    }

    @Test func aFlippedByteFailsTheChecksum() throws {
        let payload = Data("some payload".utf8)
        var data = try ZipTests.archive([("a", payload)])
        let at = try #require(data.range(of: payload)).lowerBound
        data[at] ^= 1
        let archive = try ZipArchive(data, name: "x")
        #expect(throws: Failure.self) { try archive.read(archive.entries[0]) }
    }

    @Test func repeatedAndOverlappingFilesAreRefused() throws {
        #expect(throws: Failure.self) {
            try ZipArchive(ZipTests.archive([("a", Data("1".utf8)), ("a", Data("2".utf8))]), name: "x")
        }
        var data = try ZipTests.archive([("a", Data(repeating: 1, count: 99)), ("b", Data(repeating: 1, count: 99))])
        // The second central entry is made to point at the first local header.
        let second = try #require(data.range(of: Data("b".utf8), options: .backwards)).lowerBound
        data.replaceSubrange(second - 4..<second, with: [0, 0, 0, 0])
        #expect(throws: Failure.self) { try ZipArchive(data, name: "x") }
    }

    /// A Python with the standard library makes deflated entries, links and bombs as the wild does.
    @Test(.enabled(if: ZipTests.hasPython, "there is no python3"))
    func whatPythonPacksIsUnpackedOrRefused() throws {
        let folder = NSTemporaryDirectory() + "zip-\(UUID().uuidString)"
        try AtomicFile.makeFolder(folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let script = """
            import stat, sys, zipfile
            folder = sys.argv[1]
            with zipfile.ZipFile(folder + '/good.zip', 'w', zipfile.ZIP_DEFLATED) as z:
                z.writestr('text.txt', 'abc' * 10000)
            with zipfile.ZipFile(folder + '/bomb.zip', 'w', zipfile.ZIP_DEFLATED) as z:
                z.writestr('zeros', bytes(50_000_000))
            with zipfile.ZipFile(folder + '/link.zip', 'w') as z:
                info = zipfile.ZipInfo('link')
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
                info.create_system = 3
                z.writestr(info, '/etc/passwd')
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", script, folder]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        let good = try ZipArchive.open(folder + "/good.zip")
        #expect(try good.read(good.entry("text.txt")) == Data(String(repeating: "abc", count: 10000).utf8))
        #expect { try ZipArchive.open(folder + "/bomb.zip") } throws: { "\($0)".contains("would unpack") }
        #expect { try ZipArchive.open(folder + "/link.zip") } throws: { "\($0)".contains("link") }
    }
}

@Suite struct NumpyTests {
    @Test func whatIsWrittenIsRead() throws {
        let tensors = [
            "w": TensorData((0..<12).map(Float.init), shape: [3, 4]), "v": TensorData([1, 2], shape: [2]),
            "s": TensorData([3], shape: []), "h": try TensorData([1, 2], shape: [2]).half(),
        ]
        for tensor in tensors.values {
            let data = try NumpyFile.encode(tensor)
            #expect(try NumpyFile.decode(data, name: "x") == tensor)
            #expect((data.count - tensor.bytes.count) % 64 == 0)
        }
        let path = NSTemporaryDirectory() + UUID().uuidString + ".npz"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try AtomicFile.write(NumpyFile.encodeArchive(tensors), to: path)
        #expect(try NumpyFile.readArchive(path) == tensors)
    }

    /// A `.npy` file with this header text.
    private func file(_ header: String, _ bytes: Data) -> Data {
        Data([0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0]) + Data(header.utf8) + bytes
    }

    @Test func fortranOrderAndBigEndianAreTurned() throws {
        let values: [Float] = [1, 4, 2, 5, 3, 6]
        let swapped = values.map(\.bitPattern.byteSwapped).withUnsafeBytes { Data($0) }
        let data = file("{'descr': '>f4', 'fortran_order': True, 'shape': (2, 3), }", swapped)
        let tensor = try NumpyFile.decode(data, name: "x")
        #expect(tensor.shape == [2, 3])
        #expect(try tensor.floats() == [1, 2, 3, 4, 5, 6])
    }

    @Test(arguments: [
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "{'descr': '<f4', 'shape': (1,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "", "{'descr': [('a', '<f4')]}",
    ])
    func hostileHeadersAreRefused(header: String) {
        #expect(throws: Failure.self) { try NumpyFile.decode(file(header, Data(count: 4)), name: "x") }
    }

    @Test func everyTruncationIsAnError() throws {
        let data = try NumpyFile.encode(TensorData([1, 2, 3], shape: [3]))
        for length in 0..<data.count {
            #expect(throws: Failure.self) { try NumpyFile.decode(data.prefix(length), name: "x") }
        }
    }
}
