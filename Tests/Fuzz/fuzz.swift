import Core
import Foundation
import Weights

// A libFuzzer target for the readers of other people's weights; scripts/fuzz builds and runs it. The first byte chooses
// the reader, the rest is the file. A reader may throw a Failure and nothing else.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 0 else { return 0 }
    let file = Data(bytes: start + 1, count: count - 1)
    do {
        switch start[0] % 4 {
        case 0: _ = try NetworkPickle.decode(file, name: "input")
        case 1: _ = try TorchFile.decode(file, name: "input")
        case 2: _ = try SafetensorsFile.decode(file, name: "input")
        default: _ = try NumpyFile.decode(file, name: "input")
        }
    } catch is Failure {
    } catch {
        fatalError("threw \(error), which is no Failure")
    }
    return 0
}
