import Core
import Faces
import Foundation
import Images

/// Which photographs to cut faces out of.
public struct AlignRequest: Sendable {
    /// Pictures, and folders of pictures.
    public var files: [String]
    /// The folder that faces are written into.
    public var folder: String
    /// Pixels along a side of each face.
    public var size: Int
    /// Which face of each photograph, from 1, the largest first; nil for all.
    public var face: Int?
    /// How faces are written.
    public var format: ImageFormat

    /// - Parameters:
    ///   - files: Pictures, and folders of pictures.
    ///   - folder: The folder that faces are written into.
    ///   - size: Pixels along a side of each face.
    ///   - face: Which face of each photograph, from 1; nil for all.
    ///   - format: How faces are written.
    public init(_ files: [String], folder: String, size: Int = 1024, face: Int? = nil, format: ImageFormat = .png) {
        self.files = files
        self.folder = folder
        self.size = size
        self.face = face
        self.format = format
    }

    /// Checks what can be checked before anything is read.
    ///
    /// - Throws: ``Core/Failure`` (usage) for no pictures, or a number out of range.
    public func validate() throws {
        guard !files.isEmpty else {
            throw Failure("photographs", "are none", "name pictures or a folder of them", kind: .usage)
        }
        guard 64...4096 ~= size else { throw Failure("size \(size)", "must be 64 to 4096", kind: .usage) }
        guard face ?? 1 >= 1 else {
            throw Failure("face \(face ?? 0)", "must be 1 or more", "1 is the largest face", kind: .usage)
        }
    }
}

/// A face that was cut out.
public struct AlignedFace: Sendable, Encodable {
    /// The photograph's file.
    public let file: String
    /// SHA-256 of the photograph's file.
    public let sha256: String
    /// The face's file.
    public let out: String
    /// Pixels along a side of the face's file.
    public let size: Int
    /// Where it lies in the photograph; also beside the face's file as JSON.
    public let alignment: AlignedPhotograph
}

/// What ``Session/align(_:)`` found.
public struct AlignResult: Sendable {
    /// In the order of the request; a photograph's faces from the largest on.
    public let faces: [AlignedFace]
    /// Contact sheets of photographs with several faces, which show the faces' numbers.
    public let sheets: [String]
    /// Why photographs were left out.
    public let leftOut: [Failure]
}

extension Session {
    /// Finds faces in photographs and cuts them out as FFHQ does, each with a file that says where it lay.
    ///
    /// A picture that can't be read or has no face is left out, the others are done.
    ///
    /// - Throws: ``Core/Failure``: a request out of range (usage), files that are not there (not found), a folder that can't be
    ///   written (input/output), or a stop.
    public func align(_ request: AlignRequest) throws -> AlignResult {
        try request.validate()
        let files = try pictureFiles(request.files)
        try OriginalFiles(request.files).check(folder: request.folder)
        let (detector, originals) = (try faceDetector(), OriginalFiles(files))
        try FileManager.default.createDirectory(atPath: request.folder, withIntermediateDirectories: true)
        let progress = context.progress("align", unit: "photographs", total: files.count, isShown: files.count > 3)
        defer { progress.finish() }
        var (faces, sheets, leftOut): ([AlignedFace], [String], [Failure]) = ([], [], [])
        var names: [String: Int] = [:]
        for file in files {
            try context.check()
            do {
                let photograph = try Image.read(file)
                let found = try Session.faces(of: photograph, file: file, which: request.face, detector: detector)
                var name = ((file as NSString).lastPathComponent as NSString).deletingPathExtension
                let uses = names[name, default: 0] + 1
                names[name] = uses
                if uses > 1 { name += "-\(uses)" }
                let sha256 = try Hashing.sha256(file: file)
                var crops: [Image] = []
                for face in found {
                    if face.isSmall {
                        context.notice(
                            String(
                                format: "%@: face %d has %.0f pixels between the eyes: detail will be guessed", file,
                                face.face, face.landmarks.eyeDistance))
                    }
                    let crop = face.crop(of: photograph, size: request.size)
                    let stem = request.folder + "/" + name + (face.faces > 1 ? "-face\(face.face)" : "")
                    let out = "\(stem).\(request.format == .jpeg ? "jpg" : request.format.rawValue)"
                    try originals.check(out)
                    try AtomicFile.write(crop.encoded(as: request.format), to: out)
                    let one = AlignedFace(file: file, sha256: sha256, out: out, size: request.size, alignment: face)
                    let encoder = JSONEncoder()
                    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
                    try AtomicFile.write(encoder.encode(one), to: "\(stem).json")
                    faces.append(one)
                    crops.append(crop.resized(width: 160, height: 160))
                }
                if found.count > 1 {
                    let sheet = "\(request.folder)/\(name)-faces.jpg"
                    try originals.check(sheet)
                    try AtomicFile.write(Session.sheet(crops, found).encodedJPEG(), to: sheet)
                    sheets.append(sheet)
                }
            } catch let failure as Failure where failure.kind != .cancelled {
                leftOut.append(failure)
            }
            progress.advance(1)
        }
        return AlignResult(faces: faces, sheets: sheets, leftOut: leftOut)
    }

    /// The faces of a photograph, or one of them.
    ///
    /// - Throws: ``Core/Failure`` (not found) naming the file when it has none, or not so many.
    static func faces(
        of photograph: Image, file: String, which: Int?, detector: FaceDetector
    ) throws -> [AlignedPhotograph] {
        let found = try AlignedPhotograph.all(in: photograph, detector: detector)
        guard !found.isEmpty else {
            throw Failure(
                file, "shows no face that can be found",
                "try a sharper or larger picture, with the face upright and seen from the front", kind: .notFound)
        }
        guard let which else { return found }
        guard which <= found.count else {
            throw Failure(
                file, "has \(found.count) \(found.count == 1 ? "face" : "faces"), and face \(which) was asked for",
                "`directions align` shows their numbers", kind: .notFound)
        }
        return [found[which - 1]]
    }

    private static func sheet(_ crops: [Image], _ faces: [AlignedPhotograph]) throws -> Image {
        let columns = 8
        let rows = stride(from: 0, to: crops.count, by: columns).map { start in
            (start..<start + columns).map { $0 < crops.count ? Optional(crops[$0]) : nil }
        }
        if rows.count == 1 {
            return try Grid(rows, columnLabels: faces.map { "face \($0.face)" }).rendered()
        }
        return try Grid(
            rows, rowLabels: rows.indices.map { "from \(columns * $0 + 1)" }
        ).rendered()
    }
}
