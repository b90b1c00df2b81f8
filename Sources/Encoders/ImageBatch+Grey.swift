import Images

extension ImageBatch {
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
