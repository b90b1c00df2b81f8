import Core
import Foundation

/// A table of labels of pictures, as data sets, spreadsheets and statistics programs write it.
///
/// Fields are separated by commas, semicolons, tabs or spaces, with or without quotes; before the header may stand a byte-order mark and
/// the number of rows; before each row its number, with or without a heading. Answers are 1 and -1, 1 and 0, or true and false; a
/// column of other numbers is kept as such.
public struct LabelTable: Sendable {
    /// One column of answers or numbers.
    public struct Column: Sendable, Equatable {
        /// As the table spells it.
        public let name: String
        /// A value each row: 1 and 0 for yes and no, or the numbers as they are; NaN where nothing stands.
        public let values: [Float]

        /// Whether it holds answers alone.
        public var isBinary: Bool { values.allSatisfy { $0 == 0 || $0 == 1 || $0.isNaN } }
    }

    /// The table's path, for messages.
    public let path: String
    /// The pictures' names, in order.
    public let pictures: [String]
    /// Line of each picture in the file, from 1.
    public let lines: [Int]
    /// The columns but the pictures' names, row numbers and the partition, in order.
    public let columns: [Column]
    /// To which part each picture belongs, where the table itself says so.
    public let parts: [CelebAFolder.Part]?

    /// Reads a table.
    ///
    /// - Throws: ``Core/Failure`` naming the file and the line: no header, a row of another length, a value that is no answer and no
    ///   number, or a picture outside of its folder.
    public init(_ path: String) throws {
        try self.init(decoding: AtomicFile.read(path), name: path)
    }

    /// Decodes a table's bytes; `name` stands in error messages.
    ///
    /// - Throws: As ``init(_:)``.
    public init(decoding data: Data, name path: String) throws {
        self.path = path
        var rows = try LabelTable.rows(data, path)[...]
        if let first = rows.first, first.fields.count == 1, Int(first.fields[0]) != nil { rows.removeFirst() }
        guard var header = rows.popFirst()?.fields else { throw Failure(path, "is empty", "give a table of labels") }
        guard let first = rows.first else { throw Failure(path, "has no rows", "give a table of labels") }
        // R writes row names without a heading, as CelebA writes the pictures' names.
        if first.fields.count == header.count + 1 { header.insert("", at: 0) }
        let nameColumn = LabelTable.nameColumn(header, first.fields)
        let partColumn = header.firstIndex { ["partition", "split", "part", "subset"].contains($0.lowercased()) }
        let isWanted = header.indices.map { k in
            k != nameColumn && k != partColumn && !LabelTable.indexNames.contains(header[k].lowercased())
        }
        var (pictures, lines, parts) = ([String](), [Int](), [CelebAFolder.Part]())
        var values = [[Float]](repeating: [], count: header.count)
        for (line, fields) in rows {
            guard fields.count == header.count else {
                throw Failure(path, "line \(line) has \(fields.count) fields, the header \(header.count)")
            }
            guard LabelTable.isSafe(fields[nameColumn]) else {
                throw Failure(path, "line \(line) names a picture outside its folder")
            }
            pictures.append(fields[nameColumn])
            lines.append(line)
            if let partColumn {
                guard let part = CelebAFolder.Part(text: fields[partColumn]) else {
                    throw Failure(
                        path, "line \(line) has the part \(fields[partColumn]), not train, validation or test")
                }
                parts.append(part)
            }
            for k in header.indices where isWanted[k] {
                guard let value = LabelTable.value(fields[k]) else {
                    throw Failure(
                        path, "line \(line) has `\(fields[k].prefix(40))` in the column \(header[k]), not 1 or -1",
                        "give answers as 1 and -1 or 1 and 0, or numbers")
                }
                values[k].append(value)
            }
        }
        self.pictures = pictures
        self.lines = lines
        self.parts = partColumn == nil ? nil : parts
        columns = header.indices.filter { isWanted[$0] }.map { k in
            // A column of -1 and 1 is one of answers.
            let isSigned = values[k].contains(-1) && values[k].allSatisfy { $0 == -1 || $0 == 1 || $0 == 0 || $0.isNaN }
            return Column(name: header[k], values: isSigned ? values[k].map { $0 == -1 ? 0 : $0 } : values[k])
        }
        guard !columns.isEmpty else { throw Failure(path, "has no columns of labels", "give a table of labels") }
    }

    // MARK: Columns

    private static let pictureNames: Set<String> = [
        "image_id", "image", "img", "image_name", "imagename", "filename", "file_name", "file", "name", "picture",
        "path",
        "image_path", "id",
    ]
    private static let indexNames: Set<String> = ["", "unnamed: 0", "index", "rownames", "row", "x"]
    private static let endings: Set<String> = ["jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "heic"]

    static func isPicture(_ name: String) -> Bool {
        endings.contains((name as NSString).pathExtension.lowercased())
    }

    /// The column of the pictures' names: one that is called so, one whose values look so, or the first.
    private static func nameColumn(_ header: [String], _ first: [String]) -> Int {
        if let named = header.firstIndex(where: { pictureNames.contains($0.lowercased()) && $0.lowercased() != "id" }) {
            return named
        }
        return first.indices.first { isPicture(first[$0]) }
            ?? header.firstIndex { $0.lowercased() == "id" } ?? 0
    }

    /// 1, 0, -1, another number, or NaN for nothing; nil for a text that is none.
    private static func value(_ text: String) -> Float? {
        switch text.lowercased() {
        case "true", "yes", "t", "y": return 1
        case "false", "no", "f", "n": return 0
        case "", "na", "nan", "null", "none", "n/a": return .nan
        default:
            guard let value = Float(text), value.isFinite else { return nil }
            return value
        }
    }

    /// A relative path without a way out of its folder.
    private static func isSafe(_ name: String) -> Bool {
        !name.isEmpty && !name.hasPrefix("/") && !name.contains("\\") && !name.contains("\0")
            && !name.split(separator: "/", omittingEmptySubsequences: false).contains { $0 == ".." || $0 == "" }
    }

    // MARK: Fields

    /// The lines with their fields, blank ones left out.
    static func rows(_ data: Data, _ path: String) throws -> [(line: Int, fields: [String])] {
        guard data.count <= 1 << 30 else { throw Failure(path, "has \(data.count) bytes, too many for a table") }
        var text = String(decoding: data, as: UTF8.self)
        if text.hasPrefix("\u{FEFF}") { text.removeFirst() }
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        // The header, or the first row, tells what separates.
        let sample = lines.prefix(3).joined(separator: "\n")
        let separator: Character? = [";", "\t", ","].first { mark in
            lines.prefix(3).contains { $0.filter { $0 == mark }.count > 0 } && sample.contains(mark)
        }
        var result: [(Int, [String])] = []
        for (index, line) in lines.enumerated() {
            let fields = LabelTable.fields(line, separator)
            if fields.contains(where: { !$0.isEmpty }) { result.append((index + 1, fields)) }
        }
        return result
    }

    /// The fields of a line; without a separator, what stands between spaces.
    private static func fields(_ line: Substring, _ separator: Character?) -> [String] {
        var result: [String] = []
        var field = ""
        var isQuoted = false, wasQuoted = false
        var rest = line.makeIterator()
        var next = rest.next()
        func trimmed(_ text: String) -> String { wasQuoted ? text : text.trimmingCharacters(in: .whitespaces) }
        while let character = next {
            next = rest.next()
            if character == "\"" {
                if isQuoted, next == "\"" {
                    field.append("\"")
                    next = rest.next()
                } else {
                    isQuoted.toggle()
                    wasQuoted = true
                }
            } else if !isQuoted, separator.map({ $0 == character }) ?? character.isWhitespace {
                if separator != nil || !field.isEmpty || wasQuoted { result.append(trimmed(field)) }
                (field, wasQuoted) = ("", false)
            } else {
                field.append(character)
            }
        }
        if separator != nil || !field.isEmpty || wasQuoted { result.append(trimmed(field)) }
        return result
    }
}

extension CelebAFolder.Part {
    /// A part by its number, or by its name.
    init?(text: String) {
        switch text.lowercased() {
        case "0", "train", "training": self = .train
        case "1", "val", "valid", "validation", "dev": self = .validation
        case "2", "test", "testing": self = .test
        default: return nil
        }
    }
}
