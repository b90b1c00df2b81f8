import Core
import ImageMetrics
import Images

extension Session {
    /// Photographs beside the regions that their colours are judged in: skin yellow, hair brown, lips red, the rest dark.
    ///
    /// - Parameters:
    ///   - folder: A folder of aligned photographs in colour.
    ///   - count: How many of them, the first by name.
    /// - Returns: The pairs, four in a row.
    /// - Throws: ``Core/Failure`` for a folder without pictures, or one that is no aligned face.
    public func faceRegions(of folder: String, count: Int = 24) throws -> Grid {
        let side = 256
        var pictures: [Image?] = []
        for file in try pictureFiles([folder]).prefix(count) {
            try context.check()
            let face = try Session.alignedPicture(file).centredSquare(size: side)
            pictures += [face, FaceRegions(of: ImageBatch([face], side: side)).shown(on: face)]
        }
        let rows = stride(from: 0, to: pictures.count, by: 8).map { start in
            let row = Array(pictures[start..<min(pictures.count, start + 8)])
            return row + [Image?](repeating: nil, count: 8 - row.count)
        }
        return Grid(rows, captions: rows.map { $0.map { _ in "" } })
    }
}
