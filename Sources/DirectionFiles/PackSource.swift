import Core
import Foundation
import Weights

/// The files of a pack where they lie: in a folder or an archive.
///
/// Nothing outside of it is ever opened.
struct PackSource {
    private enum Place {
        case folder
        case archive(ZipArchive, Data)
    }

    private let path: String
    private let place: Place

    /// - Throws: `Failure` when the path is neither a folder with a manifest nor a zip archive.
    init(_ path: String) throws {
        self.path = path
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw Failure(path, "does not exist", "check the path", kind: .notFound)
        }
        if isFolder.boolValue {
            place = .folder
        } else {
            let data = try MappedFile(path).data
            guard data.count <= DirectionPack.maximumBytes else {
                throw Failure(path, "is too large for a pack: \(data.count) bytes", "check that it is one")
            }
            let archive = try ZipArchive(data, name: path)
            // This program packs nothing, so that no small archive can become a large one.
            guard !archive.entries.contains(where: \.isDeflated) else { throw PackSource.notCanonical(path) }
            place = .archive(archive, data)
        }
    }

    /// A file of the pack in error messages.
    func name(_ file: String) -> String {
        if case .folder = place { return "\(path)/\(file)" }
        return "\(path): \(file)"
    }

    func manifest() throws -> Data { try read(PackManifest.fileName, limit: PackManifest.maximumBytes) }

    private static func notCanonical(_ path: String) -> Failure {
        Failure(
            path, "is not the archive that this program wrote: a bit was changed, or it was packed anew",
            "get it again; or unpack it and use the folder")
    }

    /// The bytes of a file that the manifest names, if they are what it says.
    func checked(_ item: PackManifest.Item) throws -> Data {
        let data = try read(item.path, limit: item.bytes)
        guard data.count == item.bytes, Hashing.sha256(data) == item.sha256 else {
            throw Failure(
                name(item.path), "does not match the manifest's checksum", "it was changed or is damaged; get it again")
        }
        return data
    }

    private func read(_ file: String, limit: Int) throws -> Data {
        let tooLarge = Failure(
            name(file), "is larger than the manifest says", "it was changed or is damaged; get it again")
        switch place {
        case .archive(let archive, _):
            let entry = try archive.entry(file)
            guard entry.size <= limit else { throw tooLarge }
            return try archive.read(entry)
        case .folder:
            let full = "\(path)/\(file)"
            try requirePlain(file)
            let attributes = try? FileManager.default.attributesOfItem(atPath: full)
            guard let size = attributes?[.size] as? Int, size <= limit else { throw tooLarge }
            return try AtomicFile.read(full)
        }
    }

    /// The file and every folder on the way to it must be what they seem, not links.
    private func requirePlain(_ file: String) throws {
        let parts = file.split(separator: "/").map(String.init)
        for count in 1...parts.count {
            let part = parts[..<count].joined(separator: "/")
            var status = stat()
            guard lstat("\(path)/\(part)", &status) == 0 else {
                throw Failure(name(file), "is missing", "get the pack again")
            }
            let kind = status.st_mode & S_IFMT
            guard kind == (count == parts.count ? S_IFREG : S_IFDIR) else {
                throw Failure(name(part), "is a link or no plain file", "get the pack again")
            }
        }
    }

    /// What is wrong beyond single files: totals, files that the manifest does not name, an archive with other bytes.
    func structureProblems(_ manifest: PackManifest) throws -> [Failure] {
        let named = Set(manifest.contents.map(\.path) + [PackManifest.fileName])
        var total = 0
        for item in manifest.contents {
            guard item.bytes >= 0, item.bytes <= DirectionPack.maximumBytes - total else {
                return [
                    Failure(
                        name(PackManifest.fileName), "names more than \(DirectionPack.maximumBytes) bytes",
                        "get the pack again")
                ]
            }
            total += item.bytes
        }
        var problems = try present().filter { !named.contains($0) }.sorted().map {
            Failure(name($0), "is not in the manifest", "remove it, or get the pack again")
        }
        if case .archive(_, let data) = place, problems.isEmpty, try !isCanonical(manifest, data) {
            problems.append(PackSource.notCanonical(path))
        }
        return problems
    }

    /// Whether packing the contents again gives the archive's very bytes; true also when a file is damaged, which is told
    /// on its own.
    private func isCanonical(_ manifest: PackManifest, _ data: Data) throws -> Bool {
        var files: [String: Data] = [:]
        for item in manifest.contents {
            guard let content = try? checked(item) else { return true }
            files[item.path] = content
        }
        return try DirectionPack.archive(manifest, files: files) == data
    }

    /// Paths of all files that lie in the pack.
    private func present() throws -> [String] {
        switch place {
        case .archive(let archive, _): return archive.entries.map(\.name)
        case .folder:
            var result: [String] = []
            let files = FileManager.default.enumerator(atPath: path)
            while let file = files?.nextObject() as? String {
                var status = stat()
                guard lstat("\(path)/\(file)", &status) == 0 else { continue }
                if status.st_mode & S_IFMT != S_IFDIR { result.append(file) }
                guard result.count <= 20_000 else {
                    throw Failure(path, "has too many files for a pack", "check the path")
                }
            }
            return result
        }
    }
}
