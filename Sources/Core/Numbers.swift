import Foundation

/// Lists of numbers as people write them.
public enum Numbers {
    /// The most numbers one list may stand for.
    public static let maximum = 100_000

    /// Numbers of `3`, `1-16` or `1,5,9-12`.
    ///
    /// - Parameters:
    ///   - text: The list.
    ///   - subject: What the list is of, as the user knows it.
    /// - Returns: The numbers, in the order of the list.
    /// - Throws: ``Failure`` (usage) naming the subject.
    public static func list(_ text: String, subject: String) throws -> [UInt64] {
        let failure = Failure(
            "\(subject) \(text)", "is not a list of whole numbers", "write it as 7, 1-16 or 1,5,9", kind: .usage)
        var result: [UInt64] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map {
                UInt64($0.trimmingCharacters(in: .whitespaces))
            }
            guard let first = ends[0], ends.count <= 2, let last = ends[ends.count - 1], first <= last,
                last - first < UInt64(maximum - result.count)
            else { throw failure }
            result += Array(first...last)
        }
        return result
    }

    /// Real numbers of `0,1,2.5`.
    ///
    /// - Parameters:
    ///   - text: The list.
    ///   - subject: What the list is of, as the user knows it.
    /// - Returns: The numbers, in the order of the list.
    /// - Throws: ``Failure`` (usage) naming the subject.
    public static func reals(_ text: String, subject: String) throws -> [Float] {
        try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
            guard let value = Float(part.trimmingCharacters(in: .whitespaces)), value.isFinite else {
                throw Failure("\(subject) \(text)", "is not a list of numbers", "write it as 0,1,2.5", kind: .usage)
            }
            return value
        }
    }
}
