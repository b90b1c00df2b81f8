import Core
import Foundation

/// Formats in which pictures are written; a file's ending chooses one.
public enum ImageFormat: String, Sendable, CaseIterable {
    /// Without loss.
    case png
    /// Lossy, quality 90.
    case jpeg
    /// Without loss, smaller than PNG.
    case webp

    /// The format of a file's ending: `.png`, `.jpg`, `.jpeg` or `.webp`, in any case.
    ///
    /// - Throws: ``Core/Failure`` (usage) naming the file and the endings that there are.
    public init(path: String) throws {
        let ending = (path as NSString).pathExtension.lowercased()
        if let format = ImageFormat(rawValue: ending == "jpg" ? "jpeg" : ending) {
            self = format
            return
        }
        let moves = ["gif", "mp4", "webm", "mov", "avi", "mkv", "apng"].contains(ending)
        throw Failure(
            path, ending.isEmpty ? "has no ending that says its format" : "would be a .\(ending), which is not written",
            "name a .png, .jpg or .webp"
                + (moves ? "; for a film write its frames to a folder and join them with another program" : ""),
            kind: .usage)
    }
}
