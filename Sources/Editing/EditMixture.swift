import Core
import DirectionFiles

/// Directions with weights that are applied together: one column of a grid.
public struct EditMixture: Sendable, Equatable {
    /// One direction of a mixture.
    public struct Part: Sendable, Equatable {
        /// The direction.
        public var direction: EditDirection
        /// What a strength is multiplied by for it.
        public var weight: Float

        public init(_ direction: EditDirection, weight: Float = 1) {
            self.direction = direction
            self.weight = weight
        }
    }

    /// What stands above the column.
    public var label: String
    /// What is added.
    public var parts: [Part]

    public init(label: String, parts: [Part]) {
        self.label = label
        self.parts = parts
    }

    /// One direction by itself.
    public init(_ direction: EditDirection) {
        self.init(label: direction.label, parts: [Part(direction)])
    }

    /// What is to be added at a strength.
    public func steps(_ strength: Float) -> [LatentEdit.Step] {
        parts.map { LatentEdit.Step($0.direction, strength: strength * $0.weight) }
    }

    /// References and weights of a text such as `a,b+c*-0.5`.
    private static func parse(_ text: String) throws -> [(text: String, parts: [(reference: String, weight: Float)])] {
        try text.split(separator: ",").map { column in
            let parts = try column.split(separator: "+").map { part in
                let pieces = part.split(separator: "*", maxSplits: 1, omittingEmptySubsequences: false).map { piece in
                    String(piece.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
                }
                guard let reference = pieces.first, !reference.isEmpty else { throw nothing(text) }
                if pieces.count == 1 { return (reference: reference, weight: Float(1)) }
                guard let weight = Float(pieces[1]), weight.isFinite else {
                    throw Failure(
                        String(part), "has a weight that is no number", "write it as smiling+male*-0.5", kind: .usage)
                }
                return (reference: reference, weight: weight)
            }
            guard !parts.isEmpty else { throw nothing(text) }
            return (String(column), parts)
        }
    }

    private static func nothing(_ text: String) -> Failure {
        Failure("directions \(text)", "names no direction", "for example smiling,male", kind: .usage)
    }

    /// Checks a text for ``list(_:load:)`` without loading anything.
    ///
    /// - Throws: ``Core/Failure`` (usage) for a text that names no direction, or a weight that is no number.
    public static func check(_ text: String) throws {
        if try parse(text).isEmpty { throw nothing(text) }
    }

    /// The mixtures of a text such as `a,b+c*-0.5`: columns separated by commas, `+` between directions that are applied
    /// together, `*` before a weight.
    ///
    /// - Parameters:
    ///   - text: Names, names with versions (`male@v2`) or paths of direction files.
    ///   - load: The direction file of one of them.
    /// - Returns: One a column.
    /// - Throws: ``Core/Failure`` (usage) for a text that names no direction or a weight that is no number, and what `load`
    ///   throws.
    public static func list(_ text: String, load: (String) throws -> DirectionFile) throws -> [EditMixture] {
        try check(text)
        return try parse(text).map { column in
            var label = column.text
            let parts = try column.parts.map { part in
                let file = try load(part.reference)
                // A column is too narrow for a path.
                if part.reference.contains("/") { label = label.replacing(part.reference, with: file.label) }
                return Part(EditDirection(file), weight: part.weight)
            }
            return EditMixture(label: label, parts: parts)
        }
    }
}
