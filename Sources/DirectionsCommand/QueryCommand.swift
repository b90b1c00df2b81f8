import ArgumentParser
import CommandSupport
import Directions
import Foundation
import LatentStore
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

    @Argument(help: "The filter; without one all latents are meant.") var filter: String?

    @Option(
        parsing: .unconditional,
        help: "One SELECT statement instead of a filter; see Database/README.md for the tables.")
    var sql: String?

    @Option(
        parsing: .unconditional,
        help: "Order by this field, the highest first; with a minus before it the lowest first.")
    var order: String?

    @Option(help: "Order by cosine with this latent, the nearest first.") var near: Int64?
    @Option(help: "At most so many rows (default: 100; for --sql all).") var limit: Int?

    @Option(help: "table, csv or json; values that are bytes stand in base64 in the last two.")
    var format = Answer.Format.table

    @OptionGroup var pictures: PictureOptions
    @Option(help: "Write the W codes of the answer's latents, in its order: a .npy file, float32 [n, 1, 512].")
    var codesOut: String?

    @Option(help: "The classifier whose scores count: a name or SHA-256 (default: the last one that scored).")
    var classifier: String?

    @Option(help: "Whose latents a filter means, by its name in the workspace or its SHA-256.") var generator =
        "default"
    @OptionGroup var synthesis: SynthesisOptions
    @OptionGroup var workspace: WorkspaceOption

    private var request: QueryRequest {
        get throws {
            guard sql == nil || (filter == nil && order == nil && near == nil) else {
                throw Failure("sql", "stands alone", "put filter and order into the SQL", kind: .usage)
            }
            return QueryRequest(
                sql.map { .sql($0) } ?? .filter(filter ?? "", order: order, near: near), limit: limit,
                classifier: classifier, generator: generator)
        }
    }

    func validate() throws {
        try pictures.value.validate(besides: codesOut)
        try request.validate()
    }

    func run() throws {
        let answer = try workspace.session.query(try request)
        print(try answer.text(as: format), terminator: "")
        if let codesOut {
            let codes = try workspace.session.codes(of: answer)
            try NumpyFile.write(TensorData(codes.values, shape: [codes.count, 1, codes.size]), to: codesOut)
            Terminal.write("\(codesOut): \(codes.count) W codes [\(codes.count), 1, \(codes.size)]\n")
        }
        if pictures.value.isEmpty { return }
        let drawn = try workspace.session.faces(of: answer, generator: generator, rendering: try synthesis.rendering)
        for line in try drawn.write(to: pictures.value) { Terminal.write(line + "\n") }
    }
}
