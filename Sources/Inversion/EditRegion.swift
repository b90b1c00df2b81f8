import Images

/// Where a direction's attribute lives in faces, learnt from faces that have nothing to do with the photograph.
///
/// A code that was found for a photograph is a compromise: an edit of it also undoes what the generator could only just hold, such
/// as a cap or a hand before the face. The same edit of the generator's own faces, and which of its changes a classifier's logit
/// owes its own change to (gradient times difference), tell where it belongs; what changes elsewhere is left out of the photograph.
public struct EditRegion: Sendable, Equatable {
    /// Pixels along a side.
    public let side: Int
    /// [side, side]: how much of a change is kept, 0 to 1, with soft rims.
    public let weights: [Float]

    /// Shares of the strongest places' part in the change at which a place begins to belong to the edit, and at which all of its
    /// change is kept.
    private static let kept: ClosedRange<Float> = 0.18...0.45
    /// The strongest fiftieth of a face's places is measured by at least this share of the other faces'.
    private static let least: Float = 0.6
    /// The Gaussian's deviation in shares of a side: faces' parts lie in different places.
    private static let (reach, about): (Float, Float) = (0.035, 0.08)

    /// The region of an edit.
    ///
    /// - Parameters:
    ///   - parts: [side, side]: how much each place did for the logits' change, of faces that have nothing to do with the photograph,
    ///     in the mean over them.
    ///   - own: The same of the photograph's own face, which may look aside; nil where there is none.
    ///   - side: Pixels along a side, in FFHQ's frame.
    public init(parts: [Float], own: [Float]? = nil, side: Int) {
        precondition(parts.count == side * side && own?.count ?? parts.count == parts.count && side > 1, "a square")
        self.side = side
        // Other faces look ahead: beside the photograph's own they only say about where.
        let reach = own == nil ? EditRegion.reach : EditRegion.about
        var (share, usual) = EditRegion.shares(parts, side: side, reach: reach)
        if let own {
            // A face that the edit leaves nearly as it is has no places that stand out.
            usual *= EditRegion.least
            let exact = EditRegion.shares(own, side: side, reach: EditRegion.reach, least: usual).shares
            for i in share.indices { share[i] = (share[i] * exact[i]).squareRoot() }
        }
        weights =
            share.allSatisfy { $0 == 0 }
            ? [Float](repeating: 1, count: share.count)
            : PlaneFilters.step(share, from: EditRegion.kept.lowerBound, to: EditRegion.kept.upperBound)
    }

    /// Parts as shares of the strongest fiftieth, so that a single spot does not set the measure.
    private static func shares(
        _ parts: [Float], side: Int, reach: Float, least: Float = 0
    ) -> (shares: [Float], strongest: Float) {
        let smooth = PlaneFilters.blurred(parts, side: side, sigma: reach * Float(side))
        let strongest = smooth.sorted()[side * side - 1 - side * side / 50]
        let measure = max(strongest, least)
        return (measure > 0 ? smooth.map { min(1, $0 / measure) } : smooth.map { _ in 0 }, strongest)
    }

    /// What of a change is kept at each place of a picture.
    ///
    /// - Parameter side: The picture's pixels along a side.
    /// - Returns: [side, side], 0 to 1.
    public func weights(side: Int) -> [Float] {
        kept(of: ImageBatch([Float](repeating: 1, count: side * side), side: side, channels: 1)).planes
    }

    /// What belongs to this region or to another of the same size.
    public func joined(_ other: EditRegion) -> EditRegion {
        precondition(side == other.side, "regions of one size")
        return EditRegion(side: side, weights: zip(weights, other.weights).map { max($0, $1) })
    }

    /// Where the eyebrows lie in FFHQ's frame, in shares of a side: what is above them begins to, and has, left the region.
    private static let brows: ClosedRange<Float> = 0.36...0.42

    /// What of this region lies below the eyebrows: all that an edit may change of a face that wears a hat.
    public var belowBrows: EditRegion {
        let rows = PlaneFilters.step(
            (0..<side).map { (Float($0) + 0.5) / Float(side) }, from: EditRegion.brows.lowerBound,
            to: EditRegion.brows.upperBound)
        return EditRegion(side: side, weights: weights.indices.map { weights[$0] * rows[$0 / side] })
    }

    private init(side: Int, weights: [Float]) {
        self.side = side
        self.weights = weights
    }

    /// The part of a picture's change that lies in the region.
    ///
    /// - Parameter change: Differences of one picture, of any size.
    /// - Returns: Of the same size.
    public func kept(of change: ImageBatch) -> ImageBatch {
        precondition(change.count == 1, "one picture")
        let size = change.side
        let scale = Float(side) / Float(size)
        var result = change
        for y in 0..<size {
            let v = max(0, min(Float(side - 1), (Float(y) + 0.5) * scale - 0.5))
            let y0 = min(max(0, side - 2), Int(v))
            let fy = v - Float(y0)
            for x in 0..<size {
                let u = max(0, min(Float(side - 1), (Float(x) + 0.5) * scale - 0.5))
                let x0 = min(max(0, side - 2), Int(u))
                let fx = u - Float(x0)
                let at = y0 * side + x0
                let top = weights[at] + fx * (weights[at + 1] - weights[at])
                let bottom = weights[at + side] + fx * (weights[at + side + 1] - weights[at + side])
                let weight = top + fy * (bottom - top)
                for channel in 0..<change.channels { result.planes[(channel * size + y) * size + x] *= weight }
            }
        }
        return result
    }
}
