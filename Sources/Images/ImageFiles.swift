import CImages
import Core
import Foundation

extension Image {
    /// Reads a PNG or JPEG file, whichever its first bytes say it is.
    ///
    /// Grey and CMYK pictures become RGB, 16 bits a channel become 8, transparency is laid on white.
    ///
    /// - Throws: ``Failure`` naming the file: missing, empty, cut short, damaged, too large, or of another kind.
    public static func read(_ path: String) throws -> Image {
        try decode(AtomicFile.read(path), name: path)
    }

    /// Decodes PNG or JPEG bytes; `name` stands in error messages.
    ///
    /// - Throws: ``Failure`` naming `name`.
    public static func decode(_ data: Data, name: String) throws -> Image {
        if data.isEmpty { throw Failure(name, "is empty", "replace it with a PNG or JPEG picture") }
        if data.starts(with: [0xFF, 0xD8, 0xFF]) { return try decodeJPEG(data, name: name) }
        if data.starts(with: [0x89, 0x50, 0x4E, 0x47]) { return try decodePNG(data, name: name) }
        throw Failure(name, "is neither a PNG nor a JPEG file", "convert it to one of them")
    }

    private static func decodeJPEG(_ data: Data, name: String) throws -> Image {
        var width: Int32 = 0
        var height: Int32 = 0
        var message = [CChar](repeating: 0, count: 256)
        let decoded = data.withUnsafeBytes { bytes in
            cimages_decode_jpeg(
                bytes.bindMemory(to: UInt8.self).baseAddress, UInt(bytes.count), UInt(maximumPixels), &width, &height,
                &message)
        }
        guard let decoded else { throw damaged(name, "JPEG", message) }
        defer { free(decoded) }
        let count = Int(width) * Int(height) * 3
        return Image(
            width: Int(width), height: Int(height), pixels: Array(UnsafeBufferPointer(start: decoded, count: count)))
    }

    private static func decodePNG(_ data: Data, name: String) throws -> Image {
        var header = png_image()
        header.version = UInt32(PNG_IMAGE_VERSION)
        defer { png_image_free(&header) }
        return try data.withUnsafeBytes { bytes in
            guard png_image_begin_read_from_memory(&header, bytes.baseAddress, bytes.count) != 0 else {
                throw damaged(name, "PNG", text(of: header))
            }
            let (width, height) = (Int(header.width), Int(header.height))
            guard width > 0, height > 0, width <= maximumPixels / height else {
                throw Failure(name, "has \(width) x \(height) pixels, more than can be read", "make it smaller")
            }
            header.format = 2  // PNG_FORMAT_RGB, a macro that Swift can't import
            var pixels = [UInt8](repeating: 0, count: width * height * 3)
            var white = png_color(red: 255, green: 255, blue: 255)
            guard png_image_finish_read(&header, &white, &pixels, 0, nil) != 0 else {
                throw damaged(name, "PNG", text(of: header))
            }
            return Image(width: width, height: height, pixels: pixels)
        }
    }

    /// The picture as a PNG file's bytes.
    ///
    /// - Throws: ``Failure`` when libpng can't encode it.
    public func encodedPNG() throws -> Data {
        var header = png_image()
        header.version = UInt32(PNG_IMAGE_VERSION)
        header.width = UInt32(width)
        header.height = UInt32(height)
        header.format = 2
        defer { png_image_free(&header) }
        // zlib adds at most 5 bytes per 16 KiB block to data it can't compress, and PNG a filter byte a row.
        var size = pixels.count + height + (pixels.count + height) / 1000 + 4096
        var bytes = Data(count: size)
        let written = bytes.withUnsafeMutableBytes { buffer in
            png_image_write_to_memory(&header, buffer.baseAddress, &size, 0, pixels, 0, nil)
        }
        guard written != 0 else { throw Failure("PNG", "can't be encoded: \(Image.string(Image.text(of: header)))") }
        return bytes.prefix(size)
    }

    /// The picture as a JPEG file's bytes.
    ///
    /// - Parameter quality: libjpeg's 1…100.
    /// - Throws: ``Failure`` when libjpeg can't encode it.
    public func encodedJPEG(quality: Int = 90) throws -> Data {
        var size: UInt = 0
        var message = [CChar](repeating: 0, count: 256)
        let encoded = cimages_encode_jpeg(pixels, Int32(width), Int32(height), Int32(quality), &size, &message)
        guard let encoded else { throw Image.damaged("JPEG", "JPEG", message) }
        defer { free(encoded) }
        return Data(bytes: encoded, count: Int(size))
    }

    /// Writes a PNG, or a JPEG when the name ends in `.jpg` or `.jpeg`, whole or not at all.
    ///
    /// - Throws: ``Failure`` naming the file.
    public func write(to path: String) throws {
        let lower = path.lowercased()
        let isJPEG = lower.hasSuffix(".jpg") || lower.hasSuffix(".jpeg")
        try AtomicFile.write(isJPEG ? encodedJPEG() : encodedPNG(), to: path)
    }

    private static func damaged(_ name: String, _ kind: String, _ message: [CChar]) -> Failure {
        Failure(name, "is a damaged \(kind) file: \(string(message))", "replace it")
    }

    private static func string(_ message: [CChar]) -> String {
        String(decoding: message.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static func text(of header: png_image) -> [CChar] {
        withUnsafeBytes(of: header.message) { Array($0.bindMemory(to: CChar.self)) + [0] }
    }
}
