/// Image sizes below a network's own.
package enum ImageSizes {
    /// The resolution and halves of it down to 64.
    package static func halves(of resolution: Int) -> [Int] {
        let least = min(64, resolution)
        return Array(sequence(first: resolution) { $0 / 2 >= least ? $0 / 2 : nil })
    }

    /// Box averages of planes [·, side, side] to [·, size, size].
    package static func averaged(_ planes: [Float], from side: Int, to size: Int) -> [Float] {
        let box = side / size
        if box == 1 { return planes }
        let scale = 1 / Float(box * box)
        return [Float](unsafeUninitializedCapacity: planes.count / (box * box)) { buffer, initialized in
            for out in 0..<planes.count / (box * box) {
                let (plane, at) = out.quotientAndRemainder(dividingBy: size * size)
                let (y, x) = at.quotientAndRemainder(dividingBy: size)
                var sum: Float = 0
                for row in 0..<box {
                    let start = (plane * side + y * box + row) * side + x * box
                    for column in 0..<box { sum += planes[start + column] }
                }
                buffer[out] = sum * scale
            }
            initialized = planes.count / (box * box)
        }
    }

    /// The adjoint of ``averaged(_:from:to:)``: planes [·, size, size] to [·, side, side], each value in equal parts.
    package static func spread(_ planes: [Float], from size: Int, to side: Int) -> [Float] {
        let box = side / size
        if box == 1 { return planes }
        let scale = 1 / Float(box * box)
        return [Float](unsafeUninitializedCapacity: planes.count * box * box) { buffer, initialized in
            for out in 0..<planes.count * box * box {
                let (line, x) = out.quotientAndRemainder(dividingBy: side)
                let (plane, y) = line.quotientAndRemainder(dividingBy: side)
                buffer[out] = planes[(plane * size + y / box) * size + x / box] * scale
            }
            initialized = planes.count * box * box
        }
    }
}
