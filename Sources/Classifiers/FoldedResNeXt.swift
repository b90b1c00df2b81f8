import Foundation
import Tensors

/// A ResNeXt for inference: every batch normalisation is folded into the convolution before it.
struct FoldedResNeXt: Sendable {
    struct Convolution: Sendable {
        let weight: Tensor
        let bias: Tensor
        let stride: Int
        let padding: Int
        let groups: Int

        func apply(_ x: Tensor) throws -> Tensor {
            try x.convolved(weight, bias: bias, stride: stride, padding: padding, groups: groups)
        }
    }

    struct Block: Sendable {
        let units: [Convolution]
        let shortcut: Convolution?
    }

    let stem: Convolution
    let pools: Bool
    let blocks: [Block]
    let headWeight: Tensor
    let headBias: Tensor
    let inputScale: Tensor?
    let inputShift: Tensor?

    /// Logits [N, outputs] of pictures [N, 3, H, W] in [-1, 1].
    func logits(_ images: Tensor) throws -> Tensor {
        var x = try images.contiguous(channelsLast: true)
        if let inputScale, let inputShift { x = try x.multiplied(by: inputScale).added(to: inputShift) }
        x = try stem.apply(x).reluInPlace()
        if pools { x = try x.maxPooled(size: 3, stride: 2, padding: 1) }
        for block in blocks {
            var y = try block.units[0].apply(x).reluInPlace()
            y = try block.units[1].apply(y).reluInPlace()
            y = try block.units[2].apply(y)
            x = try y.addingInPlace(block.shortcut?.apply(x) ?? x).reluInPlace()
        }
        return try x.globalAverage().linear(headWeight, bias: headBias)
    }
}
