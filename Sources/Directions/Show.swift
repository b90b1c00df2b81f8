import Core
import DirectionFiles
import Evaluation
import Generators

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

    /// The same, and behind them those that only come with the program; what comes with it is version 0.
    public func directionVersionsWithShipped() -> [DirectionVersions] {
        let (own, shipped) = (library.attributes(), ShippedDirections.attributes)
        return (own + shipped.filter { !own.contains($0) }).map {
            DirectionVersions(attribute: $0, versions: (shipped.contains($0) ? [0] : []) + library.versions(of: $0))
        }
    }

    /// What a direction says of itself: its provenance, solver and accuracies.
    ///
    /// - Parameters:
    ///   - direction: A name (the generator's newest version), `name@v2`, or a direction file.
    ///   - generator: The generator's name in the workspace; nil for the default one, and any where that has no such direction.
    /// - Returns: What its file says.
    /// - Throws: ``Core/Failure``: there is none, or it could be several generators' (usage), or its file is damaged.
    public func show(_ direction: String, generator: String? = nil) throws -> ShowResult {
        let file = try newest(direction, generator: generator)
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
    /// - Parameters:
    ///   - first: A name, `name@v2`, or a direction file.
    ///   - second: The same.
    ///   - generator: Whose newest version a name means; as in ``show(_:generator:)``.
    /// - Returns: The comparison.
    /// - Throws: ``Core/Failure``: there is no such direction (usage), or they are of different spaces (conflict).
    public func diff(_ first: String, _ second: String, generator: String? = nil) throws -> DirectionComparison {
        try DirectionComparison(newest(first, generator: generator), newest(second, generator: generator))
    }

    /// The direction of a reference; of a bare name the newest of the generator, or of all where that is no question.
    func newest(_ reference: String, generator: String?) throws -> DirectionFile {
        if let generator { return try library(of: generatorIdentity(generator)).load(reference) }
        if let identity = try? generatorIdentity() {
            let own = library(of: identity)
            if try !own.newest(of: [Attribute.normalised(reference)]).isEmpty { return try own.load(reference) }
        }
        return try library.load(reference)
    }
}
