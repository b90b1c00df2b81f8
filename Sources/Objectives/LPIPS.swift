import Core
import Images
import Networks
import Tensors

/// The perceptual distance of pictures from others, LPIPS 0.1 (Zhang and others, 2018): 0 for the same picture.
///
/// For example:
///
/// ```swift
/// let loss = try LPIPS(.load(.alexnet, from: path), targets: photographs)
/// let found = try loss.evaluate(reconstructions)  // a distance for each, and its gradient
/// ```
public struct LPIPS: Objective {
    private let network: PerceptualNetwork
    /// The targets' five maps.
    private let targets: [Tensor]
    private let count: Int

    /// Pixels along a side that pictures are compared at.
    public let side: Int

    /// - Parameters:
    ///   - network: Whose maps are compared.
    ///   - targets: What pictures are compared with, at this size: one for each picture, or one for all.
    /// - Throws: ``Core/Failure`` when the targets are too small for the network, or can't be computed with.
    public init(_ network: PerceptualNetwork, targets: ImageBatch) throws {
        guard targets.side >= PerceptualNetwork.smallestSide, targets.channels == 3 else {
            throw Failure(
                "LPIPS", "compares colour pictures of \(PerceptualNetwork.smallestSide) pixels a side or more",
                "give larger ones")
        }
        self.network = network
        side = targets.side
        count = targets.count
        self.targets = try Torch.withoutGradients { try network.maps(LPIPS.tensor(targets, network.device)) }
    }

    /// The distances alone, without gradients.
    ///
    /// - Parameter images: RGB in [-1, 1], of any size.
    /// - Returns: [count].
    /// - Throws: As ``evaluate(_:)``.
    public func distances(_ images: ImageBatch) throws -> [Float] {
        try check(images)
        return try Torch.withoutGradients {
            try distances(LPIPS.tensor(images.resized(to: side), network.device)).floats()
        }
    }

    public func evaluate(_ images: ImageBatch) throws -> ObjectiveValue {
        try check(images)
        let leaf = try LPIPS.tensor(images.resized(to: side), network.device).requiringGradient()
        let values = try distances(leaf)
        let gradient = try values.gradients(of: [leaf])[0].contiguous().floats()
        return ObjectiveValue(
            values: try values.detached().floats(),
            gradients: ImageBatch(gradient, side: side).resizedBackward(from: images.side))
    }

    private func check(_ images: ImageBatch) throws {
        guard images.channels == 3, count == 1 || count == images.count else {
            throw Failure(
                "LPIPS", "has \(count) targets for \(images.count) pictures", "give one target, or one for each picture"
            )
        }
    }

    /// [N]: for each map the mean over its pixels of the weighted squared differences, added up.
    private func distances(_ images: Tensor) throws -> Tensor {
        let maps = try network.maps(images)
        var sum: Tensor?
        for (index, map) in maps.enumerated() {
            let differences = try map.subtracting(targets[index]).squared()
            let part = try differences.multiplied(by: network.channelWeights[index]).sum([1]).mean([1, 2])
            sum = try sum.map { try $0.added(to: part) } ?? part
        }
        return try sum ?? Tensor.zeros([images.shape[0]])
    }

    private static func tensor(_ images: ImageBatch, _ device: Device) throws -> Tensor {
        try Tensor(images.planes, shape: [images.count, 3, images.side, images.side], device: device)
    }
}
