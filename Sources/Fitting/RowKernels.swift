import CLinearAlgebra
import CRows
import Core
import Foundation

/// Products with float32 feature rows, in float64 throughout: rows are widened on the fly, never copied whole.
///
/// d is the dimension, `rows` lists the rows that take part, m of them.
struct RowKernels: Sendable {
    let features: [Float]
    let dimension: Int

    private static let workers = max(1, ProcessInfo.processInfo.activeProcessorCount)

    /// X·w + offset for the listed rows: [m].
    func forward(_ w: [Double], offset: Double, rows: [Int]) -> [Double] {
        [Double](unsafeUninitializedCapacity: rows.count) { output, initialized in
            let out = SendableBuffer(output)
            inParts(of: rows, with: w) { _, range, listed, source in
                guard let out = out.value.baseAddress else { return }
                rows_dot(source.x, listed, range.count, dimension, source.w, offset, out + range.lowerBound)
            }
            initialized = rows.count
        }
    }

    /// Xᵀ·c over the listed rows: [d].
    ///
    /// Rows with coefficient 0 cost nothing.
    func adjoint(_ coefficients: [Double], rows: [Int]) -> [Double] {
        let d = dimension
        let parts = RowKernels.partCount(rows.count)
        var sums = [Double](repeating: 0, count: parts * d)
        sums.withUnsafeMutableBufferPointer { sums in
            let out = SendableBuffer(sums)
            inParts(of: rows, with: coefficients) { part, range, listed, source in
                guard let out = out.value.baseAddress else { return }
                rows_add(source.x, listed, range.count, d, source.w + range.lowerBound, out + part * d)
            }
        }
        if parts == 1 { return sums }
        return (0..<d).map { j in stride(from: j, to: parts * d, by: d).reduce(0) { $0 + sums[$1] } }
    }

    /// Scratch of the Gram products: a block of widened rows.
    struct Chunk {
        static let rows = 256
        fileprivate var values: [Double] = []
    }

    /// Adds sign · Σ (x − centre)(x − centre)ᵀ over the listed rows to the lower triangle of `gram` [d, d], and
    /// sign · Σ (x − centre) to `sum` [d].
    func addGram(
        rows: [Int], centre: [Double], sign: Double, gram: inout [Double], sum: inout [Double], chunk: inout Chunk
    ) {
        addBlocks(rows: rows, weights: nil, centre: centre, sign: sign, gram: &gram, sum: &sum, chunk: &chunk)
    }

    /// Adds Σ weight (x − centre)(x − centre)ᵀ to the lower triangle of `gram` [d, d], and Σ weight (x − centre) to `sum`.
    ///
    /// - Parameters:
    ///   - rows: The rows that count.
    ///   - weights: One a listed row, not negative.
    ///   - centre: [d].
    ///   - gram: [d, d], added to.
    ///   - sum: [d], added to.
    ///   - chunk: Room for a part of the rows.
    func addWeightedGram(
        rows: [Int], weights: [Double], centre: [Double], gram: inout [Double], sum: inout [Double],
        chunk: inout Chunk
    ) {
        addBlocks(rows: rows, weights: weights, centre: centre, sign: 1, gram: &gram, sum: &sum, chunk: &chunk)
    }

    private func addBlocks(
        rows: [Int], weights: [Double]?, centre: [Double], sign: Double, gram: inout [Double], sum: inout [Double],
        chunk: inout Chunk
    ) {
        let d = dimension
        if chunk.values.count < Chunk.rows * d { chunk.values = [Double](repeating: 0, count: Chunk.rows * d) }
        for start in stride(from: 0, to: rows.count, by: Chunk.rows) {
            let count = min(Chunk.rows, rows.count - start)
            for i in 0..<count {
                let weight = weights?[start + i] ?? 1
                addRow(
                    rows[start + i], at: i, root: weight.squareRoot(), sign: sign, centre: centre, sum: &sum,
                    chunk: &chunk.values)
            }
            cblas_dsyrk(
                CblasRowMajor, CblasLower, CblasTrans, blasint(d), blasint(count), sign, chunk.values, blasint(d), 1,
                &gram, blasint(d))
        }
    }

    /// Does what ``addGram(rows:centre:sign:gram:sum:chunk:)`` does in float32.
    ///
    /// Several times as fast, as it runs on all cores too, and right to about 1e-6 of the largest values.
    func addRoundedGram(
        rows: [Int], centre: [Double], sign: Double, gram: inout [Float], sum: inout [Double]
    ) {
        let d = dimension
        let parts = RowKernels.partCount(rows.count)
        // The first part adds to the result itself, each other one to its own sums.
        var sums = [Float](repeating: 0, count: (parts - 1) * d * d)
        gram.withUnsafeMutableBufferPointer { gram in
            sums.withUnsafeMutableBufferPointer { sums in
                let (first, others) = (SendableBuffer(gram), SendableBuffer(sums))
                inParts(of: rows, with: centre) { part, range, listed, source in
                    let own = part == 0 ? first.value : others.value
                    guard let product = own.baseAddress.map({ $0 + max(0, part - 1) * d * d }) else { return }
                    addProducts(
                        UnsafeBufferPointer(start: listed, count: range.count), of: source, sign: Float(sign),
                        to: product)
                }
                for part in 0..<parts - 1 {
                    for i in 0..<d * d { gram[i] += sums[part * d * d + i] }
                }
            }
        }
        let total = adjoint([Double](repeating: 1, count: rows.count), rows: rows)
        for j in 0..<d { sum[j] += sign * (total[j] - Double(rows.count) * centre[j]) }
    }

    /// Adds sign · Σ (x − w)(x − w)ᵀ over the listed rows to `product` [d, d], lower triangle.
    private func addProducts(
        _ rows: UnsafeBufferPointer<Int>, of source: SendableRows, sign: Float, to product: UnsafeMutablePointer<Float>
    ) {
        let d = dimension
        let most = min(512, rows.count)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: most * d) { chunk in
            guard let chunk = chunk.baseAddress else { return }
            for start in stride(from: 0, to: rows.count, by: most) {
                let count = min(most, rows.count - start)
                for i in 0..<count {
                    RowKernels.difference(source.x + rows[start + i] * d, source.w, to: chunk + i * d, d)
                }
                cblas_ssyrk(
                    CblasRowMajor, CblasLower, CblasTrans, blasint(d), blasint(count), sign, chunk, blasint(d), 1,
                    product, blasint(d))
            }
        }
    }

    /// Writes root · (x − centre) to row `position` of the chunk, and adds sign · root² · (x − centre) to the sum.
    private func addRow(
        _ row: Int, at position: Int, root: Double, sign: Double, centre: [Double], sum: inout [Double],
        chunk: inout [Double]
    ) {
        let d = dimension
        features.withUnsafeBufferPointer { x in
            centre.withUnsafeBufferPointer { centre in
                sum.withUnsafeMutableBufferPointer { sum in
                    chunk.withUnsafeMutableBufferPointer { chunk in
                        let x = x.baseAddress! + row * d
                        let out = chunk.baseAddress! + position * d
                        for j in 0..<d {
                            let value = root * (Double(x[j]) - centre[j])
                            out[j] = value
                            sum[j] += sign * root * value
                        }
                    }
                }
            }
        }
    }

    /// The mean of the listed rows [d] and the mean squared distance from it, summed over the components.
    func moments(rows: [Int]) -> (mean: [Double], variance: Double) {
        let d = dimension
        let parts = RowKernels.partCount(rows.count)
        // Sums of the differences from one of the rows, in one pass; the last is that of all squares.
        let shift = (0..<d).map { Double(features[rows[0] * d + $0]) }
        var sums = [Double](repeating: 0, count: parts * (d + 1))
        sums.withUnsafeMutableBufferPointer { sums in
            let out = SendableBuffer(sums)
            inParts(of: rows, with: shift) { part, range, listed, source in
                guard let sum = out.value.baseAddress.map({ $0 + part * (d + 1) }) else { return }
                for i in 0..<range.count {
                    sum[d] += RowKernels.addDifference(source.x + listed[i] * d, source.w, to: sum, d)
                }
            }
        }
        let total = (0...d).map { j in stride(from: j, to: sums.count, by: d + 1).reduce(0) { $0 + sums[$1] } }
        let offset = total[..<d].map { $0 / Double(rows.count) }
        let variance = total[d] / Double(rows.count) - offset.reduce(0) { $0 + $1 * $1 }
        return (zip(shift, offset).map(+), max(0, variance))
    }

    /// ‖x − centre‖² of the listed rows: [m].
    func squaredDistances(rows: [Int], from centre: [Double]) -> [Double] {
        let d = dimension
        return [Double](unsafeUninitializedCapacity: rows.count) { output, initialized in
            let out = SendableBuffer(output)
            inParts(of: rows, with: centre) { _, range, listed, source in
                for i in 0..<range.count {
                    out.value[range.lowerBound + i] =
                        RowKernels.squaredDistance(source.x + listed[i] * d, source.w, d)
                }
            }
            initialized = rows.count
        }
    }

    // MARK: One row

    @inline(__always)
    private static func squaredDistance(_ x: UnsafePointer<Float>, _ m: UnsafePointer<Double>, _ d: Int) -> Double {
        var sum = SIMD8<Double>()
        var j = 0
        while j + 8 <= d {
            let difference =
                SIMD8<Double>(UnsafeRawPointer(x).loadUnaligned(fromByteOffset: j * 4, as: SIMD8<Float>.self))
                - UnsafeRawPointer(m).loadUnaligned(fromByteOffset: j * 8, as: SIMD8<Double>.self)
            sum += difference * difference
            j += 8
        }
        var total = sum.sum()
        while j < d {
            total += (Double(x[j]) - m[j]) * (Double(x[j]) - m[j])
            j += 1
        }
        return total
    }

    /// Adds x − m to the sum, and returns ‖x − m‖².
    @inline(__always)
    private static func addDifference(
        _ x: UnsafePointer<Float>, _ m: UnsafePointer<Double>, to sum: UnsafeMutablePointer<Double>, _ d: Int
    ) -> Double {
        var squares = SIMD8<Double>()
        var j = 0
        while j + 8 <= d {
            let difference =
                SIMD8<Double>(UnsafeRawPointer(x).loadUnaligned(fromByteOffset: j * 4, as: SIMD8<Float>.self))
                - UnsafeRawPointer(m).loadUnaligned(fromByteOffset: j * 8, as: SIMD8<Double>.self)
            let place = UnsafeMutableRawPointer(sum + j)
            place.storeBytes(of: place.loadUnaligned(as: SIMD8<Double>.self) + difference, as: SIMD8<Double>.self)
            squares += difference * difference
            j += 8
        }
        var total = squares.sum()
        while j < d {
            let difference = Double(x[j]) - m[j]
            sum[j] += difference
            total += difference * difference
            j += 1
        }
        return total
    }

    @inline(__always)
    private static func difference(
        _ x: UnsafePointer<Float>, _ m: UnsafePointer<Double>, to out: UnsafeMutablePointer<Float>, _ d: Int
    ) {
        for j in 0..<d { out[j] = Float(Double(x[j]) - m[j]) }
    }

    // MARK: Threads

    private static let leastRows = 512

    private static func partCount(_ count: Int) -> Int { max(1, min(workers, count / leastRows)) }

    /// Calls `body` at once for each part of `rows`, with the part's number, its range, its rows, and pointers to the
    /// features and to `vector`.
    private func inParts(
        of rows: [Int], with vector: [Double],
        _ body: @Sendable (Int, Range<Int>, UnsafePointer<Int>, SendableRows) -> Void
    ) {
        features.withUnsafeBufferPointer { x in
            vector.withUnsafeBufferPointer { w in
                rows.withUnsafeBufferPointer { rows in
                    guard let x = x.baseAddress, let w = w.baseAddress, let listed = rows.baseAddress else { return }
                    let source = SendableRows(x: x, w: w, rows: listed)
                    let (count, parts) = (rows.count, RowKernels.partCount(rows.count))
                    if parts == 1 { return body(0, 0..<count, listed, source) }
                    DispatchQueue.concurrentPerform(iterations: parts) { part in
                        let range = part * count / parts..<(part + 1) * count / parts
                        body(part, range, source.rows + range.lowerBound, source)
                    }
                }
            }
        }
    }
}

/// Read-only pointers into buffers that outlive the threads reading them.
private struct SendableRows: @unchecked Sendable {
    let x: UnsafePointer<Float>
    let w: UnsafePointer<Double>
    let rows: UnsafePointer<Int>
}
