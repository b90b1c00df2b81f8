import Core
import Foundation

/// Where the pictures of a data set lie in a folder, whatever its layout.
struct PictureIndex: Sendable {
    /// Folders with pictures, those with the most wanted ones first, each with the files by their names without ending.
    private let folders: [(path: String, files: [String: String])]

    /// - Parameters:
    ///   - path: The data set's folder; hidden folders and those deeper than five are left out.
    ///   - wanted: Names of pictures as a table gives them.
    init(_ path: String, wanted: [String]) {
        var found: [String: [String: String]] = [:]
        PictureIndex.collect(path, depth: 0, into: &found)
        let stems = Set(wanted.map { PictureIndex.stem(($0 as NSString).lastPathComponent) })
        folders = found.map { folder, files in
            (
                folder, files,
                files.keys.reduce(0) { $0 + (stems.contains($1) ? 1 : 0) }
            )
        }
        .sorted { ($1.2, $0.0) < ($0.2, $1.0) }.filter { $0.2 > 0 }.map { ($0.0, $0.1) }
    }

    /// Folders that are links are followed: large data lies on other disks.
    private static func collect(_ folder: String, depth: Int, into found: inout [String: [String: String]]) {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else { return }
        for name in names where !name.hasPrefix(".") && name != "__MACOSX" {
            if LabelTable.isPicture(name) {
                let stem = stem(name)
                // Of two forms of a picture in one folder the one first in the alphabet counts, on every system.
                let known = found[folder]?[stem]
                if known == nil || name < known ?? "" { found[folder, default: [:]][stem] = name }
            } else if depth < 5 {
                var isFolder: ObjCBool = false
                let inner = "\(folder)/\(name)"
                if FileManager.default.fileExists(atPath: inner, isDirectory: &isFolder), isFolder.boolValue {
                    collect(inner, depth: depth + 1, into: &found)
                }
            }
        }
    }

    private static func stem(_ name: String) -> String {
        LabelTable.isPicture(name) ? (name as NSString).deletingPathExtension : name
    }

    /// The folder with the most pictures, or nil.
    var mainFolder: String? { folders.first?.path }

    /// The file of a picture: as it is named, else of that name with another ending or in another folder; nil when there is none.
    func file(_ name: String) -> String? {
        let parent = (name as NSString).deletingLastPathComponent
        let stem = PictureIndex.stem((name as NSString).lastPathComponent)
        let candidates = folders.compactMap { folder in folder.files[stem].map { "\(folder.path)/\($0)" } }
        if !parent.isEmpty,
            let exact = candidates.first(where: {
                ($0 as NSString).deletingLastPathComponent.hasSuffix("/" + parent)
            })
        {
            return exact
        }
        return candidates.first { $0.hasSuffix("/" + name) } ?? candidates.first
    }
}
