import Core
import EncoderTraining
import Encoders
import Faces
import Foundation
import Generators
import Images
import Inversion
import LatentStore
import Synchronization
import Weights

/// What the verbs on photographs share.
extension Session {
    /// What looks for codes, with the networks of the workspace.
    func inverter(_ generator: Generator, settings: InversionSettings = .init()) throws -> Inverter {
        let embedder = try embedder()
        if embedder == nil {
            context.notice(
                "invert: without the face-recognition network, which keeps the person; `directions import identity` fetches it"
            )
        }
        return try Inverter(
            generator, perceptual: perceptualNetwork(), embedder: embedder, judge: identityJudge(),
            classifier: classifier(nil), settings: settings)
    }

    /// Finds faces, and aligns them by FFHQ's own landmarks where the workspace has them.
    func faceDetector() throws -> FaceDetector {
        let path = FileManager.default.fileExists(atPath: workspace.landmarks) ? workspace.landmarks : ""
        return try Session.detectors.withLock { detectors in
            if let known = detectors[path] { return known }
            let made = try path.isEmpty ? FaceDetector() : FaceDetector(landmarks: ShapePredictor(.read(path)))
            detectors[path] = made
            return made
        }
    }

    /// Detectors by the files of their landmarks: those take half a second to read.
    private static let detectors = Mutex<[String: FaceDetector]>([:])

    /// How much of each place of a square picture is of a person.
    @Sendable static func person(_ picture: ImageBatch) throws -> ImageBatch {
        try segmenter.withLock { known in
            let segmenter = try known ?? PersonSegmenter()
            known = segmenter
            return try segmenter.matte(of: picture)
        }
    }

    private static let segmenter = Mutex<PersonSegmenter?>(nil)

    /// The face-recognition network, where the workspace has it.
    func embedder() throws -> FaceEmbedder? {
        guard FileManager.default.fileExists(atPath: workspace.identityNetwork) else { return nil }
        return try FaceEmbedder(.read(workspace.identityNetwork))
    }

    /// The encoder of photographs that a generator has: one of the workspace, else the one that comes with the program.
    ///
    /// - Parameters:
    ///   - generator: Whose codes are wanted.
    ///   - name: An encoder's name in the workspace, or a file; nil for any of this generator.
    /// - Returns: The encoder.
    /// - Throws: ``Core/Failure`` (not found) when there is none; of another generator (conflict), where one was named.
    func photographEncoder(for generator: Generator, named name: String? = nil) throws -> any PhotographEncoder {
        if let name { return try PhotographEncoders.open(encoderFile(name), generator: generator) }
        guard let path = encoderPath(for: generator.identity) else {
            throw Failure(
                "encoder", "is not there for generator \(generator.identity.name)",
                "train one with `directions train-encoder`, or look for codes by the method optimise", kind: .notFound)
        }
        return try PhotographEncoders.open(path, generator: generator)
    }

    /// The file of an encoder by its name in the workspace, or by its own.
    private func encoderFile(_ name: String) -> String {
        let path = workspace.encoder(name)
        return !FileManager.default.fileExists(atPath: path) && name.hasSuffix(".safetensors") ? name : path
    }

    /// The file of an encoder that was named, which is known to be the generator's.
    ///
    /// - Throws: ``Core/Failure``: no such encoder (not found), or another generator's (conflict).
    func encoderPath(named name: String, for identity: GeneratorIdentity) throws -> String {
        let path = encoderFile(name)
        guard FileManager.default.fileExists(atPath: path) else {
            throw Failure(path, "is not there", "name an encoder of the workspace, or its file", kind: .notFound)
        }
        guard try PhotographEncoders.generator(of: path) == identity.sha256 else {
            throw Failure(
                path, "gives codes of another generator, not of \(identity.name)",
                "choose one of this generator, or train one with `directions train-encoder`", kind: .conflict)
        }
        return path
    }

    /// The file of the encoder that a generator has; nil without one.
    ///
    /// One that learnt to show greys alone says nothing of colours: it is for those who name it.
    func encoderPath(for identity: GeneratorIdentity) -> String? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: workspace.models)) ?? []
        let own = names.filter { $0.hasSuffix(".encoder.safetensors") }.sorted().map { "\(workspace.models)/\($0)" }
        return (own + [FaceEncoder.shippedPath].compactMap(\.self)).first {
            (try? PhotographEncoders.generator(of: $0)) == identity.sha256 && !EncoderTrainer.isOfGreys($0)
        }
    }

    /// A picture that is one aligned face.
    ///
    /// - Throws: ``Core/Failure`` naming the file: it can't be read, is no square, a sheet of several, or too small.
    static func alignedPicture(_ file: String) throws -> Image {
        let picture = try Image.read(file)
        if let problem = FaceFrame.ffhq.problem(of: picture) {
            throw Failure(file, problem.problem, problem.advice)
        }
        guard picture.width >= 32 else {
            throw Failure(
                file, "has \(picture.width) x \(picture.height) pixels, too few for a face", "give a larger picture")
        }
        return picture
    }

    /// The files of pictures and of folders of pictures, each once; a folder's by name.
    ///
    /// - Throws: ``Core/Failure`` (not found) for what is not there, or a folder without pictures.
    func pictureFiles(_ paths: [String]) throws -> [String] {
        let endings: Set<String> = ["jpg", "jpeg", "png", "webp", "heic", "heif", "avif"]
        var files: [String] = []
        for path in paths {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
                throw Failure(path, "is not there", "check the name", kind: .notFound)
            }
            guard isFolder.boolValue else {
                files.append(path)
                continue
            }
            let names = try FileManager.default.contentsOfDirectory(atPath: path).filter {
                !$0.hasPrefix(".") && endings.contains(($0 as NSString).pathExtension.lowercased())
            }
            guard !names.isEmpty else {
                throw Failure(path, "is a folder without pictures", "name a folder that has some", kind: .notFound)
            }
            files += names.sorted().map { (path as NSString).appendingPathComponent($0) }
        }
        var seen = Set<String>()
        return files.filter { seen.insert($0).inserted }
    }

    /// What `__metadata__` of a tuning's file says that it is.
    static let tuningFormat = "directions-tuning-1"

    /// The file of the differences that a generator was tuned to a photograph by.
    func tuningFile(_ key: InversionKey) -> String {
        let way = Hashing.sha256(Data((key.generator + key.settings).utf8)).prefix(12)
        return "\(workspace.tunings)/\(key.photograph.prefix(20))-\(key.face)-\(way).safetensors"
    }

    /// A generator tuned to a photograph.
    ///
    /// - Parameters:
    ///   - generator: The generator as it was.
    ///   - path: The file of the differences.
    /// - Returns: The tuned one.
    /// - Throws: ``Core/Failure`` naming the file: damaged, or of another generator (conflict).
    func tuned(_ generator: Generator, by path: String) throws -> Generator {
        let file = try SafetensorsFile.read(path)
        guard file.metadata["format"] == Session.tuningFormat else {
            throw Failure(path, "is no tuning of a generator", "tune it anew", kind: .damaged)
        }
        guard file.metadata["generator"] == generator.identity.sha256 else {
            throw Failure(path, "is of another generator", "tune generator \(generator.identity.name)", kind: .conflict)
        }
        return try generator.adding(file.tensors, name: path)
    }
}
