import Core
import Images

/// The mean squared error of pictures in [-1, 1], at several sizes.
///
/// Each size's error is the mean over all pixels and channels, so that with 256 pixels alone it is what the field's tables call
/// L2; smaller sizes weigh broad shapes and colours without asking for their exact place.
public struct PixelLoss: Objective {
    private let levels: [(target: ImageBatch, weight: Float)]

    /// The largest size that is compared.
    public let side: Int

    /// - Parameters:
    ///   - targets: What pictures are compared with: one for each picture.
    ///   - sizes: Pixels along a side, and what the error at that size counts.
    public init(targets: ImageBatch, sizes: [(side: Int, weight: Float)]) {
        precondition(!sizes.isEmpty && sizes.allSatisfy { $0.side > 0 }, "a loss compares at some size")
        levels = sizes.map { (targets.resized(to: $0.side), $0.weight) }
        side = sizes.map(\.side).max() ?? targets.side
    }

    /// The field's L2: the mean squared error at one size.
    public init(targets: ImageBatch, side: Int) { self.init(targets: targets, sizes: [(side, 1)]) }

    public func evaluate(_ images: ImageBatch) throws -> ObjectiveValue {
        var values = [Float](repeating: 0, count: images.count)
        var gradients = images
        for i in gradients.planes.indices { gradients.planes[i] = 0 }
        for (target, weight) in levels {
            guard target.count == images.count, target.channels == images.channels else {
                throw Failure(
                    "pixel loss", "has \(target.count) targets for \(images.count) pictures",
                    "give one for each picture")
            }
            var difference = images.resized(to: target.side)
            let scale = weight / Float(difference.stride)
            for image in 0..<images.count {
                var sum = 0.0
                for i in image * difference.stride..<(image + 1) * difference.stride {
                    let d = difference.planes[i] - target.planes[i]
                    sum += Double(d * d)
                    difference.planes[i] = 2 * scale * d
                }
                values[image] += Float(sum) * scale
            }
            let back = difference.resizedBackward(from: images.side)
            for i in back.planes.indices { gradients.planes[i] += back.planes[i] }
        }
        return ObjectiveValue(values: values, gradients: gradients)
    }
}
