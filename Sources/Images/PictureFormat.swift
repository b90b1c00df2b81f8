import Foundation

/// Formats of picture files, and what beside the pixels a file says.
enum PictureFormat: String {
    case png = "PNG"
    case jpeg = "JPEG"
    case webp = "WebP"
    /// HEIC, and AVIF, which libheif reads too.
    case heif = "HEIC"

    /// The format of a file's first bytes, or nil.
    init?(_ data: Data) {
        let start = Array(data.prefix(16))
        func has(_ text: String, at offset: Int) -> Bool {
            start.count >= offset + text.utf8.count
                && Array(start[offset..<offset + text.utf8.count]) == Array(text.utf8)
        }
        if start.starts(with: [0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if start.starts(with: [0x89, 0x50, 0x4E, 0x47]) {
            self = .png
        } else if has("RIFF", at: 0), has("WEBP", at: 8) {
            self = .webp
        } else if has("ftyp", at: 4),
            ["heic", "heix", "heim", "heis", "hevc", "mif1", "msf1", "avif"].contains(where: { has($0, at: 8) })
        {
            self = .heif
        } else {
            return nil
        }
    }

    /// What a file is that is none of them, as the rest of a sentence; empty when it is not known.
    static func other(_ data: Data) -> String {
        let start = Array(data.prefix(256))
        func begins(_ text: String) -> Bool { start.starts(with: Array(text.utf8)) }
        if begins("GIF8") { return ", but a GIF" }
        if begins("BM") { return ", but a BMP" }
        if begins("II*\0") || begins("MM\0*") { return ", but a TIFF or a raw picture" }
        if begins("%PDF") { return ", but a PDF" }
        if start.dropFirst(4).starts(with: Array("ftyp".utf8)) { return ", but a video" }
        if start.allSatisfy({ $0 >= 32 && $0 != 127 || (9...13).contains($0) }) { return ", but a text" }
        return ""
    }

    /// The EXIF orientation of a file, 1 to 8; 1 when it says none.
    static func orientation(of data: Data, _ format: PictureFormat) -> Int {
        let bytes = ByteReader(data)
        switch format {
        case .jpeg: return bytes.jpegOrientation
        case .png: return bytes.pngOrientation
        case .webp: return bytes.webpOrientation
        case .heif: return bytes.heifOrientation
        }
    }
}

/// Numbers of a file at checked places.
private struct ByteReader {
    let data: Data

    init(_ data: Data) { self.data = data }

    private func byte(_ at: Int) -> Int? {
        at >= 0 && at < data.count ? Int(data[data.startIndex + at]) : nil
    }

    private func number(_ at: Int, _ size: Int, isLittle: Bool) -> Int? {
        var result = 0
        for k in 0..<size {
            guard let value = byte(at + (isLittle ? size - 1 - k : k)) else { return nil }
            result = result << 8 | value
        }
        return result
    }

    private func has(_ text: String, at offset: Int) -> Bool {
        text.utf8.enumerated().allSatisfy { byte(offset + $0.offset) == Int($0.element) }
    }

    /// Segments of a JPEG up to its picture; the first APP1 with EXIF counts.
    var jpegOrientation: Int {
        var at = 2
        while byte(at) == 0xFF, let marker = byte(at + 1) {
            // Padding, and markers without a length.
            if marker == 0xFF || marker == 0x01 || (0xD0...0xD8).contains(marker) {
                at += marker == 0xFF ? 1 : 2
                continue
            }
            guard marker != 0xDA, marker != 0xD9, let length = number(at + 2, 2, isLittle: false), length >= 2 else {
                return 1
            }
            if marker == 0xE1, has("Exif\0\0", at: at + 4) {
                return tiffOrientation(at + 10, end: at + 2 + length)
            }
            at += 2 + length
        }
        return 1
    }

    /// The `eXIf` chunk of a PNG.
    var pngOrientation: Int {
        var at = 8
        while let length = number(at, 4, isLittle: false), length <= data.count - at {
            if has("eXIf", at: at + 4) { return tiffOrientation(at + 8, end: at + 8 + length) }
            if has("IEND", at: at + 4) { return 1 }
            at += 12 + length
        }
        return 1
    }

    /// The `EXIF` chunk of a WebP.
    var webpOrientation: Int {
        var at = 12
        while let length = number(at + 4, 4, isLittle: true), length <= data.count - at {
            if has("EXIF", at: at) {
                // Some writers keep JPEG's mark before it.
                let start = has("Exif\0\0", at: at + 8) ? at + 14 : at + 8
                return tiffOrientation(start, end: at + 8 + length)
            }
            at += 8 + length + length % 2
        }
        return 1
    }

    /// EXIF of a HEIC that has no turn of its own (`irot`, `imir`), which libheif would have done and which comes before EXIF's.
    var heifOrientation: Int {
        let head = data.prefix(1 << 20)
        guard head.range(of: Data("irot".utf8)) == nil, head.range(of: Data("imir".utf8)) == nil else { return 1 }
        // The name stands in the list of items too; the item itself is a TIFF file.
        for order in ["MM\0*", "II*\0"] {
            guard let mark = data.range(of: Data(("Exif\0\0" + order).utf8)) else { continue }
            return tiffOrientation(mark.upperBound - 4 - data.startIndex, end: data.count)
        }
        return 1
    }

    /// Tag 0x0112 of the first directory of EXIF, which is a TIFF file's.
    private func tiffOrientation(_ start: Int, end: Int) -> Int {
        let isLittle = has("II", at: start)
        guard isLittle || has("MM", at: start), let offset = number(start + 4, 4, isLittle: isLittle),
            offset <= data.count, let count = number(start + offset, 2, isLittle: isLittle)
        else { return 1 }
        for k in 0..<count {
            let at = start + offset + 2 + 12 * k
            guard at + 12 <= end, let tag = number(at, 2, isLittle: isLittle) else { return 1 }
            guard tag == 0x0112 else { continue }
            let size = number(at + 2, 2, isLittle: isLittle) == 4 ? 4 : 2
            guard let value = number(at + 8, size, isLittle: isLittle), (1...8).contains(value) else { return 1 }
            return value
        }
        return 1
    }
}

extension Image {
    /// The picture turned so that it stands as it was taken.
    ///
    /// - Parameter orientation: EXIF's 1 to 8: how the stored rows and columns lie.
    /// - Returns: The picture, its sides exchanged for turns by a quarter.
    func upright(from orientation: Int) -> Image {
        guard (2...8).contains(orientation) else { return self }
        // Where a pixel of the result comes from: whether the axes are swapped, and which of the stored axes run backwards.
        let isSwapped = orientation >= 5
        let isMirrored = [2, 3, 7, 8].contains(orientation)
        let isUpsideDown = [3, 4, 6, 7].contains(orientation)
        let (newWidth, newHeight) = isSwapped ? (height, width) : (width, height)
        let (oldWidth, oldHeight) = (width, height)
        let turned = [UInt8](unsafeUninitializedCapacity: pixels.count) { target, initialized in
            pixels.withUnsafeBufferPointer { source in
                var to = 0
                for y in 0..<newHeight {
                    for x in 0..<newWidth {
                        let (column, row) = isSwapped ? (y, x) : (x, y)
                        let from =
                            3
                            * ((isUpsideDown ? oldHeight - 1 - row : row) * oldWidth
                                + (isMirrored ? oldWidth - 1 - column : column))
                        target[to] = source[from]
                        target[to + 1] = source[from + 1]
                        target[to + 2] = source[from + 2]
                        to += 3
                    }
                }
            }
            initialized = pixels.count
        }
        return Image(width: newWidth, height: newHeight, pixels: turned)
    }
}
