import Fitting

/// The unknowns of a search and how gradients move them: for each photograph what its rows have in common, and each row's offset.
///
/// Both are in W's own measure (``Fitting/PrincipalCoordinates``) and moved by Adam (Kingma and Ba, 2015): the common part sees the
/// sum of all rows' gradients, so that a face first moves within W and leaves it only where that pays.
struct CodeDescent {
    private let coordinates: PrincipalCoordinates
    private let count: Int
    private let rows: Int
    /// [count, size].
    private(set) var common: [Float]
    /// [count, rows, size].
    private(set) var offsets: [Float]
    private var commonMoments: AdamMoments
    private var offsetMoments: AdamMoments
    private var size: Int { coordinates.dimension }

    /// - Parameters:
    ///   - latents: Where to begin, [count, rows, size].
    ///   - rows: Rows of each code.
    ///   - coordinates: W's own measure.
    init(_ latents: [Float], rows: Int, coordinates: PrincipalCoordinates) {
        let size = coordinates.dimension
        let count = latents.count / (rows * size)
        let start = coordinates.coordinates(latents)
        var common = [Float](repeating: 0, count: count * size)
        for i in start.indices { common[i / (rows * size) * size + i % size] += start[i] / Float(rows) }
        self.coordinates = coordinates
        self.count = count
        self.rows = rows
        self.common = common
        offsets = start.indices.map { start[$0] - common[$0 / (rows * size) * size + $0 % size] }
        commonMoments = AdamMoments(count: common.count)
        offsetMoments = AdamMoments(count: offsets.count)
    }

    /// [count, rows, size]: where the rows are, in coordinates.
    private var places: [Float] {
        offsets.indices.map { offsets[$0] + common[$0 / (rows * size) * size + $0 % size] }
    }

    /// The codes, [count, rows, size].
    var latents: [Float] { coordinates.latents(places) }

    /// For each photograph the mean square of its common part, and that of its offsets; 1 is what sampled codes have.
    func squares(of photograph: Int) -> (common: Float, offsets: Float) {
        func mean(_ values: ArraySlice<Float>) -> Float {
            Float(values.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(values.count))
        }
        let width = rows * size
        return (
            mean(common[photograph * size..<(photograph + 1) * size]),
            mean(offsets[photograph * width..<(photograph + 1) * width])
        )
    }

    /// Makes one step of Adam.
    ///
    /// - Parameters:
    ///   - gradients: Of the loss with respect to the codes, [count, rows, size].
    ///   - settings: What codes outside of W cost, and the rates.
    ///   - scale: What the rates are multiplied by now.
    ///   - hasOffsets: Whether the offsets move too.
    mutating func step(_ gradients: [Float], settings: InversionSettings, scale: Float, hasOffsets: Bool) {
        let pulled = coordinates.backward(gradients, at: places)
        let weight = 2 * settings.prior / Float(size)
        var commonGradients = common.map { weight * $0 }
        for i in pulled.indices { commonGradients[i / (rows * size) * size + i % size] += pulled[i] }
        commonMoments.move(&common, gradients: commonGradients, rate: settings.rate * scale)
        guard hasOffsets else { return }
        let offsetWeight = 2 * settings.offsetPrior / Float(rows * size)
        let offsetGradients = offsets.indices.map { pulled[$0] + offsetWeight * offsets[$0] }
        offsetMoments.move(&offsets, gradients: offsetGradients, rate: settings.offsetRate * scale)
    }
}

/// Adam's running moments of some numbers.
struct AdamMoments {
    private var first: [Float]
    private var second: [Float]
    private var steps = 0

    init(count: Int) {
        first = [Float](repeating: 0, count: count)
        second = first
    }

    /// Moves the numbers against their gradients; β is 0.9 and 0.99, the latter short as searches are.
    mutating func move(_ values: inout [Float], gradients: [Float], rate: Float) {
        steps += 1
        let (beta1, beta2): (Float, Float) = (0.9, 0.99)
        var (correction1, correction2): (Float, Float) = (1, 1)
        for _ in 0..<min(steps, 5000) {
            correction1 *= beta1
            correction2 *= beta2
        }
        let step = rate / (1 - correction1)
        for i in values.indices {
            first[i] = beta1 * first[i] + (1 - beta1) * gradients[i]
            second[i] = beta2 * second[i] + (1 - beta2) * gradients[i] * gradients[i]
            values[i] -= step * first[i] / ((second[i] / (1 - correction2)).squareRoot() + 1e-10)
        }
    }
}
