import Core
import Foundation

/// The contents of a pack's `manifest.json`.
public struct PackManifest: Codable, Sendable, Equatable {
    /// The generator that the directions belong to.
    public struct Generator: Codable, Sendable, Equatable {
        public var name: String
        public var sha256: String
        public var architecture: String?
        public var resolution: Int?
        /// The published file it was imported from, with its digest.
        public var source: String?
        public var sourceSHA256: String?

        public init(
            name: String, sha256: String, architecture: String? = nil, resolution: Int? = nil, source: String? = nil,
            sourceSHA256: String? = nil
        ) {
            self.name = name
            self.sha256 = sha256
            self.architecture = architecture
            self.resolution = resolution
            self.source = source
            self.sourceSHA256 = sourceSHA256
        }
    }

    /// What a file of a pack is.
    public enum Kind: String, Codable, Sendable {
        case direction, preview, metrics, card

        /// The most bytes that a file of this kind has: what the largest real one needs, several times over.
        var maximumBytes: Int {
            switch self {
            case .direction: 8 << 20
            case .preview: 32 << 20
            case .metrics, .card: 4 << 20
            }
        }
    }

    /// One file of the pack.
    public struct Item: Codable, Sendable, Equatable {
        /// Where it lies in the pack, with forward slashes.
        public var path: String
        public var kind: Kind
        public var bytes: Int
        public var sha256: String
        /// The attribute and version of a direction, or what a preview or metrics belong to.
        public var attribute: String?
        public var version: Int?
    }

    /// Always `directions.pack`.
    public var format = PackManifest.formatName
    /// The version of this format.
    public var formatVersion = PackManifest.currentVersion
    public var name: String
    public var created: String
    public var program: String
    public var licence: String
    public var generator: Generator
    /// Every file of the pack but the manifest, sorted by path.
    public var contents: [Item]
    /// SHA-256 of this manifest's JSON with an empty checksum.
    public var checksum = ""

    static let formatName = "directions.pack"
    static let currentVersion = 1
    static let fileName = "manifest.json"
    static let maximumBytes = 4 << 20

    /// The file's bytes with the checksum filled in: equal manifests give equal bytes.
    func encoded() throws -> Data {
        var copy = self
        copy.checksum = ""
        copy.checksum = Hashing.sha256(try PackManifest.json(copy))
        return try PackManifest.json(copy)
    }

    private static func json(_ manifest: PackManifest) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(manifest) + Data("\n".utf8)
    }

    /// Decodes a manifest; `name` stands in error messages.
    ///
    /// - Throws: `Failure` when it is no manifest, of a later format, was changed after it was written, is called what no pack can
    ///   be, or names files outside of the pack, files twice, too many or too large.
    static func decode(_ data: Data, name: String) throws -> PackManifest {
        let advice = "get the pack again"
        guard data.count <= maximumBytes else {
            throw Failure(name, "has \(data.count) bytes, too many for a manifest", advice)
        }
        struct Header: Decodable {
            var format: String
            var formatVersion: Int
        }
        guard let header = try? JSONDecoder().decode(Header.self, from: data), header.format == formatName else {
            throw Failure(name, "is no manifest of a direction pack", advice)
        }
        guard header.formatVersion == currentVersion else {
            throw Failure(
                name, "has pack format \(header.formatVersion), this program reads \(currentVersion)",
                "use a newer program", kind: .conflict)
        }
        guard let manifest = try? JSONDecoder().decode(PackManifest.self, from: data) else {
            throw Failure(name, "lacks something that a manifest has", advice)
        }
        guard try manifest.encoded() == data else {
            throw Failure(name, "does not match its own checksum", "it was changed or is damaged; get the pack again")
        }
        do { try DirectionFile.checkName(manifest.name) } catch {
            throw Failure(name, "calls the pack `\(manifest.name.prefix(80))`, which is no name of one", advice)
        }
        guard isName(manifest.generator.name) else {
            throw Failure(
                name, "calls the generator `\(manifest.generator.name.prefix(80))`, which is no name of one", advice)
        }
        var seen: Set<String> = [fileName]
        for item in manifest.contents {
            guard (0...item.kind.maximumBytes).contains(item.bytes) else {
                throw Failure(
                    name,
                    "says that \(item.path.prefix(80)) has \(item.bytes) bytes, more than a \(item.kind.rawValue) has",
                    advice)
            }
            guard isSafe(item.path), seen.insert(item.path).inserted else {
                throw Failure(
                    name, "names the file `\(item.path.prefix(80))`, which is outside of the pack or named twice",
                    advice)
            }
        }
        guard manifest.contents.count <= 10_000 else {
            throw Failure(name, "names \(manifest.contents.count) files", advice)
        }
        return manifest
    }

    /// Whether a text is the name of one folder of a workspace.
    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 255 && !text.hasPrefix(".") && !text.contains("/") && !text.contains("\\")
            && text.unicodeScalars.allSatisfy { $0.value >= 32 && $0.value != 127 }
    }

    /// Whether a path stays inside of the folder it is relative to, on every system.
    static func isSafe(_ path: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return !path.isEmpty && path.utf8.count <= 256 && !path.contains("\\") && !path.contains(":")
            && path.unicodeScalars.allSatisfy { $0.value >= 32 && $0.value != 127 }
            && parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
    }
}
