import Classifiers
import Core
import DirectionFiles
import Foundation
import Images
import Latents
import Weights

// A libFuzzer target for the readers of other people's files; scripts/fuzz builds and runs it. The first byte chooses the
// reader, the rest is the file. A reader may throw a Failure and nothing else.

private let layout = CodeFile.Layout(size: 8, rows: [6])

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 0 else { return 0 }
    let file = Data(bytes: start + 1, count: count - 1)
    // FUZZ_TARGET in the environment holds a run to one of them.
    let target = only ?? Int(start[0]) % 11
    do {
        switch target {
        case 0: _ = try NetworkPickle.decode(file, name: "input")
        case 1: _ = try TorchFile.decode(file, name: "input")
        case 2: _ = try SafetensorsFile.decode(file, name: "input")
        case 3: _ = try NumpyFile.decode(file, name: "input")
        case 4, 5:
            // Codes: .npy with their pickles, .npz, .pt and safetensors; all of them, then one.
            _ = try? CodeFile.decode(file, name: "input", key: "a/0", space: .wPlus, for: layout)
            _ = try CodeFile.decode(file, name: "input", key: CodeFile.allKeys, for: layout)
        case 6: try pack(file)
        case 7: _ = try LabelTable(decoding: file, name: "input")
        case 8: _ = try Image.decode(small(file), name: "input").gridCells
        case 9: _ = try DlibShapeFile(file, name: "input")
        default: _ = try DirectionFile.decode(file, name: "input")
        }
    } catch is Failure {
    } catch {
        fatalError("threw \(error), which is no Failure")
    }
    return 0
}

private let only = ProcessInfo.processInfo.environment["FUZZ_TARGET"].flatMap { Int($0) }

/// A pack is read where it lies.
private func pack(_ file: Data) throws {
    let path = NSTemporaryDirectory() + "/fuzz-\(getpid()).zip"
    try file.write(to: URL(fileURLWithPath: path))
    _ = DirectionPack.problems(at: path)
    _ = try DirectionPack(at: path)
}

/// A PNG's size is bounded here, so that a run spends its time on decoders and not on clearing memory.
private func small(_ file: Data) throws -> Data {
    if file.count > 24, file[0] == 0x89 {
        let sides = [16, 20].map { at in (0..<4).reduce(0) { $0 << 8 | Int(file[at + $1]) } }
        if sides.contains(where: { $0 > 4096 }) { throw Failure("input", "is large") }
    }
    return file
}
