import Images

/// One value a pixel, of a picture of any shape.
public struct Plane: Sendable, Equatable {
    /// Columns.
    public let width: Int
    /// Rows.
    public let height: Int
    /// [height, width].
    public var values: [Float]

    /// - Parameters:
    ///   - values: [height, width].
    ///   - width: Columns.
    ///   - height: Rows.
    public init(_ values: [Float], width: Int, height: Int) {
        precondition(width > 0 && height > 0 && values.count == width * height, "values must be [height, width]")
        self.values = values
        self.width = width
        self.height = height
    }

    /// The values of one picture of one channel.
    package init(_ picture: ImageBatch) {
        precondition(picture.count == 1 && picture.channels == 1, "one picture of one channel")
        self.init(picture.planes, width: picture.side, height: picture.side)
    }

    /// A square of 8-bit steps as a grey picture in [-1, 1].
    package var picture: ImageBatch { ImageBatch(values.map { $0 / 127.5 - 1 }, side: width, channels: 1) }

    /// A plane of one value.
    public init(filledWith value: Float, width: Int, height: Int) {
        self.init([Float](repeating: value, count: width * height), width: width, height: height)
    }

    /// A function of every value.
    public func map(_ body: (Float) -> Float) -> Plane { Plane(values.map(body), width: width, height: height) }

    /// A function of every value and that of another plane of the same shape.
    public func map(with other: Plane, _ body: (Float, Float) -> Float) -> Plane {
        precondition(other.width == width && other.height == height, "shapes differ")
        var result = self
        for i in values.indices { result.values[i] = body(values[i], other.values[i]) }
        return result
    }

    /// The mean of each pixel's window, over the part of it that is inside; the time does not depend on the radius.
    ///
    /// - Parameter radius: Pixels on each side of the middle.
    /// - Returns: Of the same shape.
    public func boxMean(radius: Int) -> Plane {
        if radius < 1 { return self }
        return Plane(columnMeans(rowMeans(values, radius), radius), width: width, height: height)
    }

    /// About a Gaussian blur: three box means.
    ///
    /// - Parameter sigma: The Gaussian's deviation in pixels.
    /// - Returns: Of the same shape.
    public func blurred(sigma: Float) -> Plane {
        let radius = Int((((4 * sigma * sigma + 1).squareRoot() - 1) / 2).rounded())
        return (0..<3).reduce(self) { plane, _ in plane.boxMean(radius: radius) }
    }

    private func rowMeans(_ input: [Float], _ radius: Int) -> [Float] {
        var output = input
        for start in stride(from: 0, to: input.count, by: width) {
            // In double precision: a running sum in single would drift over a long row.
            var sum = 0.0
            for x in 0..<min(radius, width) { sum += Double(input[start + x]) }
            for x in 0..<width {
                if x + radius < width { sum += Double(input[start + x + radius]) }
                let count = min(width - 1, x + radius) - max(0, x - radius) + 1
                output[start + x] = Float(sum / Double(count))
                if x >= radius { sum -= Double(input[start + x - radius]) }
            }
        }
        return output
    }

    private func columnMeans(_ input: [Float], _ radius: Int) -> [Float] {
        var output = input
        var sums = [Double](repeating: 0, count: width)
        for y in 0..<min(radius, height) { for x in 0..<width { sums[x] += Double(input[y * width + x]) } }
        for y in 0..<height {
            let row = y * width
            if y + radius < height {
                for x in 0..<width { sums[x] += Double(input[row + radius * width + x]) }
            }
            let share = 1 / Double(min(height - 1, y + radius) - max(0, y - radius) + 1)
            for x in 0..<width { output[row + x] = Float(sums[x] * share) }
            if y >= radius {
                for x in 0..<width { sums[x] -= Double(input[row - radius * width + x]) }
            }
        }
        return output
    }

    /// The plane at another size: area average where it shrinks, linear between pixel centres where it grows.
    public func resized(width newWidth: Int, height newHeight: Int) -> Plane {
        if newWidth == width && newHeight == height { return self }
        let columns = AxisTaps(from: width, to: newWidth)
        let rows = AxisTaps(from: height, to: newHeight)
        var middle = [Float](repeating: 0, count: height * newWidth)
        for y in 0..<height {
            for x in 0..<newWidth {
                var sum: Float = 0
                for k in columns.starts[x]..<columns.starts[x + 1] {
                    sum += columns.weights[k] * values[y * width + columns.sources[k]]
                }
                middle[y * newWidth + x] = sum
            }
        }
        var result = [Float](repeating: 0, count: newWidth * newHeight)
        for y in 0..<newHeight {
            for k in rows.starts[y]..<rows.starts[y + 1] {
                let (weight, from, to) = (rows.weights[k], rows.sources[k] * newWidth, y * newWidth)
                for x in 0..<newWidth { result[to + x] += weight * middle[from + x] }
            }
        }
        return Plane(result, width: newWidth, height: newHeight)
    }
}

/// Which samples of an axis make each sample of a resized one.
private struct AxisTaps {
    /// Where each new sample's entries begin; one more than there are samples.
    var starts: [Int] = [0]
    var sources: [Int] = []
    var weights: [Float] = []

    init(from: Int, to: Int) {
        let scale = Double(from) / Double(to)
        for index in 0..<to {
            if scale > 1 {
                let (low, high) = (Double(index) * scale, min(Double(index + 1) * scale, Double(from)))
                for source in Int(low)..<min(from, Int(high.rounded(.up))) {
                    let share = min(high, Double(source + 1)) - max(low, Double(source))
                    add(source, share / (high - low))
                }
            } else {
                let centre = min(max((Double(index) + 0.5) * scale - 0.5, 0), Double(from - 1))
                let first = min(Int(centre), max(0, from - 2))
                let fraction = centre - Double(first)
                add(first, 1 - fraction)
                if fraction > 0 { add(first + 1, fraction) }
            }
            starts.append(sources.count)
        }
    }

    private mutating func add(_ source: Int, _ weight: Double) {
        sources.append(source)
        weights.append(Float(weight))
    }
}
