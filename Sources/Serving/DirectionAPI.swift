import Core
import Directions

/// The part of the JSON API that concerns directions: which there are, and what is known of one.
struct DirectionAPI {
    let faces: LiveFaces

    private static let path = "/api/directions"
    /// Versions that are told of one direction: the newest.
    private static let versions = 8

    private struct Listed: Encodable {
        let name: String
        let versions: [Int]
        let sigma: Float
        let rows: Int
    }

    private struct Page: Encodable {
        let name: String
        let version: Int
        let texts: [String: String]
        let metrics: DirectionMetrics?
        let versions: [Version]
    }

    private struct Version: Encodable {
        let version: Int
        /// With the version that is asked for.
        let cosine: Double?
        let texts: [String: String]
        let metrics: DirectionMetrics?
    }

    /// The answer to a request under /api/directions; nil where it is none of these.
    ///
    /// - Throws: ``Core/Failure`` (not found): no such direction or version.
    func answer(_ request: HTTPRequest) throws -> HTTPResponse? {
        guard request.method != "POST", request.path.hasPrefix(DirectionAPI.path) else { return nil }
        let rest = request.path.dropFirst(DirectionAPI.path.count)
        if rest.isEmpty { return try list() }
        return rest.hasPrefix("/") ? try page(String(rest.dropFirst())) : nil
    }

    private func list() throws -> HTTPResponse {
        try .json([
            "directions": faces.session.directionVersionsWithShipped().compactMap { direction -> Listed? in
                // One of another generator, or a damaged one, has no slider; its own page says why.
                guard let file = try? faces.direction(direction.attribute) else { return nil }
                return Listed(
                    name: direction.attribute, versions: direction.versions, sigma: file.sigma, rows: file.rows)
            }
        ])
    }

    private func page(_ name: String) throws -> HTTPResponse {
        let file = try faces.direction(name)
        let shown = try faces.session.show(file.label)
        let all = faces.session.directionVersionsWithShipped()
        let known = all.first { $0.attribute == file.attribute }?.versions ?? []
        let told = known.suffix(DirectionAPI.versions)
        let versions = (told.contains(file.version) ? [] : [file.version]) + told
        return try .json(
            Page(
                name: file.attribute, version: file.version, texts: shown.texts, metrics: shown.metrics,
                versions: versions.compactMap { version(of: file, $0) }))
    }

    /// Another version of a direction; nil where it is another generator's, or damaged.
    private func version(of file: DirectionFile, _ number: Int) -> Version? {
        guard let other = try? faces.direction("\(file.attribute)@v\(number)"),
            let shown = try? faces.session.show(other.label)
        else { return nil }
        return Version(
            version: number, cosine: try? DirectionComparison(file, other).cosine, texts: shown.texts,
            metrics: shown.metrics)
    }
}
