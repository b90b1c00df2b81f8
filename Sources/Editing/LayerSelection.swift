import Core
import Latents

/// A range of layers before it is known how many there are: `0-7`, `4`, or `8-`, which goes on to the last.
public struct LayerSelection: Sendable, Equatable, CustomStringConvertible {
    /// The first row, from 0.
    public var first: Int
    /// The last row; nil for the last that there is.
    public var last: Int?

    /// - Parameters:
    ///   - first: The first row, from 0.
    ///   - last: The last row; nil for the last that there is.
    public init(first: Int, last: Int? = nil) {
        self.first = first
        self.last = last
    }

    /// Parses `0-7`, `4`, or `8-`.
    ///
    /// - Throws: ``Core/Failure`` (usage) for anything else.
    public init(_ text: String) throws {
        guard let found = LayerSelection.parse(text) else {
            throw Failure(text, "is not a range of layers", "write it as 0-7, 4 or 8-", kind: .usage)
        }
        self = found
    }

    public var description: String { last == first ? "\(first)" : "\(first)-\(last.map(String.init) ?? "")" }

    /// The range in codes of so many rows.
    ///
    /// - Throws: ``Core/Failure`` (usage) for rows that do not exist.
    public func range(rows: Int) throws -> LayerRange { try LayerRange(description, rows: rows) }

    fileprivate static func parse(_ text: String) -> LayerSelection? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, let low = Int(parts[0]), low >= 0 else { return nil }
        if parts.count == 1 { return LayerSelection(first: low, last: low) }
        if parts[1].isEmpty { return LayerSelection(first: low) }
        guard let high = Int(parts[1]), low <= high else { return nil }
        return LayerSelection(first: low, last: high)
    }
}
