/// What codes far from W cost.
struct CodePriors {
    let wNorm: Float
    let delta: Float
    let rows: Int
    let size: Int

    /// The cost of some codes' coordinates [count, rows, size], in all; its gradients are added.
    func add(_ place: [Float], to gradients: inout [Float]) -> Double {
        var value = 0.0
        for code in 0..<place.count / (rows * size) {
            for k in 0..<size {
                let start = code * rows * size + k
                var common: Float = 0
                for row in 0..<rows { common += place[start + row * size] / Float(rows) }
                value += Double(wNorm * common * common) / Double(size)
                for row in 0..<rows {
                    let offset = place[start + row * size] - common
                    value += Double(delta * offset * offset) / Double(rows * size)
                    gradients[start + row * size] += 2 * (wNorm * common + delta * offset) / Float(rows * size)
                }
            }
        }
        return value
    }
}
