import Core
import Foundation

/// A folder of direction files: `<attribute>/v<N>.safetensors`.
///
/// What is written in it never changes. Generators share a name's series of versions; ``of(generator:name:)`` sees one
/// generator's.
public struct DirectionLibrary: Sendable {
    /// The folder.
    public let folder: String
    /// Whose directions a bare name means; nil for all generators'.
    public internal(set) var owner: Owner?
    /// Whether a name that the folder lacks means the direction that comes with the program.
    public let hasShipped: Bool

    /// - Parameters:
    ///   - folder: The folder; it need not exist.
    ///   - hasShipped: Whether a name that it lacks means the direction that comes with the program.
    public init(_ folder: String, hasShipped: Bool = false) {
        self.folder = folder
        self.hasShipped = hasShipped
    }

    /// The attributes that have a direction of any generator, sorted.
    public func attributes() -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { !versions(of: $0).isEmpty }.sorted()
    }

    /// The numbers of an attribute's versions, whosever they are, ascending.
    public func versions(of attribute: String) -> [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(attribute)")) ?? []
        return names.compactMap { name in
            guard name.hasPrefix("v"), name.hasSuffix(DirectionLibrary.suffix) else { return nil }
            let digits = name.dropFirst().dropLast(DirectionLibrary.suffix.count)
            guard let number = Int(digits), number > 0, String(number) == digits else { return nil }
            return number
        }.sorted()
    }

    /// Where a version lies.
    public func path(_ attribute: String, _ version: Int) -> String {
        "\(folder)/\(attribute)/v\(version)\(DirectionLibrary.suffix)"
    }

    /// Where the measurements of a version lie: beside it, because they come later and a version never changes.
    public func metricsPath(_ attribute: String, _ version: Int) -> String {
        "\(folder)/\(attribute)/v\(version).metrics.json"
    }

    /// The bytes of what was measured of a version; nil where nothing was.
    ///
    /// - Throws: `Failure` naming a file that can't be read.
    public func metricsData(of file: DirectionFile) throws -> Data? {
        if file.isShipped {
            // Another program's version 0 is another direction.
            return try ShippedDirections.direction(file.attribute) == file
                ? ShippedDirections.metrics(file.attribute) : nil
        }
        let path = metricsPath(file.attribute, file.version)
        return FileManager.default.fileExists(atPath: path) ? try AtomicFile.read(path) : nil
    }

    private static let suffix = ".safetensors"

    /// Endings that names of files have: those of directions, and of what people give in their place.
    private static let endings = ["safetensors", "npy", "npz", "pt", "pth", "pkl", "png", "jpg", "jpeg", "webp", "zip"]

    // MARK: Reading

    /// The direction of a reference: `eyeglasses` (the owner's newest version), `eyeglasses@v2`, or a path to a direction file;
    /// `eyeglasses@v0` is the one that comes with the program.
    ///
    /// A version or a file is what it is, whosever it is: ``DirectionFile/requireGenerator(sha256:name:)`` checks that.
    ///
    /// - Throws: `Failure` (usage) when there is no such direction, naming the nearest, or when there is no owner and the
    ///   versions belong to several generators; or as ``DirectionFile/read(_:)``.
    public func load(_ reference: String) throws -> DirectionFile {
        let ending = (reference as NSString).pathExtension.lowercased()
        if reference.contains("/") || DirectionLibrary.endings.contains(ending) {
            return try DirectionFile.read(reference)
        }
        let parts = reference.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let attribute = Attribute.normalised(parts[0])
        let known = versions(of: attribute)
        let digits = parts.count < 2 ? nil : parts[1].hasPrefix("v") ? String(parts[1].dropFirst()) : parts[1]
        if digits == "0" || digits == nil && known.isEmpty, let shipped = try shipped(attribute) { return shipped }
        if known.isEmpty { throw unknown(attribute) }
        guard let digits else { return try newest(of: attribute) }
        guard let number = Int(digits), known.contains(number) else {
            throw Failure(
                reference, "has no such version",
                "there are \(known.map { "v\($0)" }.joined(separator: ", ")); `\(fitCommand(attribute))` with other settings "
                    + "makes the next", kind: .usage)
        }
        return try read(attribute, number)
    }

    func read(_ attribute: String, _ version: Int) throws -> DirectionFile {
        let file = try DirectionFile.read(path(attribute, version))
        guard file.attribute == attribute, file.version == version else {
            throw Failure(
                path(attribute, version), "says it is \(file.label)", "put the file back where it belongs, or remove it"
            )
        }
        return file
    }

    /// The direction of a name that comes with the program, where the owner may use it as its own.
    func shipped(_ attribute: String) throws -> DirectionFile? {
        guard hasShipped, let file = try ShippedDirections.direction(attribute),
            owner.map({ file.belongs(to: $0.sha256) }) ?? true
        else { return nil }
        return file
    }

    func unknown(_ attribute: String) -> Failure {
        let known = attributes()
        let fit = "make it with `\(fitCommand(attribute))`"
        if known.isEmpty { return Failure(attribute, "has no direction in \(folder)", fit, kind: .usage) }
        let near = Attribute.nearest(to: attribute, among: known).joined(separator: ", ")
        return Failure(attribute, "has no direction in \(folder)", "there are \(near); or \(fit)", kind: .usage)
    }

    // MARK: Writing

    /// Stores a direction as its attribute's next version, unless a version with the same inputs exists.
    ///
    /// Several processes may add at once: a version's file appears whole and only once.
    ///
    /// - Parameter direction: Its `version` is ignored; without `metadata.inputs` it always becomes a new version.
    /// - Returns: The direction as stored, its path, and whether it is new.
    /// - Throws: `Failure` naming the file that can't be read or written.
    public func add(_ direction: DirectionFile) throws -> (direction: DirectionFile, path: String, isNew: Bool) {
        let attribute = direction.attribute
        if let inputs = direction.metadata.inputs {
            for version in versions(of: attribute).reversed() {
                let existing = try read(attribute, version)
                if existing.metadata.inputs == inputs, existing.sharesGenerator(with: direction) {
                    return (existing, path(attribute, version), false)
                }
            }
        }
        try AtomicFile.makeFolder("\(folder)/\(attribute)")
        for _ in 0..<1000 {
            var stored = direction
            stored.version = (versions(of: attribute).last ?? 0) + 1
            stored.isShipped = false
            let target = path(attribute, stored.version)
            if try DirectionLibrary.writeOnce(stored.encoded(), to: target) { return (stored, target, true) }
        }
        throw Failure(
            "\(folder)/\(attribute)", "is being written to by too many processes", "try again", kind: .conflict)
    }

    /// Writes a file that must not exist yet; false when it does.
    private static func writeOnce(_ data: Data, to path: String) throws -> Bool {
        let temporary = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max)).new"
        try AtomicFile.write(data, to: temporary)
        defer { unlink(temporary) }
        chmod(temporary, 0o444)
        // A hard link, unlike a rename, fails when the name is taken.
        if link(temporary, path) == 0 { return true }
        if errno == EEXIST { return false }
        throw AtomicFile.systemFailure(path, "cannot be written")
    }
}
