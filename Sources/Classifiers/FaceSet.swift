import Core
import Foundation
import Images
import Synchronization

/// Labelled pictures in memory, decoded once.
public struct FaceSet: Sendable {
    /// The rows that have a picture, in order.
    public let rows: [CelebAFolder.Row]
    /// The pictures, each whole, at most as large as training needs them.
    public let images: [Image]
    /// Rows left out, each with the reason.
    public let skipped: [Failure]

    /// Decodes the pictures of `rows` on all cores.
    ///
    /// A picture that is missing or damaged is left out and counted. A picture larger than needed is reduced by area average so that
    /// its window is `size` pixels wide.
    ///
    /// - Throws: ``Core/Failure`` when no picture is left, or a stop was asked for.
    public init(_ folder: CelebAFolder, _ rows: [CelebAFolder.Row], frame: FaceFrame, size: Int) throws {
        var found = [Image?](repeating: nil, count: rows.count)
        let failures = Mutex<[Int: Failure]>([:])
        let path = folder.images
        found.withUnsafeMutableBufferPointer { buffer in
            let slots = SendableBuffer(buffer)
            let chunk = 64
            DispatchQueue.concurrentPerform(iterations: (rows.count + chunk - 1) / chunk) { part in
                if Interruption.requested { return }
                for index in part * chunk..<min(rows.count, (part + 1) * chunk) {
                    do {
                        slots.value[index] = FaceSet.reduced(
                            try FaceSet.read(rows[index].name, in: path), frame: frame, size: size)
                    } catch {
                        let failure = error as? Failure ?? Failure(rows[index].name, "\(error)")
                        failures.withLock { $0[index] = failure }
                    }
                }
            }
        }
        try Interruption.check()
        let failed = failures.withLock { $0 }
        skipped = failed.sorted { $0.key < $1.key }.map(\.value)
        self.rows = rows.indices.filter { failed[$0] == nil }.map { rows[$0] }
        images = found.compactMap { $0 }
        if images.isEmpty {
            let reason = skipped.first.map { "; the first reason: \($0)" } ?? ""
            throw Failure(path, "holds none of the \(rows.count) pictures that are asked for\(reason)")
        }
    }

    /// Kaggle's PNG edition keeps the names ending in .jpg in its lists.
    private static func read(_ name: String, in folder: String) throws -> Image {
        let path = "\(folder)/\(name)"
        if !FileManager.default.fileExists(atPath: path) {
            let other = (path as NSString).deletingPathExtension + ".png"
            if FileManager.default.fileExists(atPath: other) { return try Image.read(other) }
        }
        return try Image.read(path)
    }

    private static func reduced(_ image: Image, frame: FaceFrame, size: Int) -> Image {
        let side = frame.window(width: image.width, height: image.height).side
        let scale = Double(size) / side
        if scale > 0.99 { return image }
        return image.resized(
            width: max(1, Int((Double(image.width) * scale).rounded())),
            height: max(1, Int((Double(image.height) * scale).rounded())))
    }
}
