import CImages
import Core
import Foundation

/// Formats in which films are written; a file's ending chooses one.
public enum FilmFormat: String, Sendable, CaseIterable {
    /// H.264, through ffmpeg.
    case mp4
    /// 256 colours, through ffmpeg.
    case gif
    /// Animated WebP, through libwebp.
    case webp

    /// The format of a file's ending, in any case.
    ///
    /// - Throws: ``Core/Failure`` naming the file: an ending of no format that is written (usage), or a format that needs ffmpeg
    ///   where there is none (not found).
    public init(path: String) throws {
        let ending = (path as NSString).pathExtension.lowercased()
        guard let format = FilmFormat(rawValue: ending) else {
            throw Failure(
                path, ending.isEmpty ? "has no ending that says its format" : "would be a .\(ending), which is no film",
                "name a .mp4, .gif or .webp", kind: .usage)
        }
        if format != .webp, FilmFormat.ffmpeg == nil {
            throw Failure(path, "needs ffmpeg, which is not there", "install ffmpeg, or name a .webp", kind: .notFound)
        }
        self = format
    }

    /// The program ffmpeg, where the search path has it.
    static var ffmpeg: String? {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        return folders.map { "\($0)/ffmpeg" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}

/// A film that is written picture by picture, and is there whole or not at all.
///
/// For example:
///
/// ```swift
/// let film = try Film(path: "smile.webp", framesPerSecond: 24)
/// for strength in strengths { try film.add(picture(strength)) }
/// try film.finish()
/// ```
public final class Film {
    private let path: String
    private let format: FilmFormat
    private let framesPerSecond: Int
    /// The first picture's, which all others must have.
    private var size: (width: Int, height: Int)?
    /// Pictures so far.
    public private(set) var count = 0
    private var encoder: OpaquePointer?
    /// The pictures as bytes, for ffmpeg to read.
    private let frames: String
    private var frameFile: FileHandle?

    /// - Parameters:
    ///   - path: The file, whose ending is the format.
    ///   - framesPerSecond: Pictures in a second.
    /// - Throws: ``Core/Failure`` as ``FilmFormat/init(path:)``, or when the rate is not 1 to 120 (usage).
    public init(path: String, framesPerSecond: Int = 24) throws {
        guard 1...120 ~= framesPerSecond else {
            throw Failure("frames a second \(framesPerSecond)", "must be 1 to 120", "for example 24", kind: .usage)
        }
        format = try FilmFormat(path: path)
        self.path = path
        self.framesPerSecond = framesPerSecond
        frames = NSTemporaryDirectory() + "directions-\(UUID().uuidString).rgb"
    }

    deinit {
        WebPAnimEncoderDelete(encoder)
        try? frameFile?.close()
        unlink(frames)
    }

    /// Adds a picture.
    ///
    /// - Throws: ``Core/Failure`` naming the film: a picture of another size than the first, or one that can't be encoded or kept.
    public func add(_ picture: Image) throws {
        let size = size ?? (picture.width, picture.height)
        guard (picture.width, picture.height) == size else {
            throw Failure(path, "has pictures of several sizes", "make them of one size")
        }
        if format == .webp {
            if encoder == nil { encoder = cimages_webp_animation(Int32(size.width), Int32(size.height)) }
            let time = Int32(count * 1000 / framesPerSecond)
            guard let encoder, size.width <= 16_383, size.height <= 16_383,
                cimages_webp_animation_add(
                    encoder, picture.pixels, Int32(size.width), Int32(size.height), time, 85) == 1
            else { throw Failure(path, "can't be encoded as WebP", "make its pictures smaller") }
        } else {
            if frameFile == nil {
                _ = FileManager.default.createFile(atPath: frames, contents: nil)
                frameFile = FileHandle(forWritingAtPath: frames)
            }
            guard let frameFile else { throw AtomicFile.systemFailure(frames, "can't be written") }
            do {
                try frameFile.write(contentsOf: Data(picture.pixels))
            } catch {
                throw Failure(frames, "can't be written", "make room on that disk", kind: .inputOutput)
            }
        }
        self.size = size
        count += 1
    }

    /// Writes the film.
    ///
    /// - Throws: ``Core/Failure`` naming the film: without pictures, or one that can't be written.
    public func finish() throws {
        guard let size else { throw Failure(path, "has no pictures", "add some first", kind: .usage) }
        if format != .webp { return try runFFmpeg(width: size.width, height: size.height) }
        var length = 0
        guard let encoder,
            let bytes = cimages_webp_animation_end(encoder, Int32(count * 1000 / framesPerSecond), &length)
        else { throw Failure(path, "can't be encoded as WebP", "make its pictures smaller or fewer") }
        let start = UnsafeMutableRawPointer(mutating: bytes)
        defer { WebPFree(start) }
        try AtomicFile.write(Data(bytes: start, count: length), to: path)
    }

    private func runFFmpeg(width: Int, height: Int) throws {
        guard let program = FilmFormat.ffmpeg else {
            throw Failure(path, "needs ffmpeg, which is not there", "install ffmpeg, or name a .webp", kind: .notFound)
        }
        try frameFile?.close()
        frameFile = nil
        let name = (path as NSString).lastPathComponent
        let folder = (path as NSString).deletingLastPathComponent
        try AtomicFile.makeFolder(folder.isEmpty ? "." : folder)
        let made = (folder.isEmpty ? "" : folder + "/") + ".\(UUID().uuidString)-\(name)"
        defer { unlink(made) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments =
            [
                "-hide_banner", "-loglevel", "error", "-nostdin", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s",
                "\(width)x\(height)", "-r", "\(framesPerSecond)", "-i", frames,
            ] + encoding + ["-y", made]
        process.standardInput = FileHandle.nullDevice
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        let message = String(decoding: errors.fileHandleForReading.readAll(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            let said = message.split(separator: "\n").last.map { ": \($0)" } ?? ""
            throw Failure(path, "was not made by ffmpeg\(said)", "name a .webp, which needs no ffmpeg")
        }
        guard rename(made, path) == 0 else { throw AtomicFile.systemFailure(path, "can't be written") }
    }

    private var encoding: [String] {
        format == .gif
            ? ["-filter_complex", "split[a][b];[a]palettegen[p];[b][p]paletteuse", "-loop", "0"]
            : [
                // H.264 with colours at half the resolution wants even sides.
                "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p",
                "-movflags", "+faststart",
            ]
    }
}
