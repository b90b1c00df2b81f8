import Images

/// Colour without luminance, of a picture of any shape.
///
/// Cb and Cr as in Rec. 601, in 8-bit steps from −127.5 to 127.5.
public struct Chroma: Sendable, Equatable {
    /// (B' − Y') / 1.772.
    public var cb: Plane
    /// (R' − Y') / 1.402.
    public var cr: Plane

    /// What red, green and blue add to luma.
    static let lumaWeights = SIMD3<Float>(0.299, 0.587, 0.114)

    /// Columns.
    public var width: Int { cb.width }
    /// Rows.
    public var height: Int { cb.height }

    public init(cb: Plane, cr: Plane) {
        precondition(cb.width == cr.width && cb.height == cr.height, "shapes differ")
        self.cb = cb
        self.cr = cr
    }

    /// No colour.
    public init(width: Int, height: Int) {
        cb = Plane(filledWith: 0, width: width, height: height)
        cr = cb
    }

    /// The chroma of a picture.
    public init(of image: Image) {
        self.init(width: image.width, height: image.height)
        for i in 0..<image.width * image.height {
            let rgb = SIMD3(
                Float(image.pixels[3 * i]), Float(image.pixels[3 * i + 1]), Float(image.pixels[3 * i + 2]))
            let luma = (rgb * Chroma.lumaWeights).sum()
            cb.values[i] = (rgb.z - luma) / 1.772
            cr.values[i] = (rgb.x - luma) / 1.402
        }
    }

    /// The chroma of one picture of a batch, RGB in [-1, 1], beyond 8 bits where the picture is.
    public init(of batch: ImageBatch, index: Int = 0) {
        precondition(batch.channels == 3 && batch.range == ImageBatch.signed, "chroma is of RGB in [-1, 1]")
        let planes = batch[index..<index + 1].yCbCr().planes
        let area = batch.side * batch.side
        cb = Plane(planes[area..<2 * area].map { $0 * 127.5 }, width: batch.side, height: batch.side)
        cr = Plane(planes[(2 * area)...].map { $0 * 127.5 }, width: batch.side, height: batch.side)
    }

    /// A function of both planes.
    public func map(_ body: (Plane) -> Plane) -> Chroma { Chroma(cb: body(cb), cr: body(cr)) }

    /// The chroma at another size.
    public func resized(width: Int, height: Int) -> Chroma { map { $0.resized(width: width, height: height) } }

    /// All colours times a factor: 0 is grey, 1 leaves them.
    public func scaled(by factor: Float) -> Chroma { map { $0.map { $0 * factor } } }

    /// This chroma where `share` is 0, the other where it is 1, a mixture between.
    public func mixed(with other: Chroma, share: Plane) -> Chroma {
        func mix(_ a: Plane, _ b: Plane) -> Plane {
            var result = a
            for i in a.values.indices { result.values[i] += share.values[i] * (b.values[i] - a.values[i]) }
            return result
        }
        return Chroma(cb: mix(cb, other.cb), cr: mix(cr, other.cr))
    }

    /// R', G' and B' less Y' at a pixel, in 8-bit steps.
    func differences(_ i: Int) -> SIMD3<Float> {
        let (red, blue) = (1.402 * cr.values[i], 1.772 * cb.values[i])
        let weights = Chroma.lumaWeights
        return SIMD3(red, -(weights.x * red + weights.z * blue) / weights.y, blue)
    }
}
