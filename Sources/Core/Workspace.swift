import Foundation

/// The folder that holds all state of a user's work, and where each kind of file lies in it.
public struct Workspace: Sendable, Hashable {
    /// The folder itself.
    public let path: String

    /// - Parameter path: The folder; nil means `$DIRECTIONS_WORKSPACE`, else `./workspace`.
    public init(_ path: String? = nil) {
        let environment = ProcessInfo.processInfo.environment["DIRECTIONS_WORKSPACE"].flatMap { $0.isEmpty ? nil : $0 }
        self.path = path ?? environment ?? "workspace"
    }

    /// The latent database.
    public var database: String { path + "/latents.sqlite" }
    /// Imported generators, a folder each, and trained classifiers.
    public var models: String { path + "/models" }
    /// Direction files, a folder per attribute.
    public var directions: String { path + "/directions" }
    /// Packs and exports.
    public var packs: String { path + "/packs" }
    /// Reports.
    public var reports: String { path + "/reports" }

    /// What generators were tuned to photographs by.
    public var tunings: String { path + "/tunings" }
    /// dlib's face recognition network, where it was imported.
    public var identityNetwork: String { path + "/identity/dlib_face_recognition_resnet_model_v1.dat" }
    /// SFace's network for face recognition, where it was imported.
    public var sfaceNetwork: String { path + "/identity/face_recognition_sface_2021dec_int8bq.onnx" }
    /// dlib's 68 landmarks, where they were imported.
    public var landmarks: String { path + "/landmarks/shape_predictor_68_face_landmarks.dat" }
    /// The Inception of 2015 that FID and KID are taken from, where it was imported.
    public var inceptionNetwork: String { path + "/inception/default_1.pt" }
    /// A network of the perceptual distance LPIPS, where it was imported.
    public func perceptualNetwork(_ name: String) -> String { path + "/lpips/\(name).ckpt" }

    /// The folder of an imported generator.
    public func generator(_ name: String) -> String { "\(models)/\(name)" }
    /// The file of a trained encoder.
    public func encoder(_ name: String) -> String { "\(models)/\(name).encoder.safetensors" }
    /// The file of an encoder's consultation.
    public func consultation(_ name: String) -> String { "\(models)/\(name).consultation.safetensors" }
    /// The file of a network that colours faces.
    public func colorizer(_ name: String) -> String { "\(models)/\(name).colorizer.safetensors" }
    /// The file of a trained classifier.
    public func classifier(_ name: String) -> String { "\(models)/\(name).classifier.safetensors" }
}
