import CLinearAlgebra
import Core
import Foundation
import Weights

/// From Z to W.
public protocol LatentMapping: Sendable {
    /// Components of z and w.
    var latentSize: Int { get }
    /// w of each z.
    ///
    /// - Parameters:
    ///   - z: [count, latentSize].
    ///   - count: How many.
    /// - Returns: [count, latentSize].
    /// - Throws: ``Failure`` when `z` has another number of values.
    func map(_ z: [Float], count: Int) throws -> [Float]
}

/// StyleGAN2's mapping network (Karras et al. 2020): z is brought to unit mean square, then goes through fully connected
/// layers with leaky ReLU (slope 0.2) and gain √2. Large matrix products on OpenBLAS, float32.
public final class MappingNetwork: LatentMapping {
    /// One layer, with the learning-rate multiplier folded in: y = √2 · lrelu(weight · x + bias).
    public struct Layer: Sendable {
        /// [out, in]
        public let weight: [Float]
        /// [out]
        public let bias: [Float]
    }

    public let latentSize: Int
    private let layers: [Layer]

    /// - Parameter layers: In order; every weight [latentSize, latentSize].
    public init(latentSize: Int, layers: [Layer]) {
        precondition(layers.allSatisfy { $0.weight.count == latentSize * latentSize && $0.bias.count == latentSize })
        self.latentSize = latentSize
        self.layers = layers
    }

    public func map(_ z: [Float], count: Int) throws -> [Float] {
        let size = latentSize
        guard count >= 0, z.count == count * size else {
            throw Failure("latents", "have \(z.count) values where \(count) x \(size) belong", "")
        }
        if count == 0 { return [] }
        var current = z
        var next = [Float](repeating: 0, count: z.count)
        current.withUnsafeMutableBufferPointer { MappingNetwork.normalise($0, size: size) }
        for layer in layers {
            cblas_sgemm(
                CblasRowMajor, CblasNoTrans, CblasTrans, Int32(count), Int32(size), Int32(size), 1, current, Int32(size),
                layer.weight, Int32(size), 0, &next, Int32(size))
            next.withUnsafeMutableBufferPointer { MappingNetwork.activate($0, bias: layer.bias) }
            swap(&current, &next)
        }
        return current
    }

    /// Rows per task; enough that starting a task costs nothing beside it.
    private static let grain = 128

    /// z · rsqrt(mean(z²) + 1e-8), row by row, in place.
    private static func normalise(_ rows: UnsafeMutableBufferPointer<Float>, size: Int) {
        let base = SendableBuffer(rows)
        let count = rows.count / size
        DispatchQueue.concurrentPerform(iterations: (count + grain - 1) / grain) { task in
            for row in task * grain..<min(count, (task + 1) * grain) {
                let values = UnsafeMutableBufferPointer(rebasing: base.value[row * size..<(row + 1) * size])
                var sum = 0.0
                for value in values { sum += Double(value) * Double(value) }
                let factor = Float(1 / (sum / Double(size) + 1e-8).squareRoot())
                for i in values.indices { values[i] *= factor }
            }
        }
    }

    /// √2 · lrelu(x + bias), in place.
    private static func activate(_ rows: UnsafeMutableBufferPointer<Float>, bias: [Float]) {
        let base = SendableBuffer(rows)
        let size = bias.count
        let count = rows.count / size
        let gain = Float(2).squareRoot()
        DispatchQueue.concurrentPerform(iterations: (count + grain - 1) / grain) { task in
            bias.withUnsafeBufferPointer { bias in
                for row in task * grain..<min(count, (task + 1) * grain) {
                    let start = row * size
                    for i in 0..<size {
                        let value = (base.value[start + i] + bias[i]) * gain
                        base.value[start + i] = max(value, value * 0.2)
                    }
                }
            }
        }
    }
}

extension MappingNetwork {
    /// The mean of w over 10,000 latents of the reserved seed 2⁶⁴ − 1, towards which truncation pulls.
    ///
    /// - Returns: [latentSize].
    public func meanLatent() throws -> [Float] {
        let (total, batch) = (10_000, 1000)
        let noise = LatentNoise(seed: .max, size: latentSize)
        var sums = [Double](repeating: 0, count: latentSize)
        for start in stride(from: 0, to: total, by: batch) {
            let w = try map(noise.rows(UInt64(start)..<UInt64(start + batch)), count: batch)
            for (i, value) in w.enumerated() { sums[i % latentSize] += Double(value) }
        }
        return sums.map { Float($0 / Double(total)) }
    }
}
