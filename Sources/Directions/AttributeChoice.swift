import Core

/// Which attributes a verb takes, of those that a classifier or a folder of pictures knows.
public enum AttributeChoice: Sendable, Equatable {
    /// The paper's eight, as far as they are known; all where none is.
    case standard
    /// All that are known.
    case all
    /// These.
    case named([Attribute])

    /// The choice of a text: names separated by commas, or `all`.
    ///
    /// - Throws: ``Core/Failure`` (usage) for what can't be a name, or an empty list.
    public init(_ text: String) throws {
        self = Attribute.normalised(text) == "all" ? .all : .named(try Attribute.list(text))
    }

    /// The attributes that are named; none where the choice names none.
    var names: [Attribute] {
        if case .named(let attributes) = self { return attributes }
        return []
    }

    /// The chosen of the known attributes, spelt as there.
    ///
    /// - Throws: ``Core/Failure`` (usage) for a name that is not known, with the nearest that are.
    func resolved(among known: [Attribute]) throws -> [Attribute] {
        switch self {
        case .standard: Attribute.defaults(among: known)
        case .all: known
        case .named(let attributes): try attributes.map { try $0.found(among: known) }
        }
    }
}
