import Core
import Images
import Weights

/// Where faces go as pictures: one picture of them all, and one a face.
public struct PictureOutput: Sendable, Equatable {
    /// The picture of all faces, whose ending is its format; nil for none.
    public var path: String?
    /// The folder of a PNG a face; nil for none.
    public var frames: String?
    /// Whether texts stand beside the faces; without them they stand without gaps, and a single one is all of the picture.
    public var hasLabels: Bool

    /// - Parameters:
    ///   - path: The picture of all faces; nil for none.
    ///   - frames: The folder of a PNG a face; nil for none.
    ///   - hasLabels: Whether texts stand beside the faces.
    public init(_ path: String? = nil, frames: String? = nil, hasLabels: Bool = true) {
        self.path = path
        self.frames = frames
        self.hasLabels = hasLabels
    }

    /// Whether no picture is asked for.
    public var isEmpty: Bool { path == nil && frames == nil }

    /// Checks the names before any face is made.
    ///
    /// - Parameters:
    ///   - array: A `.npy` that is written besides, or nil.
    ///   - isNeeded: Whether anything must be written.
    ///   - photographs: Files that are read, which it must be none of.
    /// - Throws: ``Core/Failure`` (usage) for an ending of no format that is written, naming those that are, for a photograph's own
    ///   name, or where nothing is to be written.
    public func validate(besides array: String? = nil, isNeeded: Bool = false, photographs: [String] = []) throws {
        guard !isNeeded || !isEmpty || array != nil else {
            throw Failure("picture", "has no name", "say where it goes, for example faces.png", kind: .usage)
        }
        if let array { try NumpyFile.checkEnding(array) }
        if let path {
            _ = try ImageFormat(path: path)
            try OriginalFiles(photographs).check(path)
        }
        if frames == "" { throw Failure("frames", "name no folder", "for example frames", kind: .usage) }
    }
}

/// Faces that a verb made, to be written as pictures.
public protocol FacePictures {
    /// The faces; nil where none were made.
    var pictures: ImageBatch? { get }
    /// A name for each, in their order.
    var frameNames: [String] { get }
    /// One picture of them all.
    ///
    /// - Parameter hasLabels: Whether texts stand beside the faces.
    /// - Returns: The picture.
    /// - Throws: ``Core/Failure`` (usage) when it would be too large, or there are no faces.
    func picture(hasLabels: Bool) throws -> Image
}

extension FacePictures {
    /// Writes the pictures that are asked for, each whole or not at all.
    ///
    /// - Parameter output: Where they go.
    /// - Returns: A line on each thing written.
    /// - Throws: ``Core/Failure`` naming a file that can't be written.
    public func write(to output: PictureOutput) throws -> [String] {
        try output.validate()
        let count = pictures?.count ?? 0
        let faces = count == 1 ? "1 face" : "\(count) faces"
        var lines: [String] = []
        if let path = output.path {
            let picture = try picture(hasLabels: output.hasLabels)
            try picture.write(to: path)
            lines.append("\(path): \(faces), \(picture.width) x \(picture.height) pixels")
        }
        if let folder = output.frames, let pictures {
            for (name, picture) in zip(PictureNames.unique(frameNames), pictures.images) {
                try picture.write(to: "\(folder)/\(name).png")
            }
            lines.append("\(folder): \(faces), a PNG each")
        }
        return lines
    }
}

/// Names of files made of labels.
enum PictureNames {
    /// Labels as names of files, each another.
    static func unique(_ labels: [String]) -> [String] {
        let names = labels.map(safe)
        if Set(names).count == names.count { return names }
        return names.enumerated().map { number($0.offset) + "-" + $0.element }
    }

    /// Letters, digits, points, plus and minus signs of a label, all others a hyphen.
    static func safe(_ label: String) -> String {
        let text = String(label.map { $0.isASCII && ($0.isLetter || $0.isNumber || "._+-".contains($0)) ? $0 : "-" })
        let name = String(text.drop { "-.".contains($0) }.prefix(80))
        return name.isEmpty ? "face" : name
    }

    /// Four digits, so that names sort as numbers do.
    static func number(_ value: Int) -> String {
        let digits = "\(value)"
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
