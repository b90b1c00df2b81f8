import CSynthesis
import Core
import Foundation

/// From Z to W.
public protocol LatentMapping: Sendable {
    /// Components of z.
    var noiseSize: Int { get }
    /// Components of w.
    var latentSize: Int { get }
    /// w of each z.
    ///
    /// - Parameters:
    ///   - z: [count, noiseSize].
    ///   - count: How many.
    /// - Returns: [count, latentSize].
    /// - Throws: ``Failure`` when `z` has another number of values.
    func map(_ z: [Float], count: Int) throws -> [Float]
}

/// StyleGAN2's mapping network, from Z to W; float32 on all cores.
///
/// z is brought to unit mean square, then goes through fully connected layers with leaky ReLU (slope 0.2) and gain √2
/// (Karras and others, 2020).
///
/// w of a z is the same to the last bit alone and in any batch, with any number of threads and on every processor path:
/// each number is one chain of fused multiply-adds in a fixed order (`CSynthesis/mapping.h`). A BLAS does not promise
/// that: the bits of its products change with the shape of the matrix and with its threads.
public final class MappingNetwork: LatentMapping {
    /// One layer, with the learning-rate multiplier folded in: y = √2 · lrelu(weight · x + bias).
    public struct Layer: Sendable {
        /// [out, in].
        public var weight: [Float]
        /// [out].
        public var bias: [Float]

        public init(weight: [Float], bias: [Float]) {
            self.weight = weight
            self.bias = bias
        }
    }

    public let noiseSize: Int
    public let latentSize: Int
    private let layers: Int
    /// [layers][size / 8][in][8 out]; empty when the layers are not all alike.
    private let weights: [Float]
    /// [layers, size].
    private let biases: [Float]
    /// The layers as they are, when the packed kernel does not serve them.
    private let plain: [Layer]
    /// What stands after z before both are normalised together.
    private let condition: [Float]

    /// - Parameters:
    ///   - inputSize: Components of z.
    ///   - layers: In order, each taking what the one before gives. The fast kernel serves layers that are all square with a
    ///     multiple of 8, as every published network's; others go one row at a time.
    ///   - condition: The embedding of a class of stylegan2's conditional networks, which stands after z: the first layer
    ///     takes both.
    public init(inputSize: Int, layers: [Layer], condition: [Float] = []) {
        precondition(!layers.isEmpty && inputSize > 0, "a mapping network has layers")
        var inputs = inputSize + condition.count
        for layer in layers {
            precondition(layer.weight.count == layer.bias.count * inputs, "a layer must take what the one before gives")
            inputs = layer.bias.count
        }
        noiseSize = inputSize
        latentSize = inputs
        self.layers = layers.count
        self.condition = condition
        let size = inputSize
        guard condition.isEmpty, size % 8 == 0, layers.allSatisfy({ $0.bias.count == size }) else {
            (weights, biases, plain) = ([], [], layers)
            return
        }
        plain = []
        biases = layers.flatMap(\.bias)
        weights = layers.flatMap { layer in
            [Float](unsafeUninitializedCapacity: layer.weight.count) { packed, count in
                mm_pack(layer.weight, Int32(size), packed.baseAddress)
                count = layer.weight.count
            }
        }
    }

    /// - Parameters:
    ///   - latentSize: Components of z and w.
    ///   - layers: In order; every weight [latentSize, latentSize].
    public convenience init(latentSize: Int, layers: [Layer]) {
        precondition(layers.allSatisfy { $0.bias.count == latentSize })
        self.init(inputSize: latentSize, layers: layers)
    }

    public func map(_ z: [Float], count: Int) throws -> [Float] {
        let size = latentSize
        guard count >= 0, count <= Int(Int32.max), z.count == count * noiseSize else {
            throw Failure("latents", "have \(z.count) values where \(count) x \(noiseSize) belong")
        }
        if !plain.isEmpty { return mapPlain(z, count: count) }
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

    /// One row at a time, each number one chain of fused multiply-adds as in the packed kernel.
    private func mapPlain(_ z: [Float], count: Int) -> [Float] {
        let size = latentSize
        return [Float](unsafeUninitializedCapacity: count * size) { buffer, initialized in
            let w = SendableBuffer(buffer)
            DispatchQueue.concurrentPerform(iterations: count) { row in
                var x = Array(z[row * noiseSize..<(row + 1) * noiseSize]) + condition
                let power = x.reduce(Float(0)) { $0.addingProduct($1, $1) } / Float(x.count)
                let scale = 1 / (power + 1e-8).squareRoot()
                for i in x.indices { x[i] *= scale }
                for layer in plain {
                    let inputs = x.count
                    x = layer.bias.indices.map { o in
                        var sum = layer.bias[o]
                        for i in 0..<inputs { sum.addProduct(layer.weight[o * inputs + i], x[i]) }
                        return (sum > 0 ? sum : 0.2 * sum) * Float(2).squareRoot()
                    }
                }
                for i in 0..<size { w.value[row * size + i] = x[i] }
            }
            initialized = count * size
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
        let noise = LatentNoise(seed: .max, size: noiseSize)
        var sums = [Double](repeating: 0, count: latentSize)
        for start in stride(from: 0, to: total, by: batch) {
            let w = try map(noise.rows(UInt64(start)..<UInt64(start + batch)), count: batch)
            for (i, value) in w.enumerated() { sums[i % latentSize] += Double(value) }
        }
        return sums.map { Float($0 / Double(total)) }
    }
}
