import Core
import Foundation

/// Makes a zip archive of stored entries with a fixed date, so that equal contents give equal bytes.
public struct ZipWriter: Sendable {
    private var body = Data()
    private var directory = Data()
    private var count = 0
    private let alignment: Int

    /// - Parameter alignment: Entries' bytes start at multiples of this; `torch.save` uses 64.
    public init(alignment: Int = 1) { self.alignment = max(1, alignment) }

    /// Adds a file.
    ///
    /// - Throws: ``Failure`` when the archive would need zip64 (4 GiB or 65,535 files).
    public mutating func add(name: String, _ data: Data) throws {
        guard data.count < 0xFFFF_FFFF - body.count - (1 << 16), count < 65_534 else {
            throw Failure(
                name, "does not fit in the archive: it would exceed 4 GiB or 65,534 files", "write a folder instead")
        }
        let offset = body.count
        let path = Data(name.utf8)
        let start = offset + 30 + path.count
        var padding = (alignment - start % alignment) % alignment
        if padding > 0 && padding < 4 { padding += alignment }
        // Version 2.0, no flags, stored, 1980-01-01.
        var common = Data()
        common.append(contentsOf: [20, 0, 0, 8, 0, 0, 0, 0, 33, 0])
        common.append(word: ZipArchive.crc(data))
        common.append(word: UInt32(data.count))
        common.append(word: UInt32(data.count))
        common.append(short: path.count)
        body.append(word: 0x0403_4B50)
        body.append(common)
        body.append(short: padding)
        body.append(path)
        if padding > 0 {
            body.append(contentsOf: [0x46, 0x42])
            body.append(short: padding - 4)
            body.append(Data(count: padding - 4))
        }
        body.append(data)
        directory.append(word: 0x0201_4B50)
        directory.append(short: 20)
        directory.append(common)
        directory.append(Data(count: 12))
        directory.append(word: UInt32(offset))
        directory.append(path)
        count += 1
    }

    /// The archive's bytes.
    public func finish() -> Data {
        var result = body
        result.append(directory)
        result.append(word: 0x0605_4B50)
        result.append(Data(count: 4))
        result.append(short: count)
        result.append(short: count)
        result.append(word: UInt32(directory.count))
        result.append(word: UInt32(body.count))
        result.append(short: 0)
        return result
    }
}

extension Data {
    fileprivate mutating func append(short value: Int) {
        append(contentsOf: [UInt8(value & 255), UInt8(value >> 8 & 255)])
    }
    fileprivate mutating func append(word value: UInt32) {
        append(short: Int(value & 0xFFFF))
        append(short: Int(value >> 16))
    }
}
