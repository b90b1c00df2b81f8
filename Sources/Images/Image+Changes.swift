extension ImageBatch {
    /// The sums of two batches' values.
    package static func + (a: ImageBatch, b: ImageBatch) -> ImageBatch { a.joined(b, +) }

    /// The differences of two batches' values.
    package static func - (a: ImageBatch, b: ImageBatch) -> ImageBatch { a.joined(b, -) }

    /// Every value divided by a number.
    package func divided(by number: Float) -> ImageBatch {
        var result = self
        for i in planes.indices { result.planes[i] = planes[i] / number }
        return result
    }

    private func joined(_ other: ImageBatch, _ body: (Float, Float) -> Float) -> ImageBatch {
        precondition(side == other.side && planes.count == other.planes.count, "pictures of one size, as many of each")
        var result = self
        for i in planes.indices { result.planes[i] = body(planes[i], other.planes[i]) }
        return result
    }

    /// Values of [-1, 1] in [0, 1].
    package var unsigned: [Float] { planes.map { ($0 + 1) / 2 } }

    /// The pictures without their colours, their luma in three equal channels.
    package func grey() -> ImageBatch {
        let luma = luma()
        let area = side * side
        var planes: [Float] = []
        planes.reserveCapacity(3 * luma.planes.count)
        for index in 0..<count {
            let one = luma.planes[index * area..<(index + 1) * area]
            for _ in 0..<3 { planes += one }
        }
        return ImageBatch(planes, side: side)
    }
}

extension Image {
    /// A square of upright stripes, 12 pixels wide.
    ///
    /// - Parameter colours: Red, green and blue of each.
    /// - Returns: The square.
    package static func stripes(_ colours: [(UInt8, UInt8, UInt8)]) -> Image {
        let side = 12 * colours.count
        var result = Image(width: side, height: side, fill: (0, 0, 0))
        for i in 0..<side * side {
            let (r, g, b) = colours[i % side / 12]
            result.pixels.replaceSubrange(3 * i..<3 * i + 3, with: [r, g, b])
        }
        return result
    }

    /// Half the difference from another picture of the same size, around a middle grey.
    package func difference(from other: Image) -> Image {
        Image(
            width: width, height: height,
            pixels: zip(pixels, other.pixels).map { UInt8(clamping: 128 + (Int($0) - Int($1)) / 2) })
    }

    /// The picture with differences added to a square of it, rounded and clipped; where they are 0 it stays as it is.
    package func adding(_ change: ImageBatch, x left: Int, y top: Int) -> Image {
        var result = self
        let (side, area) = (change.side, change.side * change.side)
        for y in 0..<side {
            for x in 0..<side {
                let at = 3 * ((top + y) * width + left + x)
                for channel in 0..<3 {
                    let value = Float(pixels[at + channel]) + 127.5 * change.planes[channel * area + y * side + x]
                    result.pixels[at + channel] = UInt8(min(255, max(0, value.rounded())))
                }
            }
        }
        return result
    }
}
