import Core
import Foundation
import Generators
import Images
import Inversion
import LatentStore
import Latents

/// Which photographs a verb works on, and how their codes are found where there are none yet.
public struct PhotographSource: Sendable, Equatable {
    /// Pictures, and folders of pictures; or names of photographs that the database knows.
    public var files: [String]
    /// Whether each picture is the square of one face in FFHQ's frame already.
    public var isAligned: Bool
    /// Which face of each photograph, from 1, the largest first.
    public var face = 1
    /// How codes are found; nil takes the newest that the database has, whichever way it was found.
    public var method: InvertRequest.Method?
    /// Whether faces get the photographs' details by the encoder's consultation, where it has one.
    public var isConsulted = true
    /// When a search ends, for each photograph.
    public var budget: InversionBudget

    /// Seconds that a search takes at most where nothing else is said: a longer one comes nearer to the photograph, whose
    /// details are carried over anyway, and its code is edited less well.
    public static let seconds: Double = 15

    /// - Parameters:
    ///   - files: Pictures, folders of pictures, or names of photographs that the database knows.
    ///   - isAligned: Whether each picture is the square of one face in FFHQ's frame already.
    ///   - method: How codes are found; nil takes the newest that the database has.
    ///   - budget: When a search ends, for each photograph.
    public init(
        _ files: [String], isAligned: Bool = false, method: InvertRequest.Method? = nil,
        budget: InversionBudget = InversionBudget(seconds: PhotographSource.seconds)
    ) {
        self.files = files
        self.isAligned = isAligned
        self.method = method
        self.budget = budget
    }

    /// Checks what can be checked before anything is read.
    ///
    /// - Throws: ``Core/Failure`` (usage) for no photographs, or a budget out of range.
    public func validate() throws {
        try request(files, generator: "default").validate()
    }

    /// The inversions that are asked for, of some files.
    func request(_ files: [String], generator: String) -> InvertRequest {
        var request = InvertRequest(
            files, method: method, budget: budget, isAligned: isAligned, generator: generator)
        request.face = face
        request.isRefined = true
        request.isConsulted = isConsulted
        return request
    }
}

/// A photograph with the code of its face.
struct CodedPhotograph: Sendable {
    /// The picture's file.
    let file: String
    /// SHA-256 of the file.
    let sha256: String
    /// [StyleGAN2's rows, latent size].
    let code: [Float]
    /// JSON of where the face lies in the picture; nil where the picture is its square.
    let alignment: String?
    /// The file of the differences that the generator was tuned to it by; nil where it was not.
    let tuning: String?
    /// The file's name without its ending.
    var label: String { ((file as NSString).lastPathComponent as NSString).deletingPathExtension }
}

extension Session {
    /// The codes of photographs: those that the database has, and the others found now.
    ///
    /// - Parameters:
    ///   - source: Which photographs.
    ///   - generator: The generator's name in the workspace.
    /// - Returns: In the order of the files.
    /// - Throws: ``Core/Failure`` naming the first photograph that can't be used, or as ``invert(_:)``.
    func codedPhotographs(_ source: PhotographSource, generator: String) throws -> [CodedPhotograph] {
        try source.validate()
        let files = try pictureFiles(source.files.map(photographFile))
        let known = try source.method == nil ? knownCodes(files, source, generator: generator) : [:]
        let missing = files.filter { known[$0] == nil }
        var found: [String: CodedPhotograph] = known
        if !missing.isEmpty {
            let result = try invert(source.request(missing, generator: generator))
            if let failure = result.leftOut.first { throw failure }
            for one in result.photographs {
                found[one.file] = CodedPhotograph(
                    file: one.file, sha256: one.sha256, code: one.code, alignment: one.alignment,
                    tuning: source.method == .tune ? tuningFile(one.key) : nil)
            }
        }
        return files.compactMap { found[$0] }
    }

    /// What the database has of some files, the newest of each.
    private func knownCodes(
        _ files: [String], _ source: PhotographSource, generator: String
    ) throws -> [String: CodedPhotograph] {
        guard FileManager.default.fileExists(atPath: workspace.database) else { return [:] }
        let identity = try generatorIdentity(generator)
        let store = try readOnlyStore()
        return try Dictionary(
            uniqueKeysWithValues: files.compactMap { file in
                let sha256 = try Hashing.sha256(file: file)
                let newest = try store.inversions(
                    ofPhotograph: sha256, face: source.face, generator: identity.sha256
                ).first { record in
                    (record.alignment == nil) == source.isAligned
                        && (record.key.method != InvertRequest.Method.tune.rawValue
                            || FileManager.default.fileExists(atPath: tuningFile(record.key)))
                }
                return newest.map { record in
                    let isTuned = record.key.method == InvertRequest.Method.tune.rawValue
                    return (
                        file,
                        CodedPhotograph(
                            file: file, sha256: sha256, code: record.code, alignment: record.alignment,
                            tuning: isTuned ? tuningFile(record.key) : nil)
                    )
                }
            })
    }

    /// The file of a photograph's path, or of its name in the database: its file's name, with or without the ending, or the
    /// beginning of its SHA-256.
    ///
    /// - Throws: ``Core/Failure``: there is neither, or the file is no longer there (not found), or several have the name (usage).
    private func photographFile(_ name: String) throws -> String {
        let files = FileManager.default
        if files.fileExists(atPath: name) || !files.fileExists(atPath: workspace.database) { return name }
        let known = try readOnlyStore().photographs().filter { record in
            let file = (record.path as NSString).lastPathComponent
            return file == name || (file as NSString).deletingPathExtension == name
                || name.count >= 8 && record.sha256.hasPrefix(name)
        }
        guard known.count <= 1 else {
            throw Failure(
                "photograph \(name)", "may be one of \(known.map(\.path).joined(separator: ", "))", "name its file",
                kind: .usage)
        }
        guard let path = known.first?.path else { return name }
        guard files.fileExists(atPath: path) else {
            throw Failure(
                "photograph \(name)", "was \(path), which is no longer there", "name its file", kind: .notFound)
        }
        return path
    }
}
