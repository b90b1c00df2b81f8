import CZlib
import Core
import Foundation

/// A zip archive in memory, read with distrust: names, offsets, sizes and checksums are checked before anything is
/// allocated or believed (PKWARE's APPNOTE.TXT; stored and deflated entries, zip64 sizes).
public struct ZipArchive: Sendable {
    /// One file of the archive.
    public struct Entry: Sendable, Equatable {
        /// Its path, with forward slashes; never absolute and without `..`.
        public let name: String
        /// Bytes in the archive.
        public let compressedSize: Int
        /// Bytes when unpacked.
        public let size: Int
        /// CRC-32 of the unpacked bytes.
        public let crc: UInt32
        let method: Int
        let headerOffset: Int

        /// Whether its bytes are packed, so that they must be unpacked to be read.
        public var isDeflated: Bool { method != 0 }
    }

    /// The files, in the order of the central directory; folders are left out.
    public let entries: [Entry]
    private let data: Data
    private let name: String

    /// An entry may unpack to at most this many times its packed size, plus 1 MiB; deflate itself can't exceed 1,032.
    public static let maximumExpansion = 200
    /// What an archive is for, which bounds what all of it may unpack to.
    public enum Kind: Sendable {
        /// Weights hardly shrink: packed entries may come to 4 times the archive's bytes, plus 16 MiB.
        case weights
        /// Anything else, such as arrays with many zeros: 20 times, plus 64 MiB.
        case other

        fileprivate func allowance(_ size: Int) -> Int {
            switch self {
            case .weights: 4 * size + (16 << 20)
            case .other: 20 * size + (64 << 20)
            }
        }
    }
    /// The most files an archive may have.
    public static let maximumEntries = 65_536

    /// - Parameters:
    ///   - data: The whole archive.
    ///   - name: Stands in error messages.
    ///   - kind: Bounds what all packed entries may come to together.
    /// - Throws: ``Failure`` naming the archive: no zip, cut short, encrypted or linked entries, hostile names, overlaps,
    ///   repeated names, or entries that would unpack to implausible sizes.
    public init(_ data: Data, name: String, kind: Kind = .other) throws {
        self.data = data.rebased()
        self.name = name
        entries = try ZipDirectory(self.data, name: name).entries()
        var rest = kind.allowance(data.count)
        for entry in entries where entry.isDeflated {
            guard entry.size <= rest else {
                throw Failure(
                    name, "has \(data.count) bytes that would unpack to more than \(kind.allowance(data.count))",
                    "the archive is damaged or hostile; if it is neither, unpack it and save its contents again")
            }
            rest -= entry.size
        }
    }

    /// Opens an archive file.
    ///
    /// - Throws: As ``init(_:name:)``.
    public static func open(_ path: String) throws -> ZipArchive { try ZipArchive(MappedFile(path).data, name: path) }

    /// The entry of a name.
    ///
    /// - Throws: ``Failure`` when there is none.
    public func entry(_ wanted: String) throws -> Entry {
        guard let found = entries.first(where: { $0.name == wanted }) else {
            throw Failure(name, "has no file \(wanted)", "the archive is incomplete; get it again")
        }
        return found
    }

    /// The unpacked bytes of an entry, its length and CRC-32 checked; those of one that is not packed share the archive's memory.
    ///
    /// - Throws: ``Failure`` naming archive and entry.
    public func read(_ entry: Entry) throws -> Data {
        let subject = "\(name): \(entry.name)"
        let advice = "the archive is damaged; get it again"
        let at = entry.headerOffset
        guard at + 30 <= data.count, data.word(at) == 0x0403_4B50 else {
            throw Failure(subject, "has no header", advice)
        }
        let start = at + 30 + data.short(at + 26) + data.short(at + 28)
        guard start + entry.compressedSize <= data.count else { throw Failure(subject, "is cut short", advice) }
        let packed = data[start..<start + entry.compressedSize].rebased()
        let bytes = entry.method == 0 ? packed : try ZipArchive.inflate(packed, size: entry.size, subject: subject)
        guard bytes.count == entry.size, ZipArchive.crc(bytes) == entry.crc else {
            throw Failure(subject, "does not match its checksum", advice)
        }
        return bytes
    }

    static func crc(_ data: Data) -> UInt32 {
        var value = crc32(0, nil, 0)
        data.withUnsafeBytes { raw in
            var rest = raw.bindMemory(to: UInt8.self)[...]
            while !rest.isEmpty {
                let piece = rest.prefix(1 << 30)
                value = crc32(value, UnsafeBufferPointer(rebasing: piece).baseAddress, UInt32(piece.count))
                rest = rest.dropFirst(piece.count)
            }
        }
        return UInt32(value)
    }

    private static func inflate(_ packed: Data, size: Int, subject: String) throws -> Data {
        let failure = Failure(subject, "can't be unpacked", "the archive is damaged; get it again")
        guard packed.count < Int(UInt32.max), size < Int(UInt32.max) else { throw failure }
        var stream = z_stream()
        guard inflateInit2_(&stream, -MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw failure
        }
        defer { inflateEnd(&stream) }
        // One byte more than promised, so that a longer stream shows itself.
        var output = Data(count: size + 1)
        let status = packed.withUnsafeBytes { source in
            output.withUnsafeMutableBytes { target in
                // zlib only reads from there.
                stream.next_in = UnsafeMutablePointer(mutating: source.bindMemory(to: UInt8.self).baseAddress)
                stream.avail_in = UInt32(source.count)
                stream.next_out = target.bindMemory(to: UInt8.self).baseAddress
                stream.avail_out = UInt32(target.count)
                return CZlib.inflate(&stream, Z_FINISH)
            }
        }
        guard status == Z_STREAM_END, stream.total_out == UInt(size) else { throw failure }
        return output.prefix(size)
    }
}

/// The central directory, checked.
private struct ZipDirectory {
    let data: Data
    let name: String

    init(_ data: Data, name: String) {
        self.data = data
        self.name = name
    }

    private func failure(_ problem: String) -> Failure { Failure(name, problem, "the archive is damaged or hostile") }

    func entries() throws -> [ZipArchive.Entry] {
        let (start, count) = try location()
        guard count <= ZipArchive.maximumEntries else { throw failure("has \(count) files") }
        var result: [ZipArchive.Entry] = []
        var names: Set<String> = []
        var at = start
        for _ in 0..<count {
            guard at + 46 <= data.count, data.word(at) == 0x0201_4B50 else { throw failure("has a damaged directory") }
            let nameLength = data.short(at + 28)
            let extraLength = data.short(at + 30)
            let next = at + 46 + nameLength + extraLength + data.short(at + 32)
            guard next <= data.count else { throw failure("has a directory that is cut short") }
            let entryName = String(decoding: data[at + 46..<at + 46 + nameLength], as: UTF8.self)
            let entry = try entry(
                at: at, name: entryName, extra: at + 46 + nameLength..<at + 46 + nameLength + extraLength)
            if !entryName.hasSuffix("/") {
                guard names.insert(entryName).inserted else { throw failure("has \(entryName) twice") }
                result.append(entry)
            }
            at = next
        }
        try checkOverlaps(result)
        return result
    }

    private func entry(at: Int, name entryName: String, extra: Range<Int>) throws -> ZipArchive.Entry {
        let parts = entryName.split(separator: "/", omittingEmptySubsequences: false)
        let isHostile =
            entryName.isEmpty || entryName.hasPrefix("/") || entryName.contains("\\") || entryName.contains("\0")
            || entryName.dropFirst().hasPrefix(":") || parts.contains("..") || parts.contains(".")
        guard !isHostile else { throw failure("has a file named `\(entryName)`, which would leave its folder") }
        guard data.short(at + 8) & 1 == 0 else { throw failure("has the encrypted file \(entryName)") }
        // Made on Unix: the upper half of the external attributes is the file mode, 0o12 its kind for a link.
        guard data[at + 5] != 3 || data.word(at + 38) >> 28 != 0xA else { throw failure("has the link \(entryName)") }
        let method = data.short(at + 10)
        guard method == 0 || method == 8 else {
            throw failure("has \(entryName) packed by the unknown method \(method)")
        }
        var sizes = [Int(data.word(at + 24)), Int(data.word(at + 20)), Int(data.word(at + 42))]
        try widen(&sizes, extra: extra, name: entryName)
        let (size, packed, offset) = (sizes[0], sizes[1], sizes[2])
        guard offset <= data.count, packed <= data.count - offset else {
            throw failure("has \(entryName) outside the file")
        }
        guard method == 8 || size == packed else { throw failure("has \(entryName) with two sizes") }
        guard size <= packed * ZipArchive.maximumExpansion + (1 << 20) else {
            throw failure("has \(entryName), \(packed) bytes that would unpack to \(size)")
        }
        return ZipArchive.Entry(
            name: entryName, compressedSize: packed, size: size, crc: data.word(at + 16), method: method,
            headerOffset: offset)
    }

    /// Replaces sizes that are all ones by those of the zip64 extra field, in its fixed order.
    private func widen(_ sizes: inout [Int], extra: Range<Int>, name entryName: String) throws {
        var at = extra.lowerBound
        while at + 4 <= extra.upperBound {
            let end = at + 4 + data.short(at + 2)
            guard end <= extra.upperBound else { return }
            if data.short(at) == 1 {
                var field = at + 4
                for i in sizes.indices where sizes[i] == 0xFFFF_FFFF {
                    guard field + 8 <= end, let value = Int(exactly: data.long(field)) else {
                        throw failure("has \(entryName) with damaged sizes")
                    }
                    sizes[i] = value
                    field += 8
                }
            }
            at = end
        }
    }

    private func location() throws -> (start: Int, count: Int) {
        guard data.count >= 22 else { throw failure("is not a zip archive") }
        var at = data.count - 22
        let lowest = max(0, data.count - 22 - 65_535)
        while at >= lowest && data.word(at) != 0x0605_4B50 { at -= 1 }
        guard at >= lowest else { throw failure("is not a zip archive, or is cut short") }
        var (start, count) = (Int(data.word(at + 16)), data.short(at + 10))
        if start == 0xFFFF_FFFF || count == 0xFFFF {
            guard at >= 20, data.word(at - 20) == 0x0706_4B50, let end = Int(exactly: data.long(at - 12)),
                end <= data.count - 56, data.word(end) == 0x0606_4B50,
                let wideCount = Int(exactly: data.long(end + 32)),
                let wideStart = Int(exactly: data.long(end + 48))
            else { throw failure("has a damaged zip64 directory") }
            (start, count) = (wideStart, wideCount)
        }
        guard start <= data.count else { throw failure("has its directory outside the file") }
        return (start, count)
    }

    /// Entries that share bytes are how a small archive unpacks to a huge one.
    private func checkOverlaps(_ entries: [ZipArchive.Entry]) throws {
        var end = 0
        for entry in entries.sorted(by: { $0.headerOffset < $1.headerOffset }) {
            guard entry.headerOffset >= end else { throw failure("has \(entry.name) overlapping another file") }
            end = entry.headerOffset + 30 + entry.compressedSize
        }
    }
}

extension Data {
    fileprivate func short(_ at: Int) -> Int { Int(self[at]) | Int(self[at + 1]) << 8 }
    fileprivate func word(_ at: Int) -> UInt32 { UInt32(short(at)) | UInt32(short(at + 2)) << 16 }
    fileprivate func long(_ at: Int) -> UInt64 { UInt64(word(at)) | UInt64(word(at + 4)) << 32 }
}
