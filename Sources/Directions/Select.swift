import Core
import Generators
import LatentStore
import Selection

/// Which ends of the ranking to record.
public struct SelectRequest: Sendable {
    /// The attributes to rank by.
    public var attributes: AttributeChoice
    /// How many of the highest scores; nil for 2 %, at most 10,000.
    public var top: Int?
    /// How many of the lowest scores; nil for as many as ``top``.
    public var bottom: Int?
    /// Whether the bottom is chosen like the top in all other attributes instead of by the lowest scores.
    public var isMatched: Bool
    /// A filter such as `male > 0.9`: both ends are taken of the latents that pass it; nil for all.
    public var among: String?
    /// The classifier whose scores count, by name or SHA-256; nil for the last one that scored.
    public var classifier: String?
    /// The generator's name in the workspace.
    public var generator: String

    /// Asks for the ends of some attributes' rankings.
    public init(
        attributes: AttributeChoice = .standard, top: Int? = nil, bottom: Int? = nil, isMatched: Bool = false,
        among: String? = nil, classifier: String? = nil, generator: String = "default"
    ) {
        self.attributes = attributes
        self.top = top
        self.bottom = bottom
        self.isMatched = isMatched
        self.among = among
        self.classifier = classifier
        self.generator = generator
    }

    /// Checks what can be checked before anything is loaded.
    ///
    /// - Throws: ``Core/Failure`` (usage) for a count that is not positive, a filter that makes no sense, or a matched bottom with a count of its own.
    public func validate() throws {
        _ = try Filter.population(among)
        guard !isMatched || bottom == nil else {
            throw Failure("bottom", "follows from the top where it is matched", "leave it out", kind: .usage)
        }
        for (name, count) in [("top", top), ("bottom", bottom)] where count ?? 1 < 1 {
            throw Failure("\(name) \(count ?? 0)", "must be positive", "for example 10000", kind: .usage)
        }
    }
}

extension Session {
    /// Records the latents with the highest and lowest scores, an attribute after another.
    ///
    /// The same scores give the same selection, recorded once.
    ///
    /// - Throws: ``Core/Failure``: no scores (not found), ends that overlap (usage), or a stop.
    @discardableResult
    public func select(_ request: SelectRequest = .init()) throws -> [SelectionRecord] {
        try request.validate()
        let sha256 = try generatorIdentity(request.generator).sha256
        let store = try store()
        let judge = try store.classifier(request.classifier, scoring: request.attributes.names)
        let attributes = try request.attributes.resolved(among: judge.attributes)
        let parameters = [
            "attr": attributes.map(\.name).joined(separator: ","), "top": request.top.map { "\($0)" } ?? "",
            "bottom": request.bottom.map { "\($0)" } ?? "", "matched": "\(request.isMatched)",
            "among": request.among ?? "",
        ]
        let records = try store.logged("select", parameters: parameters, inputs: ["classifier": judge.sha256]) {
            let records = try attributes.map { attribute in
                try context.check()
                return try Selector(store: store, context: context).select(
                    attribute, classifier: judge, generator: sha256, top: request.top,
                    bottom: request.bottom ?? request.top, isMatched: request.isMatched, among: request.among)
            }
            return (records, Dictionary(uniqueKeysWithValues: records.map { ($0.attribute, $0.fingerprint) }))
        }
        try store.checkpoint()
        return records
    }
}
