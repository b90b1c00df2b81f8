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
    /// A square that is the picture keeps all of its colours. In a larger photograph the person keeps them, held to hues that people
    /// have; what lies behind is guessed and takes, softly, what the surroundings have in the mean, the more so
    /// the less of the photograph the square is. Where squares overlap the person of one counts more than the wall of the other.
    ///
    /// - Parameters:
    ///   - faces: The colours of each face, square, with where it lies.
    ///   - grey: The photograph, in 8-bit steps.
    ///   - person: How much of each place of a face's square is of a person, 0 to 1; of any size.
    /// - Returns: Of the photograph's shape.
    /// - Throws: What `person` throws.
    public func chroma(
        of faces: [(chroma: Chroma, place: PictureSquare)], grey: Plane, person: (_ square: Plane) throws -> Plane
    ) rethrows -> Chroma {
        let (width, height) = (grey.width, grey.height)
        var (people, behind) = (Sum(width, height), Sum(width, height))
        for (chroma, place) in faces {
            // The filter's window is a share of the face's side, whatever the photograph's.
            let side = max(chroma.width, Int(place.side.rounded()))
            let guide = place.cut(grey, side: side)
            let clean = cleaning.cleaned(chroma, guide: guide)
            if place.side >= Double(min(width, height)) - 1 && width == height {
                let laid = place.laid([clean.cb, clean.cr], width: width, height: height, rim: 0)
                return Chroma(cb: laid.planes[0], cr: laid.planes[1])
            }
            let matte = FaceMatte.head(try person(guide), by: guide)
            let own = clean.mixed(with: PeopleColours.held(clean), share: matte)
            let laid = place.laid([own.cb, own.cr, matte], width: width, height: height, rim: 0.06)
            let kept = PhotographColouring.kept(place, width: width, height: height)
            for i in grey.values.indices where laid.share.values[i] > 0 {
                let (share, person) = (laid.share.values[i], laid.planes[2].values[i])
                let colour = SIMD2(laid.planes[0].values[i], laid.planes[1].values[i])
                people.add(colour, share * (person + (1 - person) * kept), at: i)
                behind.add(colour, share * (1 - person), at: i)
            }
        }
        let shares = people.weights.map { min(1, $0) }
        guard surround == .soft, shares.values.contains(where: { $0 < 1 }) else {
            return people.mean.map { $0.map(with: shares, *) }
        }
        // Of a face alone the surroundings take the face's colours; where there is something behind it, those.
        let isSeen = behind.weights.values.reduce(0, +) > 0.02 * people.weights.values.reduce(0, +)
        let outside = surroundings(isSeen ? behind : people, grey, faces.map(\.place))
        return outside.mixed(with: people.mean, share: shares)
    }

    /// How much of the colours behind a face is kept: nearly all where the face's square is most of the photograph, none where
    /// it is a part, since beside soft surroundings strong guesses would be blots.
    private static func kept(_ place: PictureSquare, width: Int, height: Int) -> Float {
        let share = Float(place.side) / Float(max(1, max(width, height)))
        return min(max((share - 0.75) / 0.2, 0), 1)
    }

    /// What colours of surroundings stay below, in 8-bit steps.
    private static let palest: Float = 12

    /// Weighted sums of colours.
    private struct Sum {
        private(set) var colours: Chroma
        private(set) var weights: Plane

        init(_ width: Int, _ height: Int) {
            colours = Chroma(width: width, height: height)
            weights = colours.cb
        }

        mutating func add(_ colour: SIMD2<Float>, _ weight: Float, at i: Int) {
            colours.cb.values[i] += weight * colour.x
            colours.cr.values[i] += weight * colour.y
            weights.values[i] += weight
        }

        /// The mean colours; none where nothing was added.
        var mean: Chroma { colours.map { $0.map(with: weights) { $0 / max($1, 1e-6) } } }
    }

    /// Colours for what lies behind and beside the faces: near them what a wide filter carries over, farther off the mean colour at
    /// each luminance, both pale, as nothing is known there.
    private func surroundings(_ known: Sum, _ grey: Plane, _ places: [PictureSquare]) -> Chroma {
        let inside = known.mean
        var sums = LuminanceSums()
        sums.add(grey, inside, weights: known.weights)
        var result = sums.tint.chroma(for: grey).scaled(by: 0.8)
        let half = (places.map(\.side).max() ?? 2) / 2
        for share in [1.2, 0.4] {
            let filter = GuidedFilter(
                guide: grey, radius: max(1, Int(share * half)), epsilon: 10 * cleaning.epsilon, weights: known.weights)
            let near = filter.filtered(inside)
            result = result.mixed(with: near, share: filter.confidence.map { min(1, 3 * $0) })
        }
        for i in result.cb.values.indices {
            // Walls and clothes are seldom green or violet: along that axis a guess counts less.
            let across = 0.3 * (result.cb.values[i] + result.cr.values[i])
            let colour = SIMD2(result.cb.values[i] - across, result.cr.values[i] - across)
            let share = 1 / (1 + (colour * colour).sum().squareRoot() / PhotographColouring.palest)
            result.cb.values[i] = share * colour.x
            result.cr.values[i] = share * colour.y
        }
        return result
    }
}

/// The hues of skin, lips and hair.
enum PeopleColours {
    /// Colours drawn to those hues: redder than they are blue or green, by what they lack the more softly the more it is.
    static func held(_ chroma: Chroma) -> Chroma {
        var result = chroma
        for i in chroma.cb.values.indices {
            let colour = SIMD2(chroma.cb.values[i], chroma.cr.values[i])
            // Along the hue of skin, and across it, from green to purple.
            let along = (colour.y - colour.x) * 0.5
            let across = (colour.y + colour.x) * 0.5
            let warm = max(0, along)
            let held = SIMD2(
                along < -1 ? -1 - soft(-1 - along) : along,
                min(max(across, -0.5 * warm - 1), 0.8 * warm + 1))
            let kept = held.y + (across > held.y ? soft(across - held.y) : -soft(held.y - across))
            result.cb.values[i] = kept - held.x
            result.cr.values[i] = kept + held.x
        }
        return result
    }

    /// What is kept of an excess, in 8-bit steps: at most 3.
    private static func soft(_ excess: Float) -> Float { excess / (1 + excess / 3) }
}
