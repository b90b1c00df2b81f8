import Foundation

extension FileHandle {
    /// Everything until the end, going on after a signal, which Foundation's own reading takes for a fatal error.
    public func readAll() -> Data {
        var result = Data()
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Foundation.read(fileDescriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return result }
            result.append(contentsOf: buffer[..<count])
        }
    }
}
