import Images

/// The colours of faces laid into a whole photograph.
public struct PhotographColouring: Sendable {
    /// What becomes of the rest of the photograph.
    public enum Surround: String, Sendable, Codable, CaseIterable {
        /// It stays grey.
        case grey
        /// It takes, softly, the colours that lie around the faces, by their luminance.
        case soft
    }

    /// How faces' colours are made to follow the photograph's edges.
    public var cleaning: ChromaCleaning
    /// What becomes of the rest of the photograph.
    public var surround: Surround

    public init(cleaning: ChromaCleaning = ChromaCleaning(), surround: Surround = .soft) {
        self.cleaning = cleaning
        self.surround = surround
    }

    /// The colours of a whole photograph.
    ///
    /// - Parameters:
    ///   - faces: The generator's colours of each face, square, with where it lies.
    ///   - grey: The photograph, in 8-bit steps.
    /// - Returns: Of the photograph's shape.
    public func chroma(of faces: [(chroma: Chroma, place: PictureSquare)], grey: Plane) -> Chroma {
        var sum = Chroma(width: grey.width, height: grey.height)
        var total = Plane(filledWith: 0, width: grey.width, height: grey.height)
        var backdrop = total
        for (chroma, place) in faces {
            // The filter's window is a share of the face's side, whatever the photograph's.
            let side = max(chroma.width, Int(place.side.rounded()))
            let clean = cleaning.cleaned(chroma, guide: place.cut(grey, side: side))
            let isWhole = place.side >= Double(min(grey.width, grey.height)) - 1 && grey.width == grey.height
            let laid = place.laid(
                [clean.cb, clean.cr, PhotographColouring.backdrop(side: side)], width: grey.width,
                height: grey.height, rim: isWhole ? 0 : 0.06)
            for i in total.values.indices where laid.share.values[i] > 0 {
                let share = laid.share.values[i]
                total.values[i] += share
                sum.cb.values[i] += share * laid.planes[0].values[i]
                sum.cr.values[i] += share * laid.planes[1].values[i]
                backdrop.values[i] = max(backdrop.values[i], share * laid.planes[2].values[i])
            }
        }
        for i in total.values.indices where total.values[i] > 1 {
            sum.cb.values[i] /= total.values[i]
            sum.cr.values[i] /= total.values[i]
            total.values[i] = 1
        }
        guard surround == .soft, total.values.contains(where: { $0 < 1 }) else { return sum }
        // Of a face alone the surroundings take the face's colours; where there is something behind it, those.
        let isSeen = backdrop.values.reduce(0, +) > 0.02 * total.values.reduce(0, +)
        let outside = surroundings(sum, total, isSeen ? backdrop : total, grey, faces.map(\.place))
        for i in total.values.indices {
            sum.cb.values[i] += (1 - total.values[i]) * outside.cb.values[i]
            sum.cr.values[i] += (1 - total.values[i]) * outside.cr.values[i]
        }
        return sum
    }

    /// Colours for what lies outside of the faces' squares: near them what a wide filter carries over the rim, farther off
    /// the mean colour at each luminance, both weakened, as nothing is known there.
    private func surroundings(
        _ sum: Chroma, _ total: Plane, _ weights: Plane, _ grey: Plane, _ places: [PictureSquare]
    ) -> Chroma {
        var inside = sum
        for i in total.values.indices {
            inside.cb.values[i] /= max(total.values[i], 1e-6)
            inside.cr.values[i] /= max(total.values[i], 1e-6)
        }
        var sums = LuminanceSums()
        sums.add(grey, inside, weights: weights)
        var result = sums.tint.chroma(for: grey).scaled(by: 0.6)
        let half = (places.map(\.side).max() ?? 2) / 2
        for share in [1.2, 0.4] {
            let filter = GuidedFilter(
                guide: grey, radius: max(1, Int(share * half)), epsilon: 10 * cleaning.epsilon, weights: weights)
            let near = filter.filtered(inside).scaled(by: 0.8)
            result = result.mixed(with: near, share: filter.confidence.map { min(1, 3 * $0) })
        }
        return result
    }

    /// How much of each place of a face's square is neither face nor hair, in FFHQ's frame.
    private static func backdrop(side: Int) -> Plane {
        var result = Plane(filledWith: 0, width: side, height: side)
        for i in result.values.indices {
            let place = SIMD2((Float(i % side) + 0.5) / Float(side), (Float(i / side) + 0.5) / Float(side))
            let d = (place - SIMD2(0.5, 0.57)) / SIMD2(0.27, 0.36)
            result.values[i] = min(max(((d * d).sum().squareRoot() - 1.2) / 0.5, 0), 1)
        }
        return result
    }
}
