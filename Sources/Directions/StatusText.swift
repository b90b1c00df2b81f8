import Core
import LatentStore

extension StatusResult {
    /// What the workspace holds, for people: a line a thing.
    public var text: String {
        var lines = ["workspace   \(workspace)\(hasDatabase ? "" : " (no database yet: `directions sample`)")"]
        if let journal { lines.append("journal     \(journal)") }
        lines += generators.map {
            "generator   \($0.name): \($0.architecture), \($0.resolution) pixels, \($0.sha256.prefix(12))"
        }
        lines += sampleSets.map { set in
            let steering = set.steering.map { ", steered by \($0)" } ?? ""
            return "latents     set \(set.id): \(set.latents) of seed \(set.seed), psi \(set.psi)\(steering)"
        }
        lines += classifiers.map { "scores      \($0.scored) by \($0.name), \($0.sha256.prefix(12))" }
        lines += selections.map {
            "selection   \($0.id): \($0.attribute), top \($0.top), bottom \($0.bottom) of \($0.scored)\($0.among.isEmpty ? "" : " among \($0.among)")"
        }
        lines += directions.map { "direction   \($0)" }
        lines += jobs.map { "job         \($0.started) \($0.verb): \($0.status)" }
        return lines.joined(separator: "\n")
    }
}
