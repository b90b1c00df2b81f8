import Core
import LatentStore

/// Chooses the latents with the highest and lowest scores of an attribute.
public struct Selector {
    private let store: LatentStore

    /// Asked whether to stop.
    private let context: RunContext

    public init(store: LatentStore, context: RunContext = .silent) {
        self.store = store
        self.context = context
    }

    /// How many to take at each end when nothing was asked for: the paper's 10,000 of 500,000, and the same 2 % of fewer.
    public static func defaultCount(scored: Int) -> Int { min(10_000, max(1, scored / 50)) }

    /// Selects and records; the same scores give the same selection, recorded once.
    ///
    /// - Parameters:
    ///   - attribute: What to rank by.
    ///   - classifier: Whose scores count.
    ///   - generator: SHA-256 of the generator's weights.
    ///   - top: Highest scores to take; nil means ``defaultCount(scored:)``.
    ///   - bottom: Lowest scores to take.
    ///   - isMatched: Instead of the lowest scores, take as many from the lower half of the ranking (below a
    ///     probability of 0.5) as are most like the top in all other attributes.
    ///   - among: A filter such as `male > 0.9`: both ends are taken of the latents that pass it; nil for all.
    /// - Returns: The selection, with its row.
    /// - Throws: ``Failure`` when the attribute has not been scored, the ends would overlap, or a count is not
    ///   positive.
    public func select(
        _ attribute: Attribute, classifier: ClassifierRecord, generator: String, top: Int?, bottom: Int?,
        isMatched: Bool = false, among: String? = nil
    ) throws -> SelectionRecord {
        let population = try among.map { try Filter($0) }
        let scored = try store.scoredCount(
            attribute, classifier: classifier.id, generator: generator, among: population)
        guard scored > 1 else {
            throw Failure(
                attribute.name, "has \(scored) scored latents" + (among.map { " among `\($0)`" } ?? ""),
                "score some with `directions score`, or choose another classifier", kind: .notFound)
        }
        let counts = (
            top: top ?? Selector.defaultCount(scored: scored), bottom: bottom ?? Selector.defaultCount(scored: scored)
        )
        guard counts.top > 0, counts.bottom > 0 else {
            throw Failure("top and bottom", "must be positive", "for example 10000 each", kind: .usage)
        }
        guard counts.top + counts.bottom <= scored else {
            throw Failure(
                "top \(counts.top), bottom \(counts.bottom)", "overlap: only \(scored) latents are scored",
                "take fewer, or score more", kind: .usage)
        }
        let best = try store.ranked(
            attribute, classifier: classifier.id, generator: generator, highest: true, count: counts.top,
            among: population)
        let worst =
            try isMatched
            ? matched(
                attribute, classifier: classifier, generator: generator, top: best, scored: scored, among: population)
            : store.ranked(
                attribute, classifier: classifier.id, generator: generator, highest: false, count: counts.bottom,
                among: population)
        return try store.record(
            attribute: attribute, classifier: classifier, generator: generator, top: best, bottom: worst,
            scored: scored,
            isMatched: isMatched, among: among ?? ""
        )
    }

    /// The most candidates a latent of the top is compared with; more are thinned out evenly.
    private static let candidates = 100_000

    /// Latents of the lower half that are like the top in all but the attribute, from the lowest score up.
    private func matched(
        _ attribute: Attribute, classifier: ClassifierRecord, generator: String, top: [(id: Int64, score: Double)],
        scored: Int, among: Filter?
    ) throws -> [(id: Int64, score: Double)] {
        guard let column = classifier.attributes.firstIndex(of: attribute), classifier.attributes.count > 1 else {
            throw Failure(
                "a matched bottom", "needs a classifier that scores other attributes too",
                "take the lowest scores instead", kind: .usage)
        }
        var lower = try store.ranked(
            attribute, classifier: classifier.id, generator: generator, highest: false, count: scored / 2,
            among: among)
        guard top.count <= lower.count else {
            throw Failure(
                "top \(top.count)", "is more than half of the \(scored) scored latents", "take fewer", kind: .usage)
        }
        // Faces that rather have the attribute are no negatives, where there are enough others.
        let without = lower.filter { $0.score < 0.5 }
        if without.count >= 2 * top.count { lower = without }
        let wanted = max(Selector.candidates, 2 * top.count)
        if lower.count > wanted { lower = (0..<wanted).map { lower[$0 * lower.count / wanted] } }
        let (ids, logits) = try store.logits(classifier: classifier.id, generator: generator)
        let rows = Dictionary(uniqueKeysWithValues: ids.enumerated().map { ($1, $0) })
        let matching = Matching(logits: logits, attributes: classifier.attributes.count, leavingOut: column)
        let lowerRows = lower.compactMap { rows[$0.id] }
        let found = Set(
            try matching.partners(of: top.compactMap { rows[$0.id] }, among: lowerRows, context: context).map {
                ids[$0]
            })
        return lower.filter { found.contains($0.id) }
    }
}
