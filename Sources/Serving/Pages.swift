import Core
import Foundation

/// The page's files, read once; nothing else of the disk can be asked for.
struct Pages: Sendable {
    private static let kinds = [
        "html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8",
        "json": "application/json", "svg": "image/svg+xml",
    ]

    private let files: [String: (data: Data, type: String)]

    /// - Throws: ``Core/Failure`` (not found) when the installation lacks them.
    init() throws {
        let missing = Failure(
            "editor page", "is missing beside the program", "install the program with its resources", kind: .notFound)
        guard let folder = Bundle.module.path(forResource: "Resources", ofType: nil) else { throw missing }
        var files: [String: (data: Data, type: String)] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            guard let type = Pages.kinds[(name as NSString).pathExtension] else { continue }
            files["/" + name] = (try AtomicFile.read(folder + "/" + name), type)
        }
        guard files["/index.html"] != nil else { throw missing }
        self.files = files
    }

    /// A file by its exact name.
    ///
    /// - Throws: ``Core/Failure`` (not found) for any other path.
    func page(_ path: String) throws -> HTTPResponse {
        guard let file = files[path == "/" ? "/index.html" : path] else {
            throw Failure("page", "is not here", "open /", kind: .notFound)
        }
        return HTTPResponse(file.data, type: file.type)
    }
}
