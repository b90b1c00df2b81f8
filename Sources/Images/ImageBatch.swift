import Core

/// Square pictures as float planes: what generators make, classifiers and encoders take, and losses compare.
///
/// For example:
///
/// ```swift
/// let faces = try synthesizer.synthesize(codes, size: 256, noise: .none)
/// let logits = try classifier.logits(faces.resized(to: classifier.inputSize))
/// try faces.images[0].write(to: "face.png")
/// ```
public struct ImageBatch: Sendable, Equatable {
    /// How many pictures.
    public let count: Int
    /// Planes of each: 3 for RGB, 1 for luminance.
    public let channels: Int
    /// Pixels along a side.
    public let side: Int
    /// [count, channels, side, side] in C order.
    public var planes: [Float]
    /// The values of black and of full; generators overshoot them a little.
    public let range: ClosedRange<Float>

    /// The range of the family's networks: -1 is black, 1 is full.
    public static let signed: ClosedRange<Float> = -1...1

    /// - Parameters:
    ///   - planes: [count, channels, side, side].
    ///   - side: Pixels along a side.
    ///   - channels: Planes of each picture.
    ///   - range: The values of black and of full.
    public init(_ planes: [Float], side: Int, channels: Int = 3, range: ClosedRange<Float> = ImageBatch.signed) {
        let one = channels * side * side
        precondition(one > 0 && planes.count % one == 0, "planes must be [count, channels, side, side]")
        self.planes = planes
        self.side = side
        self.channels = channels
        self.range = range
        count = planes.count / one
    }

    /// Pictures of one size, in [-1, 1].
    public init(_ images: [Image], side: Int) {
        precondition(images.allSatisfy { $0.width == side && $0.height == side }, "pictures must be side x side")
        self.init(images.flatMap { $0.planes() }, side: side)
    }

    /// Floats of one picture.
    public var stride: Int { channels * side * side }

    /// Some of the images, in any order and as often as wanted.
    ///
    /// - Parameter indices: Which, from 0.
    /// - Returns: As many images as indices, in their order.
    public func gathered(_ indices: [Int]) -> ImageBatch {
        var result: [Float] = []
        result.reserveCapacity(indices.count * stride)
        for index in indices { result += planes[index * stride..<(index + 1) * stride] }
        return ImageBatch(result, side: side, channels: channels, range: range)
    }

    /// Some of the pictures.
    public subscript(range: Range<Int>) -> ImageBatch {
        range == 0..<count
            ? self
            : ImageBatch(
                Array(planes[range.lowerBound * stride..<range.upperBound * stride]), side: side, channels: channels,
                range: self.range)
    }

    /// The pictures in 8 bits; values outside of the range are clipped.
    public var images: [Image] {
        precondition(channels == 3 && range == ImageBatch.signed, "8-bit pictures are made of RGB in [-1, 1]")
        return planes.withUnsafeBufferPointer { all in
            (0..<count).map {
                Image(
                    planes: UnsafeBufferPointer(rebasing: all[$0 * stride..<($0 + 1) * stride]), width: side,
                    height: side)
            }
        }
    }

    /// The pictures at another size: exact area averages when it is smaller, linear interpolation when it is larger.
    public func resized(to target: Int) -> ImageBatch {
        side == target
            ? self
            : ImageBatch(
                AreaResampling.resize(planes, from: side, to: target), side: target, channels: channels, range: range)
    }

    /// The adjoint of ``resized(to:)``: gradients with respect to pictures of `source` pixels a side, given those with
    /// respect to their resized ones, which this batch holds.
    public func resizedBackward(from source: Int) -> ImageBatch {
        side == source
            ? self
            : ImageBatch(
                AreaResampling.backward(planes, from: source, to: side), side: source, channels: channels, range: range)
    }
}
