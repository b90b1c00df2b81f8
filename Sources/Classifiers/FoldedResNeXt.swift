import Foundation
import Tensors

/// A ResNeXt for inference: every batch normalisation is folded into the convolution before it.
struct FoldedResNeXt: ScoringNetwork {
    struct Block: Sendable {
        let units: [FoldedConvolution]
        let shortcut: FoldedConvolution?
    }

    let stem: FoldedConvolution
    let pools: Bool
    let blocks: [Block]
    let headWeight: Tensor
    let headBias: Tensor
    let inputScale: Tensor?
    let inputShift: Tensor?

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
