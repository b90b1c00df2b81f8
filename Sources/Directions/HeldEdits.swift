import Classifiers
import Core
import DirectionFiles
import DirectionFitting
import Editing
import Generators
import Latents
import Objectives
import Synchronization
import Tensors

/// What is left as it was while faces are edited, and by which classifiers' eyes.
public struct HoldRequest: Sendable, Equatable {
    /// What is left as it was.
    public var held: EditHolder.Held
    /// The classifiers that see it, files or names in the workspace or of those that come with the program.
    public var classifiers: [String]

    /// - Parameters:
    ///   - held: What is left as it was.
    ///   - classifiers: The classifiers that see it.
    public init(_ held: EditHolder.Held, classifiers: [String] = RefineRequest.classifiers) {
        self.held = held
        self.classifiers = classifiers
    }
}

extension Session {
    /// What makes edits hold.
    ///
    /// - Throws: ``Core/Failure``: a classifier that is not there, or an attribute that they don't score (usage).
    func holder(
        _ request: HoldRequest, generator: Generator, threads: Int = 0, device: Device = .cpu
    ) throws -> EditHolder {
        try EditHolder(
            request.held, generator: generator,
            synthesizer: generator.gradientSynthesizer(threads: threads, device: device),
            panel: ClassifierPanel(request.classifiers.map { try classifier($0, device: device) }),
            keeping: keeping(), context: context)
    }

    /// The codes of all cells of a plan, held, row by row.
    ///
    /// - Throws: ``Core/Failure``: a direction of no attribute, or one that the classifiers do not score (conflict).
    func held(_ plan: EditPlan, by holder: EditHolder) throws -> LatentCodes {
        let rows = plan.layerCount
        let faces = try Session.spread(plan.codes, rows: rows)
        let found = try plan.mixtures.map { mixture in
            let edit = try holder.edit(mixture, unit: plan.unit, layers: plan.layers, rows: rows, size: faces.size)
            return try holder.codes(of: faces, edit: edit, strengths: plan.strengths)
        }
        let one = rows * faces.size
        let cells = plan.columnLabels.count * plan.rowLabels.count
        let values = (0..<cells).flatMap { cell in
            let (face, strength) = (plan.face(ofCell: cell), plan.strength(ofCell: cell))
            let level = plan.strengths.firstIndex(of: strength) ?? 0
            return found[plan.mixture(ofCell: cell)][level].values[face * one..<(face + 1) * one]
        }
        return try LatentCodes(values, rows: rows, size: faces.size)
    }

    /// Codes of W as codes of W+.
    static func spread(_ codes: LatentCodes, rows: Int) throws -> LatentCodes {
        codes.rows == rows
            ? codes
            : try LatentCodes(
                LatentEdit.repeatRows(codes.values, size: codes.size, rows: rows), rows: rows, size: codes.size)
    }
}

extension EditHolder {
    /// A mixture of directions as an edit.
    ///
    /// - Throws: ``Core/Failure`` (conflict) for a direction of no attribute, or one that does not fit.
    func edit(
        _ mixture: EditMixture, unit: StrengthUnit, layers: LayerRange?, rows: Int, size: Int
    ) throws -> Edit {
        let plain = LatentEdit(mixture.steps(1), unit: unit, layers: layers)
        let change = try plain.apply(
            to: [Float](repeating: 0, count: rows * size), rows: rows, size: size, layerCount: rows)
        let targets = try mixture.parts.map { part in
            guard let name = part.direction.attribute, let attribute = try? Attribute.named(name) else {
                throw Failure(
                    part.direction.label, "says of no attribute that it is its direction",
                    "hold edits along directions of attributes", kind: .conflict)
            }
            return Target(attribute, isLowered: part.weight < 0)
        }
        let sigma = unit == .sigma ? 1 : mixture.parts.first?.direction.sigma ?? 1
        return Edit(change: change.codes, targets: targets, sigma: sigma)
    }
}

/// The held codes of an evaluation's faces at all its strengths, found when the first of them is asked for.
final class HeldFaces: Sendable {
    private let holder: EditHolder
    private let edit: EditHolder.Edit
    private let strengths: [Double]
    private let rows: Int
    private let known = Mutex<[LatentCodes]>([])

    init(_ holder: EditHolder, _ edit: EditHolder.Edit, strengths: [Double], rows: Int) {
        (self.holder, self.edit, self.strengths, self.rows) = (holder, edit, strengths, rows)
    }

    /// The codes of the evaluation's faces at one of its strengths.
    func codes(of faces: LatentCodes, at strength: Double) throws -> LatentCodes {
        try known.withLock { known in
            if known.isEmpty {
                known = try holder.codes(
                    of: Session.spread(faces, rows: rows), edit: edit, strengths: strengths.map { Float($0) })
            }
            guard let index = strengths.firstIndex(of: strength) else {
                throw Failure("strength \(strength)", "was not asked for", "name it with the others")
            }
            return known[index]
        }
    }
}
