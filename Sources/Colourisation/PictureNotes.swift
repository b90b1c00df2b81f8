import Foundation
import Images

/// What a picture's file says beside its pixels, for a picture that is made of it.
public struct PictureNotes: Sendable, Equatable {
    /// EXIF as a TIFF block, with its orientation set upright; nil where there is none.
    public var exif: Data?
    /// A sentence for people, in ASCII.
    public var comment: String?

    public init(exif: Data? = nil, comment: String? = nil) {
        self.exif = exif
        self.comment = comment
    }

    /// The EXIF of a file's bytes.
    ///
    /// Pictures are read upright, so that the orientation in it becomes 1. It is found in JPEG, PNG and WebP
    /// files, not in HEIC.
    public init(of file: Data) {
        let data = Data(file)
        guard let range = PictureNotes.exifRange(data), range.count >= 8 else { return }
        exif = PictureNotes.upright(Data(data[range]))
    }

    /// A picture file's bytes with these notes in them.
    ///
    /// - Parameters:
    ///   - encoded: A file as ``Image/encoded(as:)`` makes it.
    ///   - format: Its format.
    /// - Returns: The file with the notes; a WebP file takes EXIF and no comment.
    public func added(to encoded: Data, as format: ImageFormat) -> Data {
        let encoded = Data(encoded)
        switch format {
        case .png:
            var chunks = Data()
            // The name of a text, a zero, the text.
            if let comment { chunks += PictureNotes.pngChunk("tEXt", Data("Comment\0\(comment)".utf8)) }
            if let exif { chunks += PictureNotes.pngChunk("eXIf", exif) }
            // Behind the header, which is always the first chunk and has 25 bytes.
            return encoded.prefix(33) + chunks + encoded.dropFirst(33)
        case .jpeg:
            var segments = Data()
            if let exif, exif.count < 65_500 {
                segments += PictureNotes.jpegSegment(0xE1, Data("Exif\0\0".utf8) + exif)
            }
            if let comment { segments += PictureNotes.jpegSegment(0xFE, Data(comment.utf8)) }
            return encoded.prefix(2) + segments + encoded.dropFirst(2)
        case .webp: return exif.map { PictureNotes.webp(encoded, exif: $0) } ?? encoded
        }
    }

    // MARK: Finding EXIF

    private static func exifRange(_ data: Data) -> Range<Int>? {
        if data.starts(with: [0xFF, 0xD8, 0xFF]) { return jpegRange(data) }
        if data.starts(with: [0x89, 0x50, 0x4E, 0x47]) { return chunkRange(data, from: 8, name: "eXIf", isBig: true) }
        guard data.starts(with: Data("RIFF".utf8)), data.count > 12, data[8..<12].elementsEqual("WEBP".utf8) else {
            return nil
        }
        return chunkRange(data, from: 12, name: "EXIF", isBig: false)
    }

    private static func jpegRange(_ data: Data) -> Range<Int>? {
        var at = 2
        while at + 4 <= data.count, data[at] == 0xFF {
            let marker = data[at + 1]
            if marker == 0xFF || marker == 0x01 || (0xD0...0xD8).contains(marker) {
                at += marker == 0xFF ? 1 : 2
                continue
            }
            if marker == 0xDA || marker == 0xD9 { return nil }
            let end = at + 2 + (Int(data[at + 2]) << 8 | Int(data[at + 3]))
            guard end <= data.count, end > at + 3 else { return nil }
            if marker == 0xE1, data[(at + 4)..<end].starts(with: Data("Exif\0\0".utf8)) { return (at + 10)..<end }
            at = end
        }
        return nil
    }

    /// The contents of a chunk: PNG's have their length before and a sum behind, in big numbers; WebP's are padded to two.
    private static func chunkRange(_ data: Data, from start: Int, name: String, isBig: Bool) -> Range<Int>? {
        var at = start
        while at + 8 <= data.count {
            let digits = (0..<4).map { Int(data[at + (isBig ? 0 : 4) + $0]) }
            let length = (isBig ? digits : digits.reversed()).reduce(0) { $0 << 8 | $1 }
            let (from, to) = (at + 8, at + 8 + length)
            guard to <= data.count else { return nil }
            if data[(at + (isBig ? 4 : 0))...].starts(with: Data(name.utf8)) {
                let mark = Data("Exif\0\0".utf8)
                return data[from..<to].starts(with: mark) ? (from + mark.count)..<to : from..<to
            }
            at = to + (isBig ? 4 : length % 2)
        }
        return nil
    }

    /// EXIF's first directory with the orientation, where it has one, set to 1.
    private static func upright(_ exif: Data) -> Data? {
        var result = exif
        let isLittle = exif.starts(with: Data("II*\0".utf8))
        guard isLittle || exif.starts(with: Data("MM\0*".utf8)) else { return nil }
        func number(_ at: Int, _ size: Int) -> Int? {
            guard at >= 0, at + size <= exif.count else { return nil }
            let digits = (0..<size).map { Int(exif[at + $0]) }
            return (isLittle ? digits.reversed() : digits).reduce(0) { $0 << 8 | $1 }
        }
        guard let start = number(4, 4), let count = number(start, 2) else { return nil }
        for k in 0..<count {
            let at = start + 2 + 12 * k
            guard let tag = number(at, 2), at + 12 <= exif.count else { break }
            guard tag == 0x0112 else { continue }
            // A short (3) or a long (4) of one value, kept in the entry itself.
            let size = number(at + 2, 2) == 4 ? 4 : 2
            for i in 0..<4 { result[at + 8 + i] = 0 }
            result[at + 8 + (isLittle ? 0 : size - 1)] = 1
        }
        return result
    }

    // MARK: Writing

    private static func big(_ value: Int) -> Data { Data([24, 16, 8, 0].map { UInt8(value >> $0 & 255) }) }
    private static func little(_ value: Int, _ size: Int = 4) -> Data {
        Data((0..<size).map { UInt8(value >> (8 * $0) & 255) })
    }

    private static func pngChunk(_ name: String, _ contents: Data) -> Data {
        let named = Data(name.utf8) + contents
        return big(contents.count) + named + big(Int(checksum(named)))
    }

    /// PNG's sum of a chunk: CRC-32 of IEEE 802.3.
    private static func checksum(_ data: Data) -> UInt32 {
        var sum: UInt32 = 0xFFFF_FFFF
        for byte in data {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
        }
        return ~sum
    }

    private static func jpegSegment(_ marker: UInt8, _ contents: Data) -> Data {
        let length = contents.count + 2
        return Data([0xFF, marker, UInt8(length >> 8 & 255), UInt8(length & 255)]) + contents
    }

    /// The extended form of a WebP file of one chunk without loss, whose size stands in its first five bytes.
    private static func webp(_ encoded: Data, exif: Data) -> Data {
        guard encoded.count > 25, encoded[12..<16].elementsEqual("VP8L".utf8) else { return encoded }
        let bits = (0..<4).reduce(0) { $0 | Int(encoded[21 + $1]) << (8 * $1) }
        let (width, height) = (bits & 0x3FFF, bits >> 14 & 0x3FFF)
        let head =
            Data("VP8X".utf8) + little(10) + Data([0x08, 0, 0, 0]) + little(width, 3) + little(height, 3)
        let tail = Data("EXIF".utf8) + little(exif.count) + exif + Data(exif.count % 2 == 1 ? [0] : [])
        let body = Data("WEBP".utf8) + head + encoded.dropFirst(12) + tail
        return Data("RIFF".utf8) + little(body.count) + body
    }
}
