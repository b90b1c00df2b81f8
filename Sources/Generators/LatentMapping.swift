import CSynthesis
import Core
import Foundation

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

/// StyleGAN2's mapping network (Karras et al.
///
/// 2020): z is brought to unit mean square, then goes through fully connected layers with leaky ReLU (slope 0.2) and
/// gain √2; float32 on all cores.
///
/// w of a z is the same to the last bit alone and in any batch, with any number of threads and on every processor path:
/// each number is one chain of fused multiply-adds in a fixed order (`CSynthesis/mapping.h`). A BLAS does not promise
/// that: the bits of its products change with the shape of the matrix and with its threads.
public final class MappingNetwork: LatentMapping {
    /// One layer, with the learning-rate multiplier folded in: y = √2 · lrelu(weight · x + bias).
    public struct Layer: Sendable {
        /// [out, in].
        public let weight: [Float]
        /// [out].
        public let bias: [Float]

        public init(weight: [Float], bias: [Float]) {
            self.weight = weight
            self.bias = bias
        }
    }

    public let latentSize: Int
    private let layers: Int
    /// [layers][size / 8][in][8 out].
    private let weights: [Float]
    /// [layers, size].
    private let biases: [Float]

    /// - Parameters:
    ///   - latentSize: A multiple of 8.
    ///   - layers: In order; every weight [latentSize, latentSize].
    public init(latentSize: Int, layers: [Layer]) {
        precondition(latentSize > 0 && latentSize % 8 == 0, "the latent size must be a multiple of 8")
        precondition(layers.allSatisfy { $0.weight.count == latentSize * latentSize && $0.bias.count == latentSize })
        self.latentSize = latentSize
        self.layers = layers.count
        biases = layers.flatMap(\.bias)
        weights = layers.flatMap { layer in
            [Float](unsafeUninitializedCapacity: layer.weight.count) { packed, count in
                mm_pack(layer.weight, Int32(latentSize), packed.baseAddress)
                count = layer.weight.count
            }
        }
    }

    public func map(_ z: [Float], count: Int) throws -> [Float] {
        let size = latentSize
        guard count >= 0, count <= Int(Int32.max), z.count == count * size else {
            throw Failure("latents", "have \(z.count) values where \(count) x \(size) belong")
        }
        return [Float](unsafeUninitializedCapacity: z.count) { buffer, initialized in
            let w = SendableBuffer(buffer)
            let rows = Int(mm_rows)
            let tasks = (count + MappingNetwork.grain - 1) / MappingNetwork.grain
            DispatchQueue.concurrentPerform(iterations: tasks) { task in
                withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * size * rows) { scratch in
                    let end = min(count, (task + 1) * MappingNetwork.grain)
                    for row in stride(from: task * MappingNetwork.grain, to: end, by: rows) {
                        let target = UnsafeMutableBufferPointer(rebasing: w.value[(row * size)...])
                        map(z, from: row, rows: min(rows, end - row), into: target, scratch: scratch)
                    }
                }
            }
            initialized = z.count
        }
    }

    /// Rows per task: some of the kernel's blocks, so that a task's memory is worth having.
    private static let grain = 4 * Int(mm_rows)

    private func map(
        _ z: [Float], from row: Int, rows: Int, into w: UnsafeMutableBufferPointer<Float>,
        scratch: UnsafeMutableBufferPointer<Float>
    ) {
        weights.withUnsafeBufferPointer { weights in
            biases.withUnsafeBufferPointer { biases in
                z.withUnsafeBufferPointer { z in
                    guard let source = z.baseAddress, let target = w.baseAddress else { return }
                    var network = mm_network(
                        size: Int32(latentSize), layers: Int32(layers), slope: 0.2, gain: Float(2).squareRoot(),
                        weights: weights.baseAddress, biases: biases.baseAddress)
                    mm_map(
                        &network, source + row * latentSize, Int32(rows), 1e-8, target, scratch.baseAddress)
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
