import Core
import DirectionFiles
import Foundation
import Testing

/// Exports opened by NumPy, PyTorch and safetensors themselves.
@Suite struct PythonTests {
    private static let python = ProcessInfo.processInfo.environment["DIRECTIONS_PYTHON"] ?? ""

    @Test(
        .enabled(
            if: !python.isEmpty,
            "set DIRECTIONS_PYTHON to a Python that has PyPI's numpy, torch and safetensors"))
    func `exports open in other tools`() throws {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/check_exports.py").path
        var directions = [try Samples.direction("eyeglasses", seed: 1), try Samples.direction("male", seed: 2)]
        for i in directions.indices { directions[i].version = 1 }
        try Samples.inFolder { folder in
            for direction in directions {
                let values = direction.values.withUnsafeBytes { Data($0) }
                try AtomicFile.write(values, to: "\(folder)/\(direction.attribute).f32")
                try AtomicFile.write(direction.encoded(), to: "\(folder)/\(direction.attribute).safetensors")
            }
            for format in ForeignDirection.Format.allCases {
                for (name, data) in try ForeignDirection.export(directions, as: format, stem: "all") {
                    try AtomicFile.write(data, to: "\(folder)/\(name)")
                }
            }
            let process = Process()
            let output = Pipe()
            process.executableURL = URL(fileURLWithPath: PythonTests.python)
            process.arguments = [script, folder]
            process.standardOutput = output
            process.standardError = output
            try process.run()
            let text = String(decoding: output.fileHandleForReading.readAll(), as: UTF8.self)
            process.waitUntilExit()
            if process.terminationStatus == 77 {
                print("skipped: \(PythonTests.python) lacks a package: \(text)")
                return
            }
            #expect(process.terminationStatus == 0, "\(text)")
            #expect(text.split(separator: "\n").count == 8)
            for direction in directions {
                for ending in ["npy", "npz", "pt", "pth", "safetensors"] {
                    let read = try ForeignDirection.read("\(folder)/back/\(direction.attribute).\(ending)")
                    let isSame = read.map(\.values) == [direction.values]
                    #expect(isSame, "\(ending)")
                }
            }
        }
    }
}
