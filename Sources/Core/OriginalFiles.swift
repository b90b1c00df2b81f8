import Foundation

/// Files that a run reads and never writes over: a person's photographs.
///
/// A file is known by its place on the disk, so that other names of it (relative ones, links) are seen as well.
public struct OriginalFiles: Sendable {
    private struct Place: Hashable {
        let device: UInt64
        let number: UInt64

        init?(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            (device, number) = (UInt64(status.st_dev), UInt64(status.st_ino))
        }
    }

    private let places: Set<Place>

    /// - Parameter paths: Files, and folders of files; names of none are left out.
    public init(_ paths: [String]) {
        var places: Set<Place> = []
        for path in paths {
            if let place = Place(path) { places.insert(place) }
            for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
                if let place = Place("\(path)/\(name)") { places.insert(place) }
            }
        }
        self.places = places
    }

    /// Checks that a file to be written is none of them.
    ///
    /// - Parameter path: Where something is to be written.
    /// - Throws: ``Failure`` (usage) naming the file, where it is one of them.
    public func check(_ path: String) throws {
        guard let place = Place(path), places.contains(place) else { return }
        throw Failure(
            path, "is a photograph that is read, and would be lost", "give the result another name", kind: .usage)
    }
}
