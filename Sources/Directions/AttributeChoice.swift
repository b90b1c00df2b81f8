import Core

/// Which attributes a verb is about.
public enum AttributeChoice: Sendable, Equatable {
    /// The paper's eight, as far as they are known; all where none of them is.
    case usual
    /// All that are known.
    case all
    /// These.
    case these([Attribute])

    /// Parses names separated by commas, or `all`.
    ///
    /// - Parameter text: Nil means ``usual``.
    /// - Throws: ``Core/Failure`` (usage) for what can't be a name, or an empty list.
    public init(_ text: String?) throws {
        guard let text else {
            self = .usual
            return
        }
        self = Attribute.normalised(text) == "all" ? .all : .these(try Attribute.list(text))
    }

    /// Checks that something is chosen.
    ///
    /// - Throws: ``Core/Failure`` (usage) for an empty list.
    public func validate() throws {
        if self == .these([]) { throw Failure("attributes", "are none", "name at least one", kind: .usage) }
    }

    /// The attributes that are named; none where the choice names none.
    var names: [Attribute] {
        if case .these(let attributes) = self { return attributes }
        return []
    }

    /// The chosen of the known attributes, spelt as there.
    ///
    /// - Throws: ``Core/Failure`` (usage) for a name that is not known, with the nearest that are.
    func resolved(among known: [Attribute]) throws -> [Attribute] {
        switch self {
        case .usual: Attribute.defaults(among: known)
        case .all: known
        case .these(let attributes): try attributes.map { try $0.found(among: known) }
        }
    }

    /// The attributes that are meant, those that are named as they are.
    ///
    /// - Throws: ``Core/Failure`` (not found) where nothing is known.
    func named(among known: [Attribute]) throws -> [Attribute] {
        if case .these(let attributes) = self { return attributes }
        let found = self == .all ? known : Attribute.defaults(among: known)
        if found.isEmpty {
            throw Failure(
                "attributes", "are not known: nothing is scored", "score some latents with `directions score`",
                kind: .notFound)
        }
        return found
    }
}
