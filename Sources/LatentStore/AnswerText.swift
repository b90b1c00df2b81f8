import Foundation

extension Answer {
    /// How an answer is written.
    public enum Format: String, Sendable, CaseIterable {
        case table, csv, json
    }

    /// The answer as text.
    ///
    /// - Throws: ``Failure`` when a value can't be written as JSON.
    public func text(as format: Format) throws -> String {
        switch format {
        case .csv:
            ([columns] + rows.map { $0.map(Answer.whole) }).map { $0.map(Answer.quoted).joined(separator: ",") + "\n" }
                .joined()
        case .json: try json()
        case .table: table()
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

    private func table() -> String {
        let rows = [columns] + self.rows.map { $0.map(\.short) }
        let widths = columns.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = row.indices.map { row[$0] + String(repeating: " ", count: widths[$0] - row[$0].count) }
            return cells.joined(separator: "  ").trimmingCharacters(in: .whitespaces) + "\n"
        }.joined()
    }

    private func json() throws -> String {
        let rows = self.rows.map { row in
            Dictionary(zip(columns, row.map(Answer.plain)), uniquingKeysWith: { first, _ in first })
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

extension Answer.Value {
    /// The value as text, a number with four digits that matter.
    public var short: String {
        if case .real(let number) = self { return String(format: "%.4g", number) }
        return text
    }
}
