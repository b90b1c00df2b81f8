import Core
import Foundation
import Images
import Latents

/// Which edited codes stand where in a grid: faces, strengths and mixtures of directions.
///
/// With one mixture faces stand side by side, one row a strength; with several each face has a block of rows of its own, one
/// column a mixture. For example:
///
/// ```swift
/// let plan = EditPlan(codes: w, labels: ["seed 7"], mixtures: [EditMixture(smiling)], strengths: [0, 1, 2], unit: .sigma)
/// let faces = try synthesizer.synthesize(plan.edited(), size: 256, noise: .none)
/// try plan.grid(faces.images).rendered().write(to: "smile.png")
/// ```
public struct EditPlan: Sendable {
    /// The unedited faces' codes.
    public var codes: LatentCodes
    /// A label for each of them.
    public var labels: [String]
    /// What is added to them.
    public var mixtures: [EditMixture]
    /// How much of it.
    public var strengths: [Float]
    /// What a strength of 1 means.
    public var unit: StrengthUnit
    /// The layers to change; nil means all, and keeps a W code a W code.
    public var layers: LayerRange?
    /// Rows a W code gets when layers are edited one by one.
    public var layerCount: Int

    /// - Parameters:
    ///   - codes: The unedited faces' codes.
    ///   - labels: A label for each of them.
    ///   - mixtures: What is added to them.
    ///   - strengths: How much of it.
    ///   - unit: What a strength of 1 means.
    ///   - layers: The layers to change; nil means all.
    ///   - layerCount: Rows a W code gets when layers are edited one by one.
    public init(
        codes: LatentCodes, labels: [String], mixtures: [EditMixture], strengths: [Float], unit: StrengthUnit = .raw,
        layers: LayerRange? = nil, layerCount: Int
    ) {
        precondition(labels.count == codes.count, "a label for each code")
        self.codes = codes
        self.labels = labels
        self.mixtures = mixtures
        self.strengths = strengths
        self.unit = unit
        self.layers = layers
        self.layerCount = layerCount
    }

    private var isByFace: Bool { mixtures.count == 1 }

    /// Texts above the columns.
    public var columnLabels: [String] { isByFace ? labels : mixtures.map(\.label) }

    /// Texts left of the rows.
    public var rowLabels: [String] {
        let texts = strengths.map { String(format: unit == .sigma ? "%+g sigma" : "%+g", $0) }
        if isByFace || labels.count == 1 { return texts }
        return labels.flatMap { label in texts.map { "\(label) \($0)" } }
    }

    /// Which of the unedited faces a cell's is, cells counted row by row.
    public func face(ofCell cell: Int) -> Int {
        isByFace ? cell % codes.count : cell / (strengths.count * mixtures.count)
    }

    /// Which of the mixtures a cell's is.
    public func mixture(ofCell cell: Int) -> Int { isByFace ? 0 : cell % mixtures.count }

    /// How much of it.
    public func strength(ofCell cell: Int) -> Float {
        isByFace ? strengths[cell / codes.count] : strengths[cell / mixtures.count % strengths.count]
    }

    /// The code of one face with so much of one mixture.
    ///
    /// - Throws: ``Core/Failure`` when a direction's size or rows do not fit the codes.
    public func edited(face: Int, mixture: Int, strength: Float) throws -> LatentCodes {
        let edit = LatentEdit(mixtures[mixture].steps(strength), unit: unit, layers: layers)
        let (values, rows) = try edit.apply(
            to: codes.slice(face..<face + 1).values, rows: codes.rows, size: codes.size, layerCount: layerCount)
        return try LatentCodes(values, rows: rows, size: codes.size)
    }

    /// The codes of all cells, row by row.
    ///
    /// - Throws: ``Core/Failure`` when a direction's size or rows do not fit the codes.
    public func edited() throws -> LatentCodes {
        var cells: [(codes: [Float], rows: Int)] = []
        func add(face: Int, mixture: Int, strength: Float) throws {
            let code = try edited(face: face, mixture: mixture, strength: strength)
            cells.append((code.values, code.rows))
        }
        if isByFace {
            for strength in strengths {
                for face in 0..<codes.count { try add(face: face, mixture: 0, strength: strength) }
            }
        } else {
            for face in 0..<codes.count {
                for strength in strengths {
                    for mixture in mixtures.indices { try add(face: face, mixture: mixture, strength: strength) }
                }
            }
        }
        // A direction of W+ beside one of W: all become W+.
        let rows = cells.map(\.rows).max() ?? 1
        let values = cells.flatMap {
            $0.rows == rows ? $0.codes : LatentEdit.repeatRows($0.codes, size: codes.size, rows: rows)
        }
        return try LatentCodes(values, rows: rows, size: codes.size)
    }

    /// The cells' pictures as a labelled grid.
    ///
    /// - Parameter images: Of the codes of ``edited()``, in their order.
    /// - Returns: The grid, not drawn yet.
    public func grid(_ images: [Image]) -> Grid {
        let width = columnLabels.count
        precondition(images.count == width * rowLabels.count, "a picture for each cell")
        let cells = stride(from: 0, to: images.count, by: width).map {
            Array(images[$0..<$0 + width]).map { Optional($0) }
        }
        return Grid(cells, columnLabels: columnLabels, rowLabels: rowLabels)
    }
}
