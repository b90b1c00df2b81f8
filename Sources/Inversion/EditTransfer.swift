import Colourisation
import Images

/// Carries an edit of a photograph's reconstruction over to the photograph.
///
/// What the generator can't reproduce — background, hands, strands of hair — is the difference between the photograph and its
/// unedited reconstruction. Where the edit changed nothing the photograph stays as it is, to the bit. Where it did, the edited
/// face takes its place with that difference on top: its slow part (lighting and colour) everywhere, its fine part displaced as
/// the edit moved things, and only where the edited face is still the unedited one displaced, so that nothing is seen twice. Before
/// that the reconstruction is displaced to lie over the photograph, so that the difference is one of looks rather than of places.
///
/// Where the reconstruction shows another thing than the photograph, as beside the far cheek of a head that is turned farther than
/// its code holds, its edit says nothing of the photograph and is left out; nor does what differs there count as lighting beside.
/// What lies behind the person stays as well, but where the edited face has grown over it, as longer hair does.
///
/// For example:
///
/// ```swift
/// let transfer = try EditTransfer(photograph: photograph, reconstruction: face, segmenter: PersonSegmenter().matte)
/// let change = try transfer.change(to: smilingFace)  // to be added to the photograph
/// ```
public struct EditTransfer: Sendable {
    /// Differences of the two synthesized faces, in [0, 2], at which a change begins, and at which it is one for certain.
    private static let changed: ClosedRange<Float> = 0.04...0.14
    /// Differences at which the edited face begins to be another than the unedited one displaced, and at which it is certain.
    private static let other: ClosedRange<Float> = 0.06...0.22
    /// What a change of shade alone counts among those.
    private static let shade: Float = 0.25
    /// Differences of photograph and reconstruction at which they begin to show other things, and at which it is certain.
    private static let apart: ClosedRange<Float> = 0.18...0.42
    /// Shares of the person at which a place no longer lies behind it, and at which it is of it for certain.
    private static let behind: ClosedRange<Float> = 0.15...0.5
    /// What a place counts in the lighting around it where they show other things.
    private static let stray: Float = 0.02
    /// The Gaussian's deviations in shares of a side: of what is lighting, of masks, and of their rims.
    private static let (lighting, mask, rim): (Float, Float, Float) = (0.05, 0.008, 0.016)
    /// The same of what surrounds a part that became another: there the photograph may have more of it than the reconstruction,
    /// such as tufts of hair that was taken away.
    private static let surroundings: Float = 0.02
    /// The same of what has grown beyond the person.
    private static let growth: Float = 0.05

    /// How much of each place of a picture is of a person: one channel, 0 to 1, of any size.
    public typealias Segmenter = @Sendable (ImageBatch) throws -> ImageBatch

    private let registration: Registration
    private let photograph: ImageBatch
    private let reconstruction: ImageBatch
    /// How the reconstruction is displaced to lie over the photograph.
    private let place: Displacement
    /// The reconstruction displaced so, and as it is matched with edited faces.
    private let placed: ImageBatch
    private let matched: Registration.Pyramid
    /// [side, side]: 0 where the two show other things, 1 where they do not.
    private let trust: [Float]
    /// Finds a person in a picture; nil where nobody looks closely.
    private let segmenter: Segmenter?
    /// [side, side]: 1 on the person, 0 behind, in the photograph and in its reconstruction.
    private let person: (photograph: [Float], reconstruction: [Float])
    /// The photograph less that, and its slow part.
    private let difference: [Float]
    private let slow: [Float]

    /// - Parameters:
    ///   - photograph: One aligned face, RGB in [-1, 1].
    ///   - reconstruction: The unedited face of its code, of the same size.
    ///   - registration: How exactly the pictures are laid over each other.
    ///   - segmenter: Finds a person in a picture; nil where edits may change what lies behind, as they may in what is laid over
    ///     quickly.
    /// - Throws: What the segmenter throws.
    public init(
        photograph: ImageBatch, reconstruction: ImageBatch, registration: Registration = .exact,
        segmenter: Segmenter? = nil
    ) throws {
        precondition(
            photograph.count == 1 && reconstruction.count == 1 && photograph.side == reconstruction.side
                && photograph.channels == 3 && reconstruction.channels == 3, "one picture each, of one size")
        let side = photograph.side
        self.photograph = photograph
        self.reconstruction = reconstruction
        self.registration = registration
        place = registration.displacement(
            of: registration.pyramid(reconstruction), onto: registration.pyramid(photograph))
        placed = ImageBatch(place.warped(reconstruction.planes), side: side)
        matched = registration.pyramid(placed)
        let segmenter = registration.isQuick ? nil : segmenter
        self.segmenter = segmenter
        if let segmenter {
            person = (try EditTransfer.person(photograph, segmenter), try EditTransfer.person(placed, segmenter))
        } else {
            person = ([], [])
        }
        difference = zip(photograph.planes, placed.planes).map { $0 - $1 }
        trust = EditTransfer.trust(difference, side: side)
        slow = EditTransfer.slow(difference, trust: trust, side: side)
    }

    /// How much of each place is of the person, looked at in 512 pixels at most.
    private static func person(_ picture: ImageBatch, _ segmenter: Segmenter) throws -> [Float] {
        let small = picture.resized(to: min(512, picture.side))
        let grey = Plane(small.luma().planes.map { 127.5 * ($0 + 1) }, width: small.side, height: small.side)
        return FaceMatte.refined(Plane(try segmenter(picture)), by: grey)
            .resized(width: picture.side, height: picture.side).values
    }

    /// How much the photograph and its reconstruction show the same thing at each place; texture does not count.
    private static func trust(_ difference: [Float], side: Int) -> [Float] {
        let (area, sigma) = (side * side, mask * Float(side))
        let smooth = PlaneFilters.blurred(difference, side: side, sigma: sigma)
        let largest = PlaneFilters.largestDifference(
            smooth, [Float](repeating: 0, count: smooth.count), area: area)
        let apart = PlaneFilters.step(largest, from: apart.lowerBound, to: apart.upperBound)
        // Rims of what differs belong to it.
        let wide = PlaneFilters.step(
            PlaneFilters.blurred(apart, side: side, sigma: sigma), from: 0.05, to: 0.5)
        return wide.map { 1 - $0 }
    }

    /// The slow part of differences, learnt where they can be trusted.
    private static func slow(_ difference: [Float], trust: [Float], side: Int) -> [Float] {
        let area = side * side
        let weights = trust.map { $0 + stray }
        let sums = PlaneFilters.blurred(
            difference.indices.map { difference[$0] * weights[$0 % area] }, side: side, sigma: lighting * Float(side))
        let counts = PlaneFilters.blurred(weights, side: side, sigma: lighting * Float(side))
        return sums.indices.map { sums[$0] / counts[$0 % area] }
    }

    /// What has to be added to the photograph to edit it as its reconstruction was edited.
    ///
    /// - Parameter edited: The edited face, of the reconstruction's size.
    /// - Returns: Differences of RGB, exactly 0 where nothing changed; the sum may leave [-1, 1].
    /// - Throws: What the segmenter throws.
    public func change(to edited: ImageBatch) throws -> ImageBatch {
        precondition(
            edited.count == 1 && edited.side == photograph.side && edited.channels == 3, "one picture of the size")
        let side = photograph.side
        let area = side * side
        let zero = ImageBatch([Float](repeating: 0, count: 3 * area), side: side)
        if edited == reconstruction { return zero }
        let face = ImageBatch(place.warped(edited.planes), side: side)
        var mask = mask(of: face.planes)
        // How the edit moved what was there, and where that explains it.
        let motion = registration.displacement(of: matched, onto: registration.pyramid(face))
        let all = motion.warped(difference + slow + placed.planes)
        let (moved, movedSlow) = (all[..<(3 * area)], all[(3 * area)..<(6 * area)])
        var other = other(face.planes, than: Array(all[(6 * area)...]))
        let replaced = PlaneFilters.blurred(
            (0..<area).map { mask[$0] * other[$0] }, side: side, sigma: EditTransfer.surroundings * Float(side))
        for (i, value) in PlaneFilters.step(replaced, from: 0.08, to: 0.35).enumerated() {
            mask[i] = max(mask[i], value)
            other[i] = max(other[i], value)
        }
        for i in mask.indices { mask[i] *= trust[i] }
        if let segmenter {
            // Beyond the photograph's person only what the edit made grow, and not thinly: what the reconstruction has too much says
            // nothing of it, and a rim may lie a little elsewhere. What lies between the person and a growth belongs to it.
            let edited = try EditTransfer.person(face, segmenter)
            let sigma = EditTransfer.growth * Float(side)
            let grown = edited.indices.map { min(edited[$0], 1 - person.reconstruction[$0]) }
            let wide = PlaneFilters.step(
                PlaneFilters.blurred(grown, side: side, sigma: sigma), from: 0.5, to: 0.7)
            let near = PlaneFilters.step(
                PlaneFilters.blurred(grown.indices.map { grown[$0] * wide[$0] }, side: side, sigma: sigma),
                from: 0.08, to: 0.3)
            let own = near.indices.map { max(person.photograph[$0], edited[$0] * near[$0]) }
            let share = PlaneFilters.step(
                own, from: EditTransfer.behind.lowerBound, to: EditTransfer.behind.upperBound)
            for i in mask.indices { mask[i] *= share[i] }
        }
        var result = zero
        for channel in 0..<3 {
            for i in 0..<area where mask[i] > 0 {
                let k = channel * area + i
                let fine = (1 - other[i]) * (moved[k] - movedSlow[3 * area + k])
                result.planes[k] = mask[i] * (face.planes[k] + movedSlow[3 * area + k] + fine - photograph.planes[k])
            }
        }
        return result
    }

    /// [side, side]: 1 where the edited face is another thing than the unedited one displaced; another colour or shade of the same
    /// thing counts far less than other edges, as the photograph's own edges should stay.
    private func other(_ face: [Float], than moved: [Float]) -> [Float] {
        let (side, area) = (photograph.side, photograph.side * photograph.side)
        let changes = zip(face, moved).map { $0 - $1 }
        let shade = PlaneFilters.blurred(changes, side: side, sigma: EditTransfer.lighting / 2 * Float(side))
        let edges = PlaneFilters.blurred(
            PlaneFilters.largestDifference(changes, shade, area: area), side: side,
            sigma: EditTransfer.mask * Float(side))
        let shades = PlaneFilters.largestDifference(shade, [Float](repeating: 0, count: shade.count), area: area)
        return PlaneFilters.step(
            zip(edges, shades).map { $0 + EditTransfer.shade * $1 },
            from: EditTransfer.other.lowerBound, to: EditTransfer.other.upperBound)
    }

    /// [side, side]: 0 where the edit changed nothing, 1 where it did, with soft rims outside of that.
    private func mask(of face: [Float]) -> [Float] {
        let side = photograph.side
        let differences = PlaneFilters.largestDifference(face, placed.planes, area: side * side)
        let smooth = PlaneFilters.blurred(differences, side: side, sigma: EditTransfer.mask * Float(side))
        let certain = PlaneFilters.step(
            smooth, from: EditTransfer.changed.lowerBound, to: EditTransfer.changed.upperBound)
        let soft = PlaneFilters.blurred(certain, side: side, sigma: EditTransfer.rim * Float(side))
        return PlaneFilters.step(soft, from: 0.02, to: 0.5)
    }
}
