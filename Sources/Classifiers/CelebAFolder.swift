import Core
import Foundation

/// A folder of faces with labels: CelebA (Liu et al., 2015) or CelebA-HQ as published, on Kaggle or by hand, or one's own in the same form.
///
/// Labels lie in `list_attr_celeba.txt` or `.csv`, CelebAMask-HQ's attribute file, or another table, in the folder itself or in
/// `Anno/`; the partition in `list_eval_partition.txt` or `.csv`, there or in `Eval/`; pictures in any folder below.
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
    /// The folder that holds the pictures, or most of them.
    public let images: String
    /// Rows in the order of the label file.
    public let rows: [Row]
    /// What the pictures are labelled with: CelebA's forty in its order, or else the table's own columns.
    public let attributes: [Attribute]
    /// The table with all of its columns, also those that are not CelebA's.
    public let table: LabelTable
    /// What was done where the folder is not complete, as a sentence for people; nil when nothing was.
    public let note: String?
    private let index: PictureIndex

    /// Reads labels and partition; pictures are looked for by name and not opened yet.
    ///
    /// Where there is no partition, or a part has none of its pictures here (the first thousands of CelebA are all of its training
    /// part), the pictures that are here are split in the table's order: eight tenths to learn from, one to choose by, one to test.
    ///
    /// - Throws: ``Core/Failure`` naming the file and line: nothing there, a header with something that can't be an
    ///   attribute's name, a row with too few values or another value than 1 and -1 (or 0), a picture that the partition does not
    ///   name.
    public init(_ path: String) throws {
        self.path = path
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            throw Failure(
                path, "is not a folder", "give CelebA's folder, which holds list_attr_celeba.txt",
                kind: .notFound)
        }
        table = try LabelTable(CelebAFolder.labelFile(path))
        let columns = try CelebAFolder.columns(table)
        attributes = columns.map(\.attribute)
        index = PictureIndex(path, wanted: table.pictures)
        images = index.mainFolder ?? CelebAFolder.imageFolder(path)
        let labels = CelebAFolder.labels(table, columns)
        let published = try CelebAFolder.parts(table, in: path)
        let isHere = table.pictures.map { [index] in index.file($0) != nil }
        let split = CelebAFolder.rows(table, labels: labels, published: published, isHere: isHere)
        rows = split.rows
        let notes = CelebAFolder.doubts(table, columns) + split.notes
        note = notes.isEmpty ? nil : notes.joined(separator: "; ")
        if rows.isEmpty {
            throw Failure(table.path, "has no row with an answer in every column", "fill in the answers")
        }
    }

    /// The rows of one part, in order.
    public func rows(_ part: Part) -> [Row] { rows.filter { $0.part == part } }

    /// The path of a row's picture; where it should be when it is not there.
    public func picture(_ row: Row) -> String { index.file(row.name) ?? "\(images)/\(row.name)" }

    /// SHA-256 over the names and labels of rows: what a classifier was trained on.
    public static func digest(_ rows: [Row]) -> String {
        var text = ""
        for row in rows { text += row.name + " " + row.labels.map(String.init).joined() + "\n" }
        return Hashing.sha256(Data(text.utf8))
    }

    // MARK: Files

    private static func imageFolder(_ path: String) -> String {
        for candidate in ["\(path)/img_align_celeba/img_align_celeba", "\(path)/img_align_celeba"] {
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: candidate, isDirectory: &isFolder), isFolder.boolValue {
                return candidate
            }
        }
        return path
    }

    private static let places = ["", "Anno/", "anno/", "Eval/", "eval/", "CelebAMask-HQ/", "celeba/", "CelebA/"]

    private static func first(_ names: [String], in path: String) -> String? {
        for place in places {
            for name in names where FileManager.default.fileExists(atPath: "\(path)/\(place)\(name)") {
                return "\(path)/\(place)\(name)"
            }
        }
        return nil
    }

    /// The table of labels: by the names of the published ones, else the only table that names one of CelebA's attributes.
    private static func labelFile(_ path: String) throws -> String {
        let names = [
            "list_attr_celeba.txt", "list_attr_celeba.csv", "CelebAMask-HQ-attribute-anno.txt",
            "list_attr_celeba_hq.txt", "list_attr_celeba_hq.csv", "attributes.csv", "attributes.txt", "labels.csv",
        ]
        if let found = first(names, in: path) { return found }
        let files = (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? []
        let tables = files.filter { name in
            guard ["csv", "tsv", "txt"].contains((name as NSString).pathExtension.lowercased()),
                let table = try? LabelTable("\(path)/\(name)")
            else { return false }
            return table.columns.contains { column in
                Attribute.celebA.contains { $0.slug == Attribute.normalised(column.name) }
            }
        }
        guard tables.count == 1, let table = tables.first else {
            throw Failure(
                path, "holds neither list_attr_celeba.txt nor list_attr_celeba.csv, nor one other table of attributes",
                "give CelebA's folder", kind: .notFound)
        }
        return "\(path)/\(table)"
    }

    /// The part of every picture that a partition names; nil when there is no partition.
    private static func parts(_ table: LabelTable, in path: String) throws -> [Part]? {
        guard let file = first(["list_eval_partition.txt", "list_eval_partition.csv"], in: path) else {
            return table.parts
        }
        var known: [String: Part] = [:]
        for (number, fields) in try LabelTable.rows(AtomicFile.read(file), file) {
            let pair = fields.count == 3 ? Array(fields.dropFirst()) : fields
            if known.isEmpty, pair.count == 2, Part(text: pair[1]) == nil, !LabelTable.isPicture(pair[0]) { continue }
            guard pair.count == 2, let part = Part(text: pair[1]) else {
                throw Failure(file, "line \(number) is not a picture's name and 0, 1 or 2", "use CelebA's own file")
            }
            known[pair[0]] = part
        }
        return try table.pictures.enumerated().map { row, name in
            guard let part = known[name] else {
                throw Failure(
                    file, "does not say to which part \(name) (\(table.path), line \(table.lines[row])) belongs",
                    "use the partition file that came with the labels")
            }
            return part
        }
    }

    // MARK: Labels

    /// The table's columns that hold answers, each with its attribute: in CelebA's order when they are its forty.
    private static func columns(_ table: LabelTable) throws -> [(attribute: Attribute, column: Int)] {
        var found: [(attribute: Attribute, column: Int)] = []
        for (k, column) in table.columns.enumerated() {
            let published = Attribute.celebA.contains { $0.slug == Attribute.normalised(column.name) }
            guard column.isBinary || published else { continue }
            guard column.isBinary else {
                let row = column.values.firstIndex { ![-1, 0, 1].contains($0) && !$0.isNaN } ?? 0
                throw Failure(
                    table.path,
                    "line \(table.lines[row]) has the label \(column.values[row]) in the column \(column.name), not 1 or -1"
                )
            }
            do { found.append((try Attribute.named(column.name), k)) } catch let failure as Failure {
                throw Failure(
                    table.path, "has a column \(column.name), which can't be an attribute", failure.advice)
            }
        }
        let names = Set(found.map(\.attribute))
        guard !found.isEmpty, names.count == found.count else {
            throw Failure(table.path, "names no attribute, or one twice", "give each column a name of its own")
        }
        guard names == Set(Attribute.celebA) else { return found }
        return Attribute.celebA.compactMap { attribute in found.first { $0.attribute == attribute } }
    }

    /// What of a table may not be what its author thinks: numbers, and names that nearly are CelebA's.
    private static func doubts(_ table: LabelTable, _ columns: [(attribute: Attribute, column: Int)]) -> [String] {
        let used = Set(columns.map(\.column)), known = Set(columns.map(\.attribute))
        let numbers = table.columns.indices.filter { !used.contains($0) }.map { table.columns[$0].name }
        var notes = numbers.map { "the column \($0) holds numbers, not answers, and is not learnt" }
        for (attribute, _) in columns where !Attribute.celebA.contains(attribute) {
            let near = Attribute.nearest(to: attribute.slug, among: Attribute.celebA.map(\.slug)).first ?? ""
            guard isMisspelt(attribute.slug, for: near), !known.contains(where: { $0.slug == near }) else { continue }
            notes.append("the column \(attribute) is learnt under that name; if it is CelebA's \(near), call it so")
        }
        return notes
    }

    /// Whether a name differs from an attribute's by a letter or two: one that was left out, added or changed.
    private static func isMisspelt(_ name: String, for attribute: String) -> Bool {
        guard name.count >= 4, abs(name.count - attribute.count) <= 2 else { return false }
        let distance = name.difference(from: attribute)
        return max(distance.insertions.count, distance.removals.count) <= (attribute.count >= 8 ? 2 : 1)
    }

    /// The labels of each row; nil for a row without an answer to some attribute.
    private static func labels(
        _ table: LabelTable, _ columns: [(attribute: Attribute, column: Int)]
    ) -> [[UInt8]?] {
        table.pictures.indices.map { row in
            let values = columns.map { table.columns[$0.column].values[row] }
            return values.contains(where: \.isNaN) ? nil : values.map { $0 == 1 ? 1 : 0 }
        }
    }

    private static func rows(
        _ table: LabelTable, labels: [[UInt8]?], published: [Part]?, isHere: [Bool]
    ) -> (rows: [Row], notes: [String]) {
        let complete = labels.indices.filter { labels[$0] != nil }
        let unanswered = labels.count - complete.count
        var notes = unanswered == 0 ? [] : ["\(unanswered) pictures without an answer in every column are left out"]
        let here = complete.filter { isHere[$0] }
        func row(_ k: Int, _ part: Part) -> Row { Row(name: table.pictures[k], labels: labels[k] ?? [], part: part) }
        var reason = "there is no partition"
        if let published {
            let missing = Part.allCases.filter { part in
                complete.contains { published[$0] == part } && !here.contains { published[$0] == part }
            }
            // Without any picture it is for the reader of pictures to say so.
            if missing.isEmpty || here.isEmpty {
                return (complete.map { row($0, published[$0]) }, notes)
            }
            reason = "the \(missing.map { "\($0)" }.joined(separator: " and ")) part has none of its pictures here"
        }
        let chosen = here.isEmpty ? complete : here
        let (first, second) = (chosen.count * 8 / 10, chosen.count * 9 / 10)
        notes.append(
            "\(reason): the \(chosen.count) pictures that are here are split into \(first) for training, \(second - first) for validation and \(chosen.count - second) for the test"
        )
        return (
            chosen.enumerated().map { row($1, $0 < first ? .train : $0 < second ? .validation : .test) },
            notes
        )
    }
}
