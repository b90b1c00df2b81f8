import Core
import Foundation

/// Directions that come with the program: refined ones of the default generator, for who has none of their own yet.
///
/// Their version is 0. `smiling` means such a one where the workspace holds no direction of that name, and `smiling@v0` always does.
public enum ShippedDirections {
    /// The names that there are, sorted.
    public static var attributes: [String] {
        let files = folder.flatMap { try? FileManager.default.contentsOfDirectory(atPath: $0) } ?? []
        return files.filter { $0.hasSuffix(ending) }.map { String($0.dropLast(ending.count)) }.sorted()
    }

    /// The direction of a name.
    ///
    /// - Parameter attribute: Its name, such as `smiling`.
    /// - Returns: It; nil where none of that name comes with the program.
    /// - Throws: ``Core/Failure`` for a file that was damaged.
    public static func direction(_ attribute: String) throws -> DirectionFile? {
        guard attributes.contains(attribute), let folder else { return nil }
        // The file is as `refine` wrote it, with the version that it had there.
        var file = try DirectionFile.read("\(folder)/\(attribute)\(ending)")
        file.version = 0
        file.isShipped = true
        return file
    }

    /// What was measured of the direction of a name.
    ///
    /// - Parameter attribute: Its name.
    /// - Returns: The bytes of a file of measurements; nil where nothing was measured.
    /// - Throws: ``Core/Failure`` naming a file that can't be read.
    static func metrics(_ attribute: String) throws -> Data? {
        guard attributes.contains(attribute), let folder else { return nil }
        let path = "\(folder)/\(attribute).metrics.json"
        return FileManager.default.fileExists(atPath: path) ? try AtomicFile.read(path) : nil
    }

    private static let ending = ".safetensors"
    private static var folder: String? { Bundle.module.path(forResource: "Resources", ofType: nil) }
}
