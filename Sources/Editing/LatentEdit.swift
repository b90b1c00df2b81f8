import Core
import DirectionFiles
import Latents

/// A direction as the editor uses it: one vector for W, or a row per layer for W+.
public struct EditDirection: Sendable, Equatable {
    /// What it is called in labels and messages, such as `Eyeglasses v2`.
    public let label: String
    /// What it is a direction of; nil where nothing says so.
    public var attribute: String?
    /// [rows, 512], row by row.
    public let values: [Float]
    /// 1 for a W direction, the number of layers for W+.
    public let rows: Int
    /// Standard deviation of the training set's projections on the direction, in units of W: the natural step.
    public let sigma: Float

    /// Components of one row.
    public var size: Int { values.count / rows }

    /// - Parameters:
    ///   - label: What it is called in labels and messages.
    ///   - values: [rows, size].
    ///   - rows: 1 for a W direction, the number of layers for W+.
    ///   - sigma: The natural step, in units of W.
    public init(label: String, values: [Float], rows: Int = 1, sigma: Float = 1) {
        precondition(rows > 0 && values.count % rows == 0, "values must be [rows, size]")
        self.label = label
        self.values = values
        self.rows = rows
        self.sigma = sigma
    }

    /// A direction file as the editor uses it.
    public init(_ file: DirectionFile) {
        self.init(label: file.label, values: file.values, rows: file.rows, sigma: file.sigma)
        attribute = file.attribute
    }
}

/// What a strength of 1 means.
public enum StrengthUnit: String, Sendable, CaseIterable {
    /// One unit of the unit normal, as InterFaceGAN and the paper count (their coefficients are 0, 10, 20, 30).
    case raw
    /// One standard deviation of the latents along the direction.
    case sigma
}

/// Rows of a W+ code to which an edit is kept, first and last included.
public typealias LayerRange = Latents.LayerRange

/// `w' = w + strength · direction`, on W or on some layers of W+, for any number of directions at once.
public struct LatentEdit: Sendable {
    /// One direction with its strength.
    public struct Step: Sendable {
        public let direction: EditDirection
        public let strength: Float

        public init(_ direction: EditDirection, strength: Float) {
            self.direction = direction
            self.strength = strength
        }
    }

    /// The directions to add.
    public var steps: [Step]
    /// What a strength of 1 means.
    public var unit: StrengthUnit
    /// The layers to change; nil means all, and keeps a W code a W code.
    public var layers: LayerRange?

    public init(_ steps: [Step], unit: StrengthUnit = .raw, layers: LayerRange? = nil) {
        self.steps = steps
        self.unit = unit
        self.layers = layers
    }

    /// The edited codes.
    ///
    /// - Parameters:
    ///   - codes: [count, rows, size]; rows is 1 for W.
    ///   - rows: Rows of each code.
    ///   - size: Components of a row.
    ///   - layerCount: Rows a W code gets when layers are edited one by one.
    /// - Returns: The codes and their rows: as given, unless a W code had to become W+.
    /// - Throws: ``Failure`` when a direction's size or rows do not fit the codes.
    public func apply(to codes: [Float], rows: Int, size: Int = 512, layerCount: Int) throws -> (
        codes: [Float], rows: Int
    ) {
        precondition(rows > 0 && codes.count % (rows * size) == 0, "codes must be [count, rows, size]")
        for step in steps where step.direction.size != size {
            throw Failure(
                step.direction.label, "has \(step.direction.size) components, the latents have \(size)",
                "use a direction of the same generator family", kind: .conflict)
        }
        let perLayer = steps.map(\.direction.rows).max() ?? 1
        let newRows =
            rows == 1 && (layers != nil || perLayer > 1) ? max(perLayer, layers == nil ? 1 : layerCount) : rows
        var result = newRows == rows ? codes : LatentEdit.repeatRows(codes, size: size, rows: newRows)
        if let layers, layers.last >= newRows {
            throw Failure(
                "layers \(layers.first)-\(layers.last)", "leave the code's \(newRows) rows",
                "name rows 0-\(newRows - 1)", kind: .usage)
        }
        let affected = (layers?.first ?? 0)...(layers?.last ?? newRows - 1)
        for step in steps {
            guard step.direction.rows == 1 || step.direction.rows == newRows else {
                throw Failure(
                    step.direction.label, "has \(step.direction.rows) rows, the codes have \(newRows)",
                    "use codes of the same layout", kind: .conflict)
            }
            let factor = unit == .sigma ? step.strength * step.direction.sigma : step.strength
            for code in 0..<result.count / (newRows * size) {
                for row in affected {
                    let at = (code * newRows + row) * size
                    let from = step.direction.rows == 1 ? 0 : row * size
                    for i in 0..<size { result[at + i] += factor * step.direction.values[from + i] }
                }
            }
        }
        return (result, newRows)
    }

    /// W codes [count, size] as W+ codes [count, rows, size] with equal rows.
    public static func repeatRows(_ codes: [Float], size: Int, rows: Int) -> [Float] {
        var result: [Float] = []
        result.reserveCapacity(codes.count * rows)
        for start in stride(from: 0, to: codes.count, by: size) {
            for _ in 0..<rows { result += codes[start..<start + size] }
        }
        return result
    }
}
