import ArgumentParser
import Core
import Directions
import Foundation
import Generators
import Images
import LatentStore
import Latents
import Weights

/// `directions query`: questions to the latent database.
struct QueryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query",
        abstract: "Ask the latent database: filters, SQL, nearest neighbours; as table, CSV, JSON or a grid of faces.",
        discussion: """
            A filter compares fields with numbers: attributes (eyeglasses, black_hair …) by their probability, id, set, seed, \
            index, psi, norm (|w|), distance (|w - mean|), near(17) (cosine with latent 17); joined by and, or, not, ( ), \
            between … and …, in (…).

            Examples:
              directions query "eyeglasses > 0.9 and male < 0.1" --limit 24 --out answer.png
              directions query --near 17 --limit 12 --out like-17.png
              directions query "smiling > 0.9" --limit 500 --codes-out smiling.npy
              directions query --sql "SELECT count(*) FROM scores WHERE smiling > 0.5"
            """)

    /// How an answer is printed.
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case table, csv, json
    }

    @Argument(help: "The filter; without one all latents are meant.")
    var filter: String?

    @Option(
        parsing: .unconditional,
        help: "One SELECT statement instead of a filter; see Database/README.md for the tables.")
    var sql: String?

    @Option(
        parsing: .unconditional,
        help: "Order by this field, the highest first; with a minus before it the lowest first.")
    var order: String?

    @Option(help: "Order by cosine with this latent, the nearest first.")
    var near: Int64?

    @Option(help: "At most so many rows (default: 100; for --sql all).")
    var limit: Int?

    @Option(help: "table, csv or json; values that are bytes stand in base64 in the last two.")
    var format: Format = .table

    @Option(
        name: [.customLong("out"), .customLong("grid")], help: "Draw the latents of the answer as a grid of faces.")
    var out: String?

    @Option(help: "Write the W codes of the answer's latents, in its order: a .npy file, float32 [n, 1, 512].")
    var codesOut: String?

    @Option(help: "The classifier whose scores count: a name or SHA-256 (default: the last one that scored).")
    var classifier: String?

    @Option(help: "The generator's name in the workspace, for the grid.")
    var generator = "default"

    @OptionGroup var synthesis: SynthesisOptions
    @OptionGroup var workspace: WorkspaceOption

    func run() throws {
        guard limit ?? 1 >= 0 else { throw Failure("--limit", "must not be negative", "for example 24", kind: .usage) }
        guard sql == nil || (filter == nil && order == nil && near == nil) else {
            throw Failure("--sql", "stands alone", "put filter and order into the SQL", kind: .usage)
        }
        if let codesOut, !codesOut.lowercased().hasSuffix(".npy") {
            throw Failure("--codes-out \(codesOut)", "is no .npy file", "name one, such as codes.npy", kind: .usage)
        }
        let parsed = try filter.map { try Filter($0) } ?? Filter()
        let store = try LatentStore.openReadOnly(workspace.value.database)
        let answer: Answer
        if let sql {
            answer = try store.query(sql, limit: limit ?? .max)
        } else {
            var query = try LatentQuery(filter: parsed, order: order, near: near, limit: limit ?? 100)
            if !query.filter.attributes.isEmpty {
                try query.filter.check(among: store.attributes())
                query.classifier = try store.classifier(classifier, scoring: query.filter.attributes).id
            }
            if let near { _ = try store.latents(ids: [near]) }
            answer = try query.run(store)
        }
        print(try AnswerText.render(answer, format: format), terminator: "")
        if let codesOut { try writeCodes(answer, store: store, to: codesOut) }
        if let out { try draw(answer, store: store, to: out) }
    }

    /// The latents of an answer, in its order, and the column that names them.
    private func latents(of answer: Answer, flag: String) throws -> (ids: [Int64], column: Int) {
        guard let column = answer.columns.firstIndex(where: { ["latent", "id"].contains($0) }) else {
            throw Failure(
                flag, "needs a column named latent or id in the answer", "select it in the SQL", kind: .usage)
        }
        let ids = try answer.rows.map { row in
            guard case .integer(let id) = row[column] else {
                throw Failure("column \(answer.columns[column])", "holds no ids", "")
            }
            return id
        }
        guard !ids.isEmpty else { throw Failure(flag, "has no latents: the answer is empty", "widen the filter") }
        return (ids, column)
    }

    private func writeCodes(_ answer: Answer, store: LatentStore, to path: String) throws {
        let ids = try latents(of: answer, flag: "--codes-out").ids
        let owners = try store.generators(ofLatents: ids)
        guard owners.count <= 1 else {
            throw Failure(
                "--codes-out", "would mix latents of \(owners.map(\.name).joined(separator: " and "))",
                "narrow the filter to one's sets, such as \"set = 1\"; `directions status` lists them")
        }
        let values = try store.latents(ids: ids)
        let size = values.count / ids.count
        try NumpyFile.write(TensorData(values, shape: [ids.count, 1, size]), to: path)
        FileHandle.standardError.write(Data("\(path): \(ids.count) W codes [\(ids.count), 1, \(size)]\n".utf8))
    }

    private func draw(_ answer: Answer, store: LatentStore, to path: String) throws {
        let (all, column) = try latents(of: answer, flag: "--out")
        let ids = Array(all.prefix(400))
        let loaded = try Generator.load(folder: workspace.value.generator(generator))
        let codes = try LatentCodes(store.latents(ids: ids), size: loaded.identity.latentSize)
        let faces = try workspace.session.images(
            codes, generator: loaded, rendering: synthesis.rendering, label: "query")
        let captions = answer.rows.prefix(400).map { row in
            let others = answer.columns.indices.filter { $0 != column }.prefix(2)
            let values = others.map { "\(answer.columns[$0]) \(AnswerText.short(row[$0]))" }
            return (["\(row[column].text)"] + values).joined(separator: "\n")
        }
        let picture = try Grid(faces.images, captions: Array(captions)).rendered()
        try picture.write(to: path)
        Terminal.write("\(path): \(ids.count) faces\n")
    }
}

/// Answers as text.
enum AnswerText {
    static func render(_ answer: Answer, format: QueryCommand.Format) throws -> String {
        switch format {
        case .csv:
            ([answer.columns] + answer.rows.map { $0.map(whole) }).map { $0.map(quoted).joined(separator: ",") + "\n" }
                .joined()
        case .json: try json(answer)
        case .table: table(answer)
        }
    }

    /// A number with four digits that matter.
    static func short(_ value: Answer.Value) -> String {
        if case .real(let number) = value { return String(format: "%.4g", number) }
        return value.text
    }

    /// A value without loss: bytes in base64, as in JSON.
    private static func whole(_ value: Answer.Value) -> String {
        if case .blob(let data) = value { return data.base64EncodedString() }
        return value.text
    }

    private static func quoted(_ field: String) -> String {
        field.contains { ",\"\n\r".contains($0) }
            ? "\"" + field.replacingOccurrences(of: "\"", with: "\"\"") + "\"" : field
    }

    private static func table(_ answer: Answer) -> String {
        let rows = [answer.columns] + answer.rows.map { $0.map(short) }
        let widths = answer.columns.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = row.indices.map { row[$0] + String(repeating: " ", count: widths[$0] - row[$0].count) }
            return cells.joined(separator: "  ").trimmingCharacters(in: .whitespaces) + "\n"
        }.joined()
    }

    private static func json(_ answer: Answer) throws -> String {
        let rows = answer.rows.map { row in
            Dictionary(zip(answer.columns, row.map(plain)), uniquingKeysWith: { first, _ in first })
        }
        let data = try JSONSerialization.data(
            withJSONObject: rows, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
        return String(decoding: data, as: UTF8.self) + "\n"
    }

    private static func plain(_ value: Answer.Value) -> Any {
        switch value {
        case .null: NSNull()
        case .integer(let number): number
        case .real(let number): number.isFinite ? number : NSNull()
        case .text(let text): text
        case .blob(let data): data.base64EncodedString()
        }
    }
}
