import Core
import DirectionFiles
import Evaluation

/// What a direction says of itself.
public struct ShowResult: Sendable {
    /// The direction.
    public let file: DirectionFile
    /// Its metadata, name to text, with attribute, version, sigma, intercept and shape.
    public let texts: [String: String]
    /// What was measured of it on fresh faces; nil where nothing was.
    public let metrics: DirectionMetrics?
}

/// A direction's name and its versions.
public struct DirectionVersions: Sendable, Encodable {
    /// The attribute.
    public let attribute: String
    /// Its versions, ascending.
    public let versions: [Int]
}

extension Session {
    /// All directions of the workspace, sorted by name.
    public func directionVersions() -> [DirectionVersions] {
        library.attributes().map { DirectionVersions(attribute: $0, versions: library.versions(of: $0)) }
    }

    /// What a direction says of itself: its provenance, solver and accuracies.
    ///
    /// - Parameter direction: A name (the newest version), `name@v2`, or a direction file.
    /// - Returns: What its file says.
    /// - Throws: ``Core/Failure``: there is none (usage), or its file is damaged.
    public func show(_ direction: String) throws -> ShowResult {
        let file = try library.load(direction)
        var texts = file.metadata.texts
        texts["attribute"] = file.attribute
        texts["version"] = "\(file.version)"
        texts["sigma"] = "\(file.sigma)"
        texts["intercept"] = "\(file.intercept)"
        texts["shape"] = file.rows == 1 ? "[\(file.size)]" : "[\(file.rows), \(file.size)]"
        return ShowResult(file: file, texts: texts, metrics: try library.metrics(of: file))
    }

    /// Two directions side by side: their cosine, and what their files say differently.
    ///
    /// - Throws: ``Core/Failure``: there is no such direction (usage), or they are of different spaces (conflict).
    public func diff(_ first: String, _ second: String) throws -> DirectionComparison {
        try DirectionComparison(library.load(first), library.load(second))
    }
}
