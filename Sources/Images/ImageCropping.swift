extension ImageBatch {
    /// The square window with its top left corner at (x, y) of every picture; where it leaves the picture the nearest edge
    /// pixel is repeated.
    public func cropped(x: Int, y: Int, side target: Int) -> ImageBatch {
        let (rows, columns) = (edgeRepeated(from: y, target), edgeRepeated(from: x, target))
        var result = [Float](repeating: 0, count: count * channels * target * target)
        for plane in 0..<count * channels {
            for (i, row) in rows.enumerated() {
                let (source, to) = ((plane * side + row) * side, (plane * target + i) * target)
                for (j, column) in columns.enumerated() { result[to + j] = planes[source + column] }
            }
        }
        return ImageBatch(result, side: target, channels: channels, range: range)
    }

    /// The adjoint of ``cropped(x:y:side:)``: gradients with respect to pictures of `source` pixels a side, given those with
    /// respect to their windows, which this batch holds.
    public func croppedBackward(x: Int, y: Int, from source: Int) -> ImageBatch {
        let whole = ImageBatch(
            [Float](repeating: 0, count: count * channels * source * source), side: source, channels: channels,
            range: range)
        let (rows, columns) = (whole.edgeRepeated(from: y, side), whole.edgeRepeated(from: x, side))
        var result = whole.planes
        for plane in 0..<count * channels {
            for (i, row) in rows.enumerated() {
                let (to, from) = ((plane * source + row) * source, (plane * side + i) * side)
                for (j, column) in columns.enumerated() { result[to + column] += planes[from + j] }
            }
        }
        return ImageBatch(result, side: source, channels: channels, range: range)
    }

    /// The picture's pixels along an axis that a window of `length` from `start` on shows.
    private func edgeRepeated(from start: Int, _ length: Int) -> [Int] {
        (start..<start + length).map { min(max($0, 0), side - 1) }
    }
}
