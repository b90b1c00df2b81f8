import Core
import LatentStore

/// Chooses the latents with the highest and lowest scores of an attribute.
public struct Selector {
    private let store: LatentStore

    public init(store: LatentStore) { self.store = store }

    /// How many to take at each end when nothing was asked for: the paper's 10,000 of 500,000, and the same 2 % of fewer.
    public static func defaultCount(scored: Int) -> Int { min(10_000, max(1, scored / 50)) }

    /// Selects and records; the same scores give the same selection, recorded once.
    ///
    /// - Parameters:
    ///   - top: Highest scores to take; nil means ``defaultCount(scored:)``.
    ///   - bottom: Lowest scores to take.
    /// - Throws: ``Failure`` when the attribute has not been scored, the ends would overlap, or a count is not positive.
    public func select(
        _ attribute: Attribute, classifier: ClassifierRecord, generator: String, top: Int?, bottom: Int?
    ) throws -> SelectionRecord {
        let scored = try store.scoredCount(attribute, classifier: classifier.id, generator: generator)
        guard scored > 1 else {
            throw Failure(
                attribute.name, "has \(scored) scored latents",
                "score some with `directions score`, or choose another classifier")
        }
        let counts = (
            top: top ?? Selector.defaultCount(scored: scored), bottom: bottom ?? Selector.defaultCount(scored: scored)
        )
        guard counts.top > 0, counts.bottom > 0 else {
            throw Failure("--top, --bottom", "must be positive", "for example --top 10000", isUsage: true)
        }
        guard counts.top + counts.bottom <= scored else {
            throw Failure(
                "--top \(counts.top) --bottom \(counts.bottom)", "overlap: only \(scored) latents are scored",
                "take fewer, or score more", isUsage: true)
        }
        let best = try store.ranked(
            attribute, classifier: classifier.id, generator: generator, highest: true, count: counts.top)
        let worst = try store.ranked(
            attribute, classifier: classifier.id, generator: generator, highest: false, count: counts.bottom)
        return try store.record(
            attribute: attribute, classifier: classifier, generator: generator, top: best, bottom: worst, scored: scored
        )
    }
}
