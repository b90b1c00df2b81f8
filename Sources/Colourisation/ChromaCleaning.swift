/// A generator's colours brought under a photograph: enlarged to its size, and made to follow its edges.
///
/// The generator's face lies a few pixels beside the photograph's, so that its colours would bleed over the hairline and the
/// collar. A guided filter takes them along the photograph's own edges instead.
public struct ChromaCleaning: Sendable, Equatable {
    /// Half a window in shares of the picture's longer side.
    public var radius: Double
    /// The luminance's variance, in squares of 8-bit steps, below which a window counts as one thing.
    public var epsilon: Float
    /// Factor of all colours.
    public var strength: Float
    /// The grey, in 8-bit steps, below which colours fade: what is nearly black has none that could be seen, and wrong ones would be.
    public var shadow: Float

    /// - Parameters:
    ///   - radius: Half a window in shares of the picture's longer side.
    ///   - epsilon: The luminance's variance, in squares of 8-bit steps, below which a window counts as one thing.
    ///   - strength: Factor of all colours.
    ///   - shadow: The grey, in 8-bit steps, below which colours fade.
    public init(radius: Double = 0.02, epsilon: Float = 40, strength: Float = 1, shadow: Float = 0) {
        self.radius = radius
        self.epsilon = epsilon
        self.strength = strength
        self.shadow = shadow
    }

    /// Colours of the guide's shape that follow its edges.
    ///
    /// - Parameters:
    ///   - chroma: Colours of any size.
    ///   - guide: The photograph's grey, in 8-bit steps.
    /// - Returns: Colours of the guide's shape.
    public func cleaned(_ chroma: Chroma, guide: Plane) -> Chroma {
        let pixels = Int((radius * Double(max(guide.width, guide.height))).rounded())
        let filter = GuidedFilter(guide: guide, radius: pixels, epsilon: epsilon)
        let large = chroma.resized(width: guide.width, height: guide.height)
        let clean = filter.filtered(large).scaled(by: strength)
        if shadow <= 0 { return clean }
        let light = guide.map { min(max($0 / shadow, 0), 1) }
        return clean.map { $0.map(with: light, *) }
    }
}
