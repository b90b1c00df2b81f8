import Core
import DirectionFiles
import Editing
import Generators
import Images
import Latents

/// Which directions to apply to which faces, and how far.
public struct EditRequest: Sendable {
    /// Directions, separated by commas, a column each; `+` joins those applied together and `*` weighs them, as in
    /// `smiling,young+male*-0.5`.
    ///
    /// Each is a name, a name with its version (`male@v2`) or a direction file.
    public var directions: String
    /// The faces to edit.
    public var faces: FaceSource
    /// How far, a row each.
    public var strengths: [Float]
    /// What a strength of 1 means.
    public var unit: StrengthUnit
    /// The rows of the W+ code to change; nil for all, which leaves a W code a W code.
    public var layers: LayerSelection?
    /// Whether directions of another generator are applied all the same.
    public var isForced: Bool
    /// How faces are made; nil for the codes alone.
    public var rendering: FaceRendering?
    /// The generator's name in the workspace.
    public var generator: String
    /// What is left of the codes' distance from the mean of W before they are edited, 0 to 1: w = mean + t · (w − mean).
    public var towardMean: Float
    /// What is left as it was, found for each face by a short descent; nil for the plain edit.
    public var hold: HoldRequest?

    /// - Parameters:
    ///   - directions: Directions as a text, such as `smiling,young+male*-0.5`.
    ///   - faces: The faces to edit.
    ///   - strengths: How far, a row each.
    ///   - unit: What a strength of 1 means.
    ///   - layers: The rows of the W+ code to change; nil for all.
    ///   - isForced: Whether directions of another generator are applied all the same.
    ///   - rendering: How faces are made; nil for the codes alone.
    ///   - generator: The generator's name in the workspace.
    ///   - towardMean: What is left of the codes' distance from the mean of W before they are edited, 0 to 1.
    ///   - hold: What is left as it was, found for each face by a short descent; nil for the plain edit.
    public init(
        directions: String, faces: FaceSource, strengths: [Float] = [0, 1, 2, 3], unit: StrengthUnit = .raw,
        layers: LayerSelection? = nil, isForced: Bool = false, rendering: FaceRendering? = FaceRendering(),
        generator: String = "default", towardMean: Float = 1, hold: HoldRequest? = nil
    ) {
        self.directions = directions
        self.faces = faces
        self.strengths = strengths
        self.unit = unit
        self.layers = layers
        self.isForced = isForced
        self.rendering = rendering
        self.generator = generator
        self.towardMean = towardMean
        self.hold = hold
    }

    /// Checks what can be checked before anything is loaded.
    ///
    /// - Throws: ``Core/Failure`` (usage) for directions that can't be parsed, no faces, no strengths, or a number out of range.
    public func validate() throws {
        try EditMixture.check(directions)
        try faces.validate()
        try Session.checkTowardMean(towardMean)
        guard !strengths.isEmpty, strengths.allSatisfy(\.isFinite) else {
            throw Failure("strengths", "are none, or not finite", "for example 0, 1, 2", kind: .usage)
        }
        try rendering?.validate()
    }
}

/// Edited faces: their codes, and their images where they were asked for.
public struct EditResult: Sendable, FacePictures {
    /// The codes of all cells of the grid, row by row.
    public let codes: LatentCodes
    /// The faces of the codes, in about [-1, 1]; nil where only the codes were asked for.
    public let images: ImageBatch?
    /// Texts above the columns: directions, or faces where there is one direction.
    public let columnLabels: [String]
    /// Texts left of the rows: strengths.
    public let rowLabels: [String]
    private let plan: EditPlan

    init(_ plan: EditPlan, codes: LatentCodes, images: ImageBatch?) {
        self.plan = plan
        self.codes = codes
        self.images = images
        columnLabels = plan.columnLabels
        rowLabels = plan.rowLabels
    }

    /// The faces, row by row; nil where only the codes were asked for.
    public var pictures: ImageBatch? { images }

    /// The column's label and the row's number, so that the strengths of a column are numbered as films want their frames.
    public var frameNames: [String] {
        rowLabels.indices.flatMap { row in
            columnLabels.map { "\(PictureNames.safe($0))-\(PictureNames.number(row))" }
        }
    }

    /// The faces as a labelled picture.
    ///
    /// - Throws: ``Core/Failure`` (usage) when no faces were asked for, or the picture would be too large.
    public func grid() throws -> Image { try picture() }

    /// The faces as one picture, in rows and columns.
    ///
    /// - Parameter hasLabels: Whether the columns and rows have texts.
    /// - Returns: The picture.
    /// - Throws: ``Core/Failure`` (usage) when no faces were asked for, or the picture would be too large.
    public func picture(hasLabels: Bool = true) throws -> Image {
        guard let images else {
            throw Failure("grid", "has no pictures", "ask for a rendering", kind: .usage)
        }
        let grid = plan.grid(images.images)
        return try (hasLabels ? grid : grid.unlabelled).rendered()
    }
}

extension Session {
    /// Applies directions to faces; nothing is written.
    ///
    /// - Throws: ``Core/Failure``: a request that makes no sense, no such direction (usage), no such generator or latent (not
    ///   found), a direction that does not fit the generator (conflict), or a stop.
    public func edit(_ request: EditRequest) throws -> EditResult {
        let (generator, plan) = try plan(of: request)
        let how = request.rendering ?? FaceRendering()
        let keeper = try request.hold.map {
            try holder($0, generator: generator, threads: how.threads, device: how.device)
        }
        let edited = try keeper.map { try held(plan, by: $0) } ?? plan.edited()
        let faces = try request.rendering.map {
            try images(edited, generator: generator, rendering: $0, label: "edit")
        }
        return EditResult(plan, codes: edited, images: faces)
    }

    /// The generator of a request, and which edited codes stand where.
    ///
    /// - Throws: As ``edit(_:)``.
    func plan(of request: EditRequest) throws -> (Generator, EditPlan) {
        try request.validate()
        let generator = try generator(request.generator)
        let identity = generator.identity
        let mixtures = try EditMixture.list(request.directions) {
            try direction($0, of: identity, isForced: request.isForced)
        }
        let (codes, labels) = try codes(
            request.faces, of: generator, named: request.generator, towardMean: request.towardMean)
        let layerCount = codes.rows == 1 ? identity.styleGAN2Layers : codes.rows
        let plan = EditPlan(
            codes: codes, labels: labels, mixtures: mixtures, strengths: request.strengths, unit: request.unit,
            layers: try request.layers?.range(rows: layerCount), layerCount: layerCount)
        return (generator, plan)
    }
}
