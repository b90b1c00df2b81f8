import CImages
import Core
import Foundation

extension Image {
    /// Reads a PNG, JPEG, WebP or HEIC (AVIF) file, whichever its first bytes say it is.
    ///
    /// Pictures come upright, as their EXIF orientation says. Grey, palettes and CMYK become RGB, 16 bits a channel become 8,
    /// transparency is laid on white.
    ///
    /// - Throws: ``Failure`` naming the file: missing, a folder, empty, cut short, damaged, too large, an animation, or of another
    ///   kind.
    public static func read(_ path: String) throws -> Image {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
            throw Failure(path, "is a folder, not a picture", "name the pictures in it")
        }
        return try decode(AtomicFile.read(path), name: path)
    }

    /// Decodes a picture's bytes; `name` stands in error messages.
    ///
    /// - Throws: ``Failure`` naming `name`.
    public static func decode(_ data: Data, name: String) throws -> Image {
        if data.isEmpty { throw Failure(name, "is empty", "replace it with a picture") }
        guard let format = PictureFormat(data) else {
            throw Failure(
                name, "is neither a PNG, JPEG, WebP nor HEIC picture\(PictureFormat.other(data))",
                "convert it to one of them")
        }
        let image: Image
        switch format {
        case .png: image = try decodePNG(data, name: name)
        case .jpeg:
            image = try decode(data, format, name: name) {
                cimages_read_jpeg($0, UInt($1), $2, $3, $4, $5)
            }
        case .webp: image = try decode(data, format, name: name) { cimages_read_webp($0, $1, $2, $3, $4, $5) }
        case .heif: image = try decode(data, format, name: name) { cimages_read_heif($0, $1, $2, $3, $4, $5) }
        }
        return image.upright(from: PictureFormat.orientation(of: data, format))
    }

    /// A function of the shim's: bytes and their number, width, height, pixels or nil to ask for the size alone, a message.
    private typealias Reader = (
        UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Int32>,
        UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<CChar>
    ) -> Int32

    /// Asks for the size, and when that is fair decodes into an array that has it.
    private static func decode(
        _ data: Data, _ format: PictureFormat, name: String, _ read: Reader
    ) throws -> Image {
        var (width, height) = (Int32(0), Int32(0))
        var message = [CChar](repeating: 0, count: 256)
        return try data.withUnsafeBytes { bytes in
            let start = bytes.bindMemory(to: UInt8.self).baseAddress
            guard read(start, bytes.count, &width, &height, nil, &message) != 0 else {
                throw damaged(name, format, message)
            }
            try checkSize(Int(width), Int(height), name)
            let count = Int(width) * Int(height) * 3
            var isDone = false
            let pixels = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                isDone = read(start, bytes.count, &width, &height, buffer.baseAddress, &message) != 0
                if !isDone { buffer.initialize(repeating: 0) }
                initialized = count
            }
            guard isDone else { throw damaged(name, format, message) }
            return Image(width: Int(width), height: Int(height), pixels: pixels)
        }
    }

    private static func checkSize(_ width: Int, _ height: Int, _ name: String) throws {
        guard width > 0, height > 0 else { throw Failure(name, "has no pixels", "replace it") }
        guard width <= maximumPixels / height else {
            throw Failure(
                name, "has \(width) x \(height) pixels, more than the \(maximumPixels) that are read", "make it smaller"
            )
        }
    }

    private static func decodePNG(_ data: Data, name: String) throws -> Image {
        var header = png_image()
        header.version = UInt32(PNG_IMAGE_VERSION)
        defer { png_image_free(&header) }
        return try data.withUnsafeBytes { bytes in
            guard png_image_begin_read_from_memory(&header, bytes.baseAddress, bytes.count) != 0 else {
                // libpng refuses sides of more than a million itself.
                throw damaged(name, .png, text(of: header))
            }
            let (width, height) = (Int(header.width), Int(header.height))
            try checkSize(width, height, name)
            header.format = 2  // PNG_FORMAT_RGB, a macro that Swift can't import
            // 16 bits without a chunk that says otherwise are sRGB as 8 are, and not linear as libpng supposes.
            header.flags |= 4  // PNG_IMAGE_FLAG_16BIT_sRGB
            let count = width * height * 3
            var white = png_color(red: 255, green: 255, blue: 255)
            var isDone = false
            let pixels = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                isDone = png_image_finish_read(&header, &white, buffer.baseAddress, 0, nil) != 0
                if !isDone { buffer.initialize(repeating: 0) }
                initialized = count
            }
            guard isDone else { throw damaged(name, .png, text(of: header)) }
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
    /// - Returns: The file's bytes.
    /// - Throws: ``Failure`` when libjpeg can't encode it.
    public func encodedJPEG(quality: Int = 90) throws -> Data {
        var size: UInt = 0
        var message = [CChar](repeating: 0, count: 256)
        let encoded = cimages_encode_jpeg(pixels, Int32(width), Int32(height), Int32(quality), &size, &message)
        guard let encoded else { throw Failure("JPEG", "can't be encoded: \(Image.string(message))") }
        defer { free(encoded) }
        return Data(bytes: encoded, count: Int(size))
    }

    /// The picture as a WebP file's bytes, without loss.
    ///
    /// - Returns: The file's bytes.
    /// - Throws: ``Failure`` when a side has more than the 16,383 pixels that WebP takes, or libwebp can't encode it.
    public func encodedWebP() throws -> Data {
        guard max(width, height) <= 16_383 else {
            throw Failure("WebP", "takes 16,383 pixels a side, not \(width) x \(height)", "write a PNG")
        }
        var size = 0
        guard let encoded = cimages_encode_webp(pixels, Int32(width), Int32(height), &size) else {
            throw Failure("WebP", "can't be encoded", "write a PNG")
        }
        defer { WebPFree(encoded) }
        return Data(bytes: encoded, count: size)
    }

    /// The picture as a file's bytes in a format.
    ///
    /// - Throws: ``Failure`` when the format's library can't encode it.
    public func encoded(as format: ImageFormat) throws -> Data {
        switch format {
        case .png: try encodedPNG()
        case .jpeg: try encodedJPEG()
        case .webp: try encodedWebP()
        }
    }

    /// Writes the picture in the format of the name's ending, whole or not at all.
    ///
    /// - Throws: ``Failure`` naming the file: an ending of no format that is written (usage), or it can't be written.
    public func write(to path: String) throws {
        try AtomicFile.write(encoded(as: ImageFormat(path: path)), to: path)
    }

    private static func damaged(_ name: String, _ format: PictureFormat, _ message: [CChar]) -> Failure {
        Failure(name, "is a damaged \(format.rawValue) file: \(string(message))", "replace it")
    }

    private static func string(_ message: [CChar]) -> String {
        String(decoding: message.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static func text(of header: png_image) -> [CChar] {
        withUnsafeBytes(of: header.message) { Array($0.bindMemory(to: CChar.self)) + [0] }
    }
}
