import Core
import Foundation
import Images

/// Pictures that another program coloured: files in a folder, named as the photographs.
public final class PredictedPictures: ColourMethod {
    public let name: String
    public let title: String
    private let folder: String
    /// Names of the photographs, by a hash of their grey.
    private let names: [String: String]

    /// - Parameters:
    ///   - name: What the row is called in files.
    ///   - title: What it is called for people.
    ///   - folder: Pictures named as the photographs, in any format.
    ///   - photographs: Files of the photographs that will be asked for.
    /// - Throws: ``Core/Failure`` naming a photograph that can't be read, or one that the folder has no picture of (not found).
    public init(_ name: String, title: String, folder: String, photographs: [String]) throws {
        self.name = name
        self.title = title
        self.folder = folder
        let there = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let files = Dictionary(
            there.map { (($0 as NSString).deletingPathExtension, $0) }, uniquingKeysWith: { first, _ in first })
        var names: [String: String] = [:]
        for photograph in photographs {
            let stem = ((photograph as NSString).lastPathComponent as NSString).deletingPathExtension
            guard let file = files[stem] else {
                throw Failure(
                    folder, "has no picture of \(stem)", "colour all photographs with that program first",
                    kind: .notFound)
            }
            let square = try Image.read(photograph).centredSquare(size: ColourEvaluator.side)
            names[PredictedPictures.key(ColourEvaluator.grey(of: square))] = file
        }
        self.names = names
    }

    private static func key(_ image: Image) -> String { Hashing.sha256(Data(image.pixels)) }

    public func coloured(_ grey: ImageBatch, truth: ImageBatch) throws -> ImageBatch {
        let pictures = try grey.images.map { image in
            guard let file = names[PredictedPictures.key(image)] else {
                throw Failure(folder, "was read for other photographs", "name those that are measured")
            }
            return try Image.read("\(folder)/\(file)").centredSquare(size: grey.side)
        }
        return ImageBatch(pictures, side: grey.side)
    }
}
