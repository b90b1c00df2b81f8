import Foundation

/// What kind of file some bytes are, by their beginning: for messages about files that were given in the wrong place.
public enum FileKind: Sendable, Equatable {
    case empty
    /// A picture of a format by name, such as `PNG`.
    case picture(String)
    case video
    case numpyArray, numpyArchive, torchSave, pickle, safetensors, zip, database, text
    case other

    /// Looks at the first bytes of a file, and at the last where text is told from others.
    public init(_ data: Data) {
        let start = [UInt8](data.prefix(512))
        func begins(_ bytes: [UInt8], at offset: Int = 0) -> Bool {
            start.count >= offset + bytes.count && Array(start[offset..<offset + bytes.count]) == bytes
        }
        func begins(_ text: String, at offset: Int = 0) -> Bool { begins(Array(text.utf8), at: offset) }
        let brands = ["heic", "heix", "hevc", "heim", "heis", "mif1", "msf1"]
        if start.isEmpty {
            self = .empty
        } else if begins([0x89] + Array("PNG".utf8)) {
            self = .picture("PNG")
        } else if begins([0xFF, 0xD8, 0xFF]) {
            self = .picture("JPEG")
        } else if begins("RIFF"), begins("WEBP", at: 8) {
            self = .picture("WebP")
        } else if begins("GIF8") {
            self = .picture("GIF")
        } else if begins("BM"), start.count > 26, start[14] == 40 || start[14] == 124 || start[14] == 108 {
            self = .picture("BMP")
        } else if begins([0x49, 0x49, 0x2A, 0]) || begins([0x4D, 0x4D, 0, 0x2A]) {
            self = .picture("TIFF")
        } else if begins("ftyp", at: 4) {
            let brand = String(decoding: start[8..<min(12, start.count)], as: UTF8.self)
            self = brands.contains(brand) ? .picture("HEIC") : brand.hasPrefix("avi") ? .picture("AVIF") : .video
        } else if begins([0x1A, 0x45, 0xDF, 0xA3]) || begins("RIFF") {
            self = .video
        } else if begins([0x93] + Array("NUMPY".utf8)) {
            self = .numpyArray
        } else if begins("PK") {
            let name = String(decoding: start.dropFirst(30).prefix(128), as: UTF8.self)
            self =
                name.contains("data.pkl") || name.contains("/data/") || name.contains("/byteorder")
                ? .torchSave : name.contains(".npy") ? .numpyArchive : .zip
        } else if begins("SQLite format 3") {
            self = .database
        } else if start.count > 8, start[4..<8].allSatisfy({ $0 == 0 }), start[8] == UInt8(ascii: "{") {
            // Before pickles: the length of the header may begin with a byte that pickles begin with too.
            self = .safetensors
        } else if begins([0x80]), start.count > 1, start[1] <= 5 {
            self = begins([0x8A, 0x0A], at: 2) ? .torchSave : .pickle
        } else if start.allSatisfy({ $0 >= 32 && $0 != 127 || (9...13).contains($0) }) {
            self = .text
        } else {
            self = .other
        }
    }

    /// With its article, such as `a PNG picture`; nil for a kind that is not known.
    public var name: String? {
        switch self {
        case .empty: "an empty file"
        case .picture(let format): "a \(format) picture"
        case .video: "a video or sound"
        case .numpyArray: "a NumPy array (.npy)"
        case .numpyArchive: "an archive of NumPy arrays (.npz)"
        case .torchSave: "a file of torch.save (.pt)"
        case .pickle: "a Python pickle"
        case .safetensors: "safetensors"
        case .zip: "a zip archive"
        case .database: "an SQLite database"
        case .text: "a text"
        case .other: nil
        }
    }
}
