import Core
import Fitting
import Foundation
import Generators
import Images
import Inversion
import Latents
import Objectives

/// Edits that hold: from the plain edit of each face a short descent to a code with as much of the edit's own attribute, the other
/// attributes, the person and the rest of the picture being left as they were.
///
/// A direction is one for all faces; what it drags along differs from face to face, and only a step that knows the face can take
/// that back. Codes are found at strengths ``spacing`` apart, each beginning where the one before ended, and lie on straight lines
/// between; so strength 0 is the unedited code to the bit. A code that gives the panel less of the attribute than the one before
/// is not taken, so more strength never gives less. Steps are in W's standard deviations, and each is seen in views of its own.
public struct EditHolder: Sendable {
    /// What is left as it was, beside the person and the picture outside the attribute's region.
    public enum Held: Sendable, Equatable {
        /// All other attributes.
        case others
        /// Some attributes.
        case attributes([Attribute])
        /// None: the person and the picture alone.
        case person

        /// Parses `others`, `person`, or attributes such as `male,young`.
        ///
        /// - Throws: ``Core/Failure`` (usage) for a text that names no attribute.
        public init(_ text: String) throws {
            switch text.lowercased() {
            case "others": self = .others
            case "person": self = .person
            default:
                let named = try Attribute.list(text)
                guard !named.isEmpty else {
                    throw Failure(
                        "hold \(text)", "names nothing to hold", "for example others, person, or male,young",
                        kind: .usage)
                }
                self = .attributes(named)
            }
        }

        /// As it is parsed.
        public var description: String {
            switch self {
            case .others: "others"
            case .person: "person"
            case .attributes(let named): named.map(\.slug).joined(separator: ",")
            }
        }
    }

    /// An attribute that an edit is of.
    public struct Target: Sendable, Equatable {
        /// The attribute.
        public var attribute: Attribute
        /// Whether the edit is to take it away.
        public var isLowered: Bool

        /// - Parameters:
        ///   - attribute: The attribute.
        ///   - isLowered: Whether the edit is to take it away.
        public init(_ attribute: Attribute, isLowered: Bool = false) {
            self.attribute = attribute
            self.isLowered = isLowered
        }
    }

    /// What to add to a code for a strength of 1, and what it is to change.
    public struct Edit: Sendable {
        /// [rows, size].
        public var change: [Float]
        /// The attributes that the edit is of.
        public var targets: [Target]
        /// The strength of one sigma.
        public var sigma: Float

        /// - Parameters:
        ///   - change: [rows, size]: what is added to a code for a strength of 1.
        ///   - targets: The attributes that the edit is of.
        ///   - sigma: The strength of one sigma.
        public init(change: [Float], targets: [Target], sigma: Float) {
            self.change = change
            self.targets = targets
            self.sigma = sigma
        }
    }

    /// Sigma from one found code to the next, and steps to each.
    public static let (spacing, steps): (Float, Int) = (1.5, 4)
    /// How much of what is to fall a step takes, by the slope, and how long it is at most, in W's standard deviations.
    private static let (share, longest) = (0.35, 0.5)
    /// The first rows of groups that move as one: coarse, middle and fine.
    private static let groups = [0, 4, 8]
    /// What the square of a missing logit of the own attribute counts beside the mean change of the held ones.
    private static let targetWeight: Float = 1.5
    /// Changes below this count as squares, in logits.
    private static let smallChange: Float = 0.1
    /// Faces whose region is learnt from, and faces at once at most.
    private static let (regionFaces, most) = (8, 8)
    private static let seed = UInt64.max - 4

    private let panel: ClassifierPanel
    private let keeping: FaceKeeping
    private let held: Held
    private let generator: Generator
    private let synthesizer: any GradientSynthesizer
    private let metric: LatentMetric
    private let context: RunContext

    /// - Parameters:
    ///   - held: What is left as it was.
    ///   - generator: Whose codes are edited.
    ///   - synthesizer: Its synthesis, with gradients.
    ///   - panel: The classifiers that see it; their scales are set here.
    ///   - keeping: What keeps the person and the rest of the picture.
    ///   - context: Whether to stop, and whom to tell of progress.
    /// - Throws: ``Core/Failure`` of synthesis; (usage) for a held attribute that the panel does not score.
    public init(
        _ held: Held, generator: Generator, synthesizer: any GradientSynthesizer, panel: ClassifierPanel,
        keeping: FaceKeeping, context: RunContext = .silent
    ) throws {
        (self.held, self.generator, self.synthesizer) = (held, generator, synthesizer)
        (self.keeping, self.context) = (keeping, context)
        if case .attributes(let named) = held { for one in named { _ = try one.found(among: panel.attributes) } }
        let size = generator.identity.latentSize
        metric = try LatentMetric(try generator.latents(seed: EditHolder.seed, indices: 0..<4096), dimension: size)
        if panel.members.count == 1 {
            self.panel = panel
        } else {
            let usual = try LatentCodes(
                generator.latents(seed: EditHolder.seed, indices: 0..<UInt64(ClassifierPanel.scaleFaces)), size: size)
            let side = synthesizer.sizes.smallest(covering: panel.side)
            self.panel = try panel.scaled(to: synthesizer.synthesize(usual, size: side, noise: .none))
        }
    }

    /// What the codes depend on beside faces and edit.
    public var fingerprint: String {
        "held 2, \(held.description), \(panel.members.map(\.sha256).joined(separator: ",")), \(keeping.description)"
    }

    /// The codes of edited faces.
    ///
    /// - Parameters:
    ///   - faces: Unedited codes, of as many rows as the change has.
    ///   - edit: What is done to them.
    ///   - strengths: How far, of either sign.
    /// - Returns: By strength, the faces' codes.
    /// - Throws: ``Core/Failure``: an attribute that the panel does not score (conflict), or of synthesis.
    public func codes(of faces: LatentCodes, edit: Edit, strengths: [Float]) throws -> [LatentCodes] {
        precondition(edit.change.count == faces.rows * faces.size, "a change of each row")
        let unit = EditHolder.spacing * edit.sigma
        var paths: [Bool: [LatentCodes]] = [:]
        for sign in [false, true] {
            let farthest = strengths.filter { $0 != 0 && ($0 < 0) == sign }.map { abs($0) }.max() ?? 0
            paths[sign] = try path(of: faces, edit, sign: sign ? -1 : 1, knots: Int((farthest / unit).rounded(.up)))
        }
        return try strengths.map { strength in
            guard strength != 0, let path = paths[strength < 0] else { return faces }
            let place = abs(strength) / unit
            let last = min(Int(place), path.count - 2)
            let part = place - Float(last)
            let (low, high) = (path[last].values, path[last + 1].values)
            return try LatentCodes(
                zip(low, high).map { $0 + part * ($1 - $0) }, rows: faces.rows, size: faces.size)
        }
    }

    /// The codes at 0, 1 … knots times the spacing.
    private func path(of faces: LatentCodes, _ edit: Edit, sign: Float, knots: Int) throws -> [LatentCodes] {
        if knots == 0 { return [faces] }
        let attributes = edit.targets.map(\.attribute)
        let columns = try attributes.map { attribute in
            guard let column = panel.attributes.firstIndex(of: attribute) else {
                throw Failure(
                    attribute.slug, "is not scored by \(panel.members.map(\.name).joined(separator: " and "))",
                    "hold edits of attributes that they score", kind: .conflict)
            }
            return column
        }
        let step = edit.change.map { $0 * sign * EditHolder.spacing * edit.sigma }
        let inside = try region(of: step, attributes: attributes)
        let progress = context.progress("hold", unit: "faces", total: faces.count * knots)
        defer { progress.finish() }
        var path = [[Float]](repeating: [], count: knots + 1)
        // No more than the way back remembers: of more, the way there is gone twice.
        let remembered = synthesizer.recordedAtOnce
        let batch = remembered > 0 ? min(EditHolder.most, remembered) : EditHolder.most
        for start in stride(from: 0, to: faces.count, by: batch) {
            let some = try faces.slice(start..<min(faces.count, start + batch))
            let signs = edit.targets.map { $0.isLowered ? -sign : sign }
            let one = Batch(self, some, step: step, columns: Array(zip(columns, signs)), inside: inside)
            for (knot, codes) in try one.path(knots: knots, then: { progress.advance(some.count) }).enumerated() {
                path[knot] += codes
            }
        }
        return try path.map { try LatentCodes($0, rows: faces.rows, size: faces.size) }
    }

    /// Where the edit's attributes live, at the size that faces are compared at.
    private func region(of step: [Float], attributes: [Attribute]) throws -> [Float] {
        let (classifier, size) = (panel.members[0], generator.identity.latentSize)
        let w = try generator.latents(seed: EditHolder.seed, indices: 0..<UInt64(EditHolder.regionFaces))
        let rows = step.count / size
        let codes = stride(from: 0, to: w.count, by: size).flatMap { start in
            (0..<rows).flatMap { _ in w[start..<start + size] }
        }
        let parts = try EditRegion.parts(
            of: step, at: LatentCodes(codes, rows: rows, size: size), columns: classifier.columns(attributes),
            classifier: classifier, synthesizer: synthesizer)
        return EditRegion(parts: parts, side: classifier.inputSize).weights(side: side)
    }

    private var side: Int { synthesizer.sizes.smallest(covering: max(panel.side, keeping.side)) }
}

extension EditHolder {
    /// Some faces on their way.
    private struct Batch {
        let holder: EditHolder
        let faces: LatentCodes
        /// [rows, size]: the plain edit from one found code to the next.
        let step: [Float]
        /// The edit's own logits, and whether they are to rise (1) or fall (-1).
        let columns: [(index: Int, sign: Float)]
        let inside: [Float]
        /// By attribute, what its change counts.
        let weights: [Float]

        init(
            _ holder: EditHolder, _ faces: LatentCodes, step: [Float], columns: [(Int, Float)], inside: [Float]
        ) {
            (self.holder, self.faces, self.step) = (holder, faces, step)
            (self.columns, self.inside) = (columns, inside)
            let isHeld = holder.panel.attributes.indices.map { index in
                if columns.contains(where: { $0.0 == index }) { return false }
                switch holder.held {
                case .others: return true
                case .person: return false
                case .attributes(let named): return named.contains(holder.panel.attributes[index])
                }
            }
            let share = 1 / Float(max(1, isHeld.count { $0 }))
            weights = isHeld.map { $0 ? share : 0 }
        }

        private var count: Int { faces.count }
        private var one: Int { faces.rows * faces.size }

        private func plus(_ codes: [Float], _ times: Float) -> [Float] {
            codes.indices.map { codes[$0] + times * step[$0 % step.count] }
        }

        private func pictures(_ codes: [Float]) throws -> ImageBatch {
            try holder.synthesizer.synthesize(
                LatentCodes(codes, rows: faces.rows, size: faces.size), size: holder.side, noise: .none)
        }

        private func recorded(_ codes: [Float]) throws -> RecordedImages {
            try holder.synthesizer.record(
                LatentCodes(codes, rows: faces.rows, size: faces.size), size: holder.side, noise: .none)
        }

        /// By face, the panel's mean logit of the edit's attributes, counted the edit's way.
        private func gains(_ logits: [Float]) -> [Float] {
            let (width, members) = (holder.panel.attributes.count, holder.panel.members.count)
            return (0..<count).map { face in
                (0..<members).reduce(Float(0)) { sum, member in
                    sum + columns.reduce(0) { $0 + $1.sign * logits[(member * count + face) * width + $1.index] }
                } / Float(members)
            }
        }

        func path(knots: Int, then advance: () -> Void) throws -> [[Float]] {
            let before = try pictures(faces.values)
            let cost = try holder.keeping.objective(before: before, inside: inside)
            let base = try holder.panel.logits(before)
            var found = [faces.values]
            var reached = gains(base)
            for knot in 1...knots {
                let start = plus(found[knot - 1], 1)
                var tape: RecordedImages? = try recorded(start)
                let first = tape?.images ?? before
                let plain = knot == 1 ? first : try pictures(plus(faces.values, Float(knot)))
                let wanted = zip(try holder.panel.logits(plain), base).map { $0 - $1 }
                let codes = try descended(
                    from: start, tape: &tape, before: before, wanted: wanted, cost: cost, knot: knot)
                let own = try state(of: pictures(codes), base: base, wanted: wanted, cost: cost)
                let plainly = try state(of: first, base: base, wanted: wanted, cost: cost)
                var next = found[knot - 1]
                for face in 0..<count {
                    // What gives less than the code before is not taken, nor what is no better than where the steps began; where
                    // nothing gives more, the code stays.
                    let isBetter = own.values[face] < plainly.values[face] && own.gains[face] >= reached[face]
                    guard isBetter || plainly.gains[face] >= reached[face] else { continue }
                    let taken = face * one..<(face + 1) * one
                    next.replaceSubrange(taken, with: (isBetter ? codes : start)[taken])
                    reached[face] = (isBetter ? own : plainly).gains[face]
                }
                found.append(next)
                advance()
            }
            return found
        }

        /// By face: what is to fall, and how much of the edit's attributes the panel sees.
        private func state(
            of images: ImageBatch, base: [Float], wanted: [Float], cost: CombinedObjective
        ) throws -> (values: [Float], gains: [Float]) {
            let logits = try holder.panel.logits(images)
            let kept = try cost.evaluate(images)
            let found = slopes(of: logits, before: base, wanted: wanted)
            return (zip(found.values, kept.values).map { $0 + $1 }, gains(logits))
        }

        /// Where the steps lead.
        ///
        /// The tape, of what was recorded at the start, is given back with the first step: the next one takes its memory, where
        /// fresh pages would cost more than what they hold.
        private func descended(
            from start: [Float], tape: inout RecordedImages?, before: ImageBatch, wanted: [Float],
            cost: CombinedObjective, knot: Int
        ) throws -> [Float] {
            var codes = start
            for index in 0..<EditHolder.steps {
                try holder.context.check()
                let now = try tape.take() ?? recorded(codes)
                // One view for all faces: what becomes of a face does not hang on those beside it.
                let views = holder.panel.views(
                    count: 1, seed: EditHolder.seed, step: knot * EditHolder.steps + index
                ).map { [FaceView](repeating: $0[0], count: count) }
                let found = slopes(
                    of: try holder.panel.logits(now.images, views: views),
                    before: try holder.panel.logits(before, views: views), wanted: wanted)
                var pulled = try holder.panel.backward(now.images, views: views, gradients: found.gradients)
                let kept = try cost.evaluate(now.images)
                pulled = pulled + kept.gradients
                let gradient = try now.backward(pulled)
                for face in 0..<count {
                    move(&codes, face, gradient, value: Double(found.values[face] + kept.values[face]))
                }
            }
            return codes
        }

        /// What is to fall of the logits, by face, and its gradients: the mean over the panel.
        ///
        /// - Parameters:
        ///   - logits: [members, faces, attributes], as the other two.
        ///   - before: Of the unedited faces in the same views.
        ///   - wanted: What the plain edit changes of them.
        /// - Returns: A value a face, and gradients of the logits' shape.
        private func slopes(
            of logits: [Float], before: [Float], wanted: [Float]
        ) -> (values: [Float], gradients: [Float]) {
            let width = holder.panel.attributes.count
            let share = 1 / Float(holder.panel.members.count)
            var values = [Float](repeating: 0, count: count)
            let gradients = logits.indices.map { at -> Float in
                let (face, k) = (at / width % count, at % width)
                let change = logits[at] - before[at]
                if columns.contains(where: { $0.index == k }) {
                    let missing = change - wanted[at]
                    values[face] += share * EditHolder.targetWeight * missing * missing
                    return share * 2 * EditHolder.targetWeight * missing
                }
                values[face] += share * weights[k] * abs(change)
                return share * weights[k] * tanhf(change / EditHolder.smallChange)
            }
            return (values, gradients)
        }

        /// One step of one face, in W's standard deviations, as far as a part of what is to fall is away by the slope.
        ///
        /// Rows of one group move as one: rows that go ways of their own leave what the generator makes faces of.
        private func move(_ codes: inout [Float], _ face: Int, _ gradient: [Float], value: Double) {
            let (size, at) = (faces.size, face * one)
            let bounds = EditHolder.groups.filter { $0 < faces.rows } + [faces.rows]
            var (square, ways) = (0.0, [[Double]]())
            for (first, end) in zip(bounds, bounds.dropFirst()) {
                let sum = (0..<size).map { i in
                    (first..<end).reduce(0.0) { $0 + Double(gradient[at + $1 * size + i]) }
                }
                let way = holder.metric.spread(sum)
                square += zip(sum, way).reduce(0) { $0 + $1.0 * $1.1 }
                ways.append(way)
            }
            guard square > 1e-12, square.isFinite else { return }
            let length = min(EditHolder.share * value / square.squareRoot(), EditHolder.longest)
            for (way, (first, end)) in zip(ways, zip(bounds, bounds.dropFirst())) {
                for row in first..<end {
                    for i in 0..<size { codes[at + row * size + i] -= Float(length / square.squareRoot() * way[i]) }
                }
            }
        }
    }
}
