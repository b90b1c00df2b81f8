import Images

/// Another objective as a function of pictures' grey alone: what a photograph without colours can ask for.
///
/// The other one sees the grey in all three channels, and its gradient goes back by the same shares.
public struct GreyObjective: Objective {
    private let inner: any Objective
    private let weights: [Float]

    /// - Parameters:
    ///   - inner: An objective whose targets are grey.
    ///   - weights: What red, green and blue add to grey: Rec. 601's 0.299, 0.587, 0.114, or a film's.
    public init(_ inner: any Objective, weights: [Float]) {
        precondition(weights.count == 3, "grey is made of three channels")
        self.inner = inner
        self.weights = weights
    }

    public var side: Int { inner.side }

    public func evaluate(_ images: ImageBatch) throws -> ObjectiveValue {
        precondition(images.channels == 3, "grey is of RGB")
        var found = try inner.evaluate(mixed(images))
        found.gradients = mixedBack(found.gradients)
        return found
    }

    /// Every channel the weighted sum of all.
    private func mixed(_ images: ImageBatch) -> ImageBatch {
        var result = images
        let area = images.side * images.side
        for image in 0..<images.count {
            let start = image * images.stride
            for i in start..<start + area {
                var grey: Float = 0
                for c in 0..<3 { grey += weights[c] * images.planes[i + c * area] }
                for c in 0..<3 { result.planes[i + c * area] = grey }
            }
        }
        return result
    }

    /// The adjoint: every channel's weight times the sum of all gradients.
    private func mixedBack(_ gradients: ImageBatch) -> ImageBatch {
        var result = gradients
        let area = gradients.side * gradients.side
        for image in 0..<gradients.count {
            let start = image * gradients.stride
            for i in start..<start + area {
                let sum = gradients.planes[i] + gradients.planes[i + area] + gradients.planes[i + 2 * area]
                for c in 0..<3 { result.planes[i + c * area] = weights[c] * sum }
            }
        }
        return result
    }
}
