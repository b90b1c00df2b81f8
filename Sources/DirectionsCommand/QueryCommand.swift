import ArgumentParser
import Directions
import Foundation
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

    private var request: QueryRequest {
        get throws {
            guard sql == nil || (filter == nil && order == nil && near == nil) else {
                throw Failure("sql", "stands alone", "put filter and order into the SQL", kind: .usage)
            }
            return QueryRequest(
                sql.map { .sql($0) } ?? .filter(filter ?? "", order: order, near: near), limit: limit,
                classifier: classifier)
        }
    }

    func validate() throws {
        if let codesOut, !codesOut.lowercased().hasSuffix(".npy") {
            throw Failure("--codes-out \(codesOut)", "is no .npy file", "name one, such as codes.npy", kind: .usage)
        }
        try request.validate()
    }

    func run() throws {
        let answer = try workspace.session.query(try request)
        print(try AnswerText.render(answer, format: format), terminator: "")
        if let codesOut {
            let codes = try workspace.session.codes(of: answer)
            try NumpyFile.write(TensorData(codes.values, shape: [codes.count, 1, codes.size]), to: codesOut)
            Terminal.write("\(codesOut): \(codes.count) W codes [\(codes.count), 1, \(codes.size)]\n")
        }
        guard let out else { return }
        let drawn = try workspace.session.faces(of: answer, generator: generator, rendering: try synthesis.rendering)
        try drawn.grid.rendered().write(to: out)
        Terminal.write("\(out): \(drawn.ids.count) faces\n")
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
        let rows = [answer.columns] + answer.rows.map { $0.map(\.short) }
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
