import Foundation
import Tensors

/// A ResNeXt for inference: every batch normalisation is folded into the convolution before it.
struct FoldedResNeXt: InferenceBackbone {
    struct Block: Sendable {
        let units: [FoldedConvolution]
        let shortcut: FoldedConvolution?
    }

    let stem: FoldedConvolution
    let pools: Bool
    let blocks: [Block]
    let head: LinearHead?
    let inputScale: Tensor?
    let inputShift: Tensor?

    func logits(_ images: Tensor) throws -> Tensor {
        try LinearHead.logits(head, of: maps(images))
    }

    func features(_ images: Tensor) throws -> [FeatureMap] {
        try FeatureCollector.maps { _ = try maps(images, note: $0) }
    }

    private func maps(_ images: Tensor, note: (Tensor, Int) throws -> Void = { _, _ in }) throws -> Tensor {
        var x = try images.contiguous(channelsLast: true)
        if let inputScale, let inputShift { x = try x.multiplied(by: inputScale).added(to: inputShift) }
        x = try stem.apply(x).reluInPlace()
        var stride = 2
        try note(x, stride)
        if pools {
            x = try x.maxPooled(size: 3, stride: 2, padding: 1)
            stride = 4
        }
        for block in blocks {
            var y = try block.units[0].apply(x).reluInPlace()
            y = try block.units[1].apply(y).reluInPlace()
            y = try block.units[2].apply(y)
            x = try y.addingInPlace(block.shortcut?.apply(x) ?? x).reluInPlace()
            stride *= block.units[1].stride
            try note(x, stride)
        }
        return x
    }
}
