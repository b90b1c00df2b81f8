import Core
import Foundation

/// Pairs each latent of the top with the one among the candidates that is most like it in all other attributes, so that a
/// boundary between the two can't lean on what the attribute merely goes along with (matching as in observational
/// studies: Rubin, "Matching to Remove Bias in Observational Studies", Biometrics 1973).
package struct Matching {
    /// Logits of the other attributes, each divided by its standard deviation: [rows][width].
    let values: [Float]
    let width: Int

    /// - Parameters:
    ///   - logits: [rows, attributes].
    ///   - attributes: Logits a row.
    ///   - column: The attribute itself, which does not count.
    package init(logits: [Float], attributes: Int, leavingOut column: Int) {
        let rows = logits.count / max(1, attributes)
        // Rows of whole vectors of eight, the rest zero.
        let width = (attributes + 6) / 8 * 8
        var values = [Float](repeating: 0, count: rows * width)
        for (target, k) in (0..<attributes).filter({ $0 != column }).enumerated() {
            var (sum, square) = (0.0, 0.0)
            for row in 0..<rows {
                let value = Double(logits[row * attributes + k])
                sum += value
                square += value * value
            }
            let variance = square / Double(max(1, rows)) - sum * sum / Double(max(1, rows * rows))
            let scale = variance > 1e-12 ? Float(1 / variance.squareRoot()) : 0
            for row in 0..<rows { values[row * width + target] = logits[row * attributes + k] * scale }
        }
        self.values = values
        self.width = width
    }

    /// For each row of `wanted` the nearest of `candidates` that no earlier row has taken.
    ///
    /// - Returns: As many rows as `wanted` has, or fewer when the candidates run out.
    package func partners(
        of wanted: [Int], among candidates: [Int], context: RunContext = .silent
    ) throws -> [Int] {
        var taken = [Bool](repeating: false, count: candidates.count)
        var result: [Int] = []
        let parts = max(1, min(ProcessInfo.processInfo.activeProcessorCount, candidates.count / 4096))
        for row in wanted.prefix(candidates.count) {
            if result.count % 256 == 0 { try context.check() }
            let found = nearest(to: row, among: candidates, taken: taken, parts: parts)
            taken[found] = true
            result.append(candidates[found])
        }
        return result
    }

    private func nearest(to row: Int, among candidates: [Int], taken: [Bool], parts: Int) -> Int {
        var best = [(index: Int, distance: Float)](repeating: (0, .infinity), count: parts)
        best.withUnsafeMutableBufferPointer { best in
            let out = SendableBuffer(best)
            let body: @Sendable (Int) -> Void = { part in
                var nearest = (index: 0, distance: Float.infinity)
                values.withUnsafeBytes { raw in
                    let stride = width * MemoryLayout<Float>.size
                    for index in part * candidates.count / parts..<(part + 1) * candidates.count / parts
                    where !taken[index] {
                        var sum = SIMD8<Float>()
                        for offset in Swift.stride(from: 0, to: stride, by: 32) {
                            let difference =
                                raw.loadUnaligned(fromByteOffset: row * stride + offset, as: SIMD8<Float>.self)
                                - raw.loadUnaligned(
                                    fromByteOffset: candidates[index] * stride + offset, as: SIMD8<Float>.self)
                            sum += difference * difference
                        }
                        let distance = sum.sum()
                        if distance < nearest.distance { nearest = (index, distance) }
                    }
                }
                out.value[part] = nearest
            }
            if parts == 1 { body(0) } else { DispatchQueue.concurrentPerform(iterations: parts, execute: body) }
        }
        return best.reduce((index: 0, distance: Float.infinity)) { $1.distance < $0.distance ? $1 : $0 }.index
    }
}
