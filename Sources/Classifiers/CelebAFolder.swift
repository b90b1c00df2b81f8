import Core
import Foundation

/// A folder in the layout of CelebA (Liu et al., 2015): pictures, labels of each, and a partition.
///
/// Pictures lie in `img_align_celeba/` (also twice nested, as Kaggle's archive unpacks) or in the folder itself; labels in
/// `list_attr_celeba.txt` or Kaggle's `.csv`; the partition in `list_eval_partition.txt` or `.csv`.
public struct CelebAFolder: Sendable {
    /// The parts of the published partition.
    public enum Part: Int, Sendable, CaseIterable, Codable {
        case train = 0
        case validation = 1
        case test = 2
    }

    /// One row of the label file.
    public struct Row: Sendable, Equatable {
        /// File name of the picture, as the label file gives it.
        public let name: String
        /// 0 or 1 for each of the folder's attributes, in their order.
        public let labels: [UInt8]
        public let part: Part
    }

    public let path: String
    /// The folder that holds the pictures.
    public let images: String
    /// What the pictures are labelled with: CelebA's forty in its order, or else the label file's own columns.
    public let attributes: [Attribute]
    /// Rows in the order of the label file.
    public let rows: [Row]

    /// Reads labels and partition; pictures are not touched yet.
    ///
    /// - Throws: ``Core/Failure`` naming the file and line: nothing there, a header with something that can't be an
    ///   attribute's name, a row with too few values or another value than 1 and -1 (or 0).
    public init(_ path: String) throws {
        self.path = path
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            throw Failure(
                path, "is not a folder", "give CelebA's folder, which holds list_attr_celeba.txt",
                kind: .notFound)
        }
        images = CelebAFolder.imageFolder(path)
        let labelFile = try CelebAFolder.firstOf(["list_attr_celeba.txt", "list_attr_celeba.csv"], in: path)
        let partitionFile = try CelebAFolder.firstOf(["list_eval_partition.txt", "list_eval_partition.csv"], in: path)
        let parts = try CelebAFolder.partition(partitionFile)
        let table = try CelebAFolder.labels(labelFile)
        attributes = table.attributes
        rows = try table.rows.map { name, labels, line in
            guard let part = parts[name] else {
                throw Failure(
                    partitionFile, "does not say to which part \(name) (\(labelFile), line \(line)) belongs",
                    "use the partition file that came with the labels")
            }
            return Row(name: name, labels: labels, part: part)
        }
        if rows.isEmpty { throw Failure(labelFile, "has no rows", "use CelebA's own label file") }
    }

    /// The rows of one part, in order.
    public func rows(_ part: Part) -> [Row] { rows.filter { $0.part == part } }

    /// SHA-256 over the names and labels of rows: what a classifier was trained on.
    public static func digest(_ rows: [Row]) -> String {
        var text = ""
        for row in rows { text += row.name + " " + row.labels.map(String.init).joined() + "\n" }
        return Hashing.sha256(Data(text.utf8))
    }

    private static func imageFolder(_ path: String) -> String {
        for candidate in ["\(path)/img_align_celeba/img_align_celeba", "\(path)/img_align_celeba"] {
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: candidate, isDirectory: &isFolder), isFolder.boolValue {
                return candidate
            }
        }
        return path
    }

    private static func firstOf(_ names: [String], in path: String) throws -> String {
        for name in names where FileManager.default.fileExists(atPath: "\(path)/\(name)") { return "\(path)/\(name)" }
        throw Failure(
            path, "holds neither \(names.joined(separator: " nor "))", "give CelebA's folder", kind: .notFound)
    }

    private static func lines(_ file: String) throws -> [(number: Int, fields: [Substring])] {
        let text = String(decoding: try AtomicFile.read(file), as: UTF8.self)
        var result: [(Int, [Substring])] = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let fields = line.split { $0 == "," || $0 == " " || $0 == "\t" || $0 == "\r" }
            if !fields.isEmpty { result.append((index + 1, fields)) }
        }
        return result
    }

    private static func partition(_ file: String) throws -> [String: Part] {
        var result: [String: Part] = [:]
        for (number, fields) in try lines(file) {
            if number == 1 && fields.first == "image_id" { continue }
            guard fields.count == 2, let value = Int(fields[1]), let part = Part(rawValue: value) else {
                throw Failure(file, "line \(number) is not a picture's name and 0, 1 or 2", "use CelebA's own file")
            }
            result[String(fields[0])] = part
        }
        return result
    }

    private static func labels(
        _ file: String
    ) throws -> (attributes: [Attribute], rows: [(String, [UInt8], Int)]) {
        var rest = try lines(file)[...]
        if let first = rest.first, first.fields.count == 1, Int(first.fields[0]) != nil { rest.removeFirst() }
        guard var header = rest.popFirst()?.fields else { throw Failure(file, "is empty", "use CelebA's own file") }
        if header.first == "image_id" { header.removeFirst() }
        let named = try header.map { name in
            do { return try Attribute.named(String(name)) } catch let failure as Failure {
                throw Failure(file, "has a column \(name), which can't be an attribute", failure.advice)
            }
        }
        guard !named.isEmpty, Set(named).count == named.count else {
            throw Failure(file, "names no attribute, or one twice", "give each column a name of its own")
        }
        let attributes = Set(named) == Set(Attribute.celebA) ? Attribute.celebA : named
        let columns = named.compactMap { attributes.firstIndex(of: $0) }
        let rows = try rest.map { number, fields in
            guard fields.count == columns.count + 1 else {
                throw Failure(file, "line \(number) has \(fields.count - 1) labels, not \(columns.count)")
            }
            guard safe(fields[0]) else { throw Failure(file, "line \(number) names a picture outside its folder") }
            var labels = [UInt8](repeating: 0, count: columns.count)
            for (column, field) in zip(columns, fields.dropFirst()) {
                switch field {
                case "1": labels[column] = 1
                case "-1", "0": break
                default: throw Failure(file, "line \(number) has the label \(field), not 1 or -1")
                }
            }
            return (String(fields[0]), labels, number)
        }
        return (attributes, rows)
    }

    private static func safe(_ name: Substring) -> Bool { !name.contains("/") && name != ".." }
}
