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

    /// Checks that results go into no folder whose pictures are read: a second run would take them for photographs.
    ///
    /// - Parameter folder: Where results go.
    /// - Throws: ``Failure`` (usage) naming the folder, where it was named as one to read.
    public func check(folder: String) throws {
        guard contains(folder) else { return }
        throw Failure(
            folder, "is the folder of the photographs: the next run would read the results too", "name another folder",
            kind: .usage)
    }

    /// Whether a name is one of them, or of a folder of theirs that was named.
    public func contains(_ path: String) -> Bool { Place(path).map(places.contains) ?? false }

    /// Checks that a file to be written is none of them.
    ///
    /// - Parameter path: Where something is to be written.
    /// - Throws: ``Failure`` (usage) naming the file, where it is one of them.
    public func check(_ path: String) throws {
        guard contains(path) else { return }
        throw Failure(
            path, "is a photograph that is read, and would be lost", "give the result another name", kind: .usage)
    }
}
