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

    /// Real numbers of `0,1,2.5` or of ranges such as `-3:3:0.5`: first, last (which belongs to it where a step ends there) and
    /// step, 1 when it is left out.
    ///
    /// - Parameters:
    ///   - text: The list.
    ///   - subject: What the list is of, as the user knows it.
    /// - Returns: The numbers, in the order of the list.
    /// - Throws: ``Failure`` (usage) naming the subject.
    public static func reals(_ text: String, subject: String) throws -> [Float] {
        var result: [Float] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let values = range(part), result.count + values.count <= maximum else {
                throw Failure(
                    "\(subject) \(text)", "is not a list of numbers", "write it as 0,1,2.5 or -3:3:0.5", kind: .usage)
            }
            result += values
        }
        return result
    }

    /// The numbers of `2.5`, `0:3` or `-3:3:0.5`; nil for anything else, also a step that never arrives.
    private static func range(_ text: Substring) -> [Float]? {
        let pieces = text.split(separator: ":", omittingEmptySubsequences: false)
        let numbers = pieces.compactMap { Double($0.trimmingCharacters(in: .whitespaces)) }
        guard (1...3).contains(pieces.count), numbers.count == pieces.count,
            numbers.allSatisfy({ Float($0).isFinite })
        else { return nil }
        if numbers.count == 1 { return [Float(numbers[0])] }
        let step = numbers.count == 3 ? numbers[2] : 1
        let steps = (numbers[1] - numbers[0]) / step
        // A last number that decimals miss by rounding belongs to it.
        guard steps.isFinite, steps >= 0, steps < Double(maximum) else { return nil }
        return (0...Int((steps + 1e-6).rounded(.down))).map { k in
            let value = numbers[0] + Double(k) * step
            return abs(value) < 1e-9 * abs(step) ? 0 : Float(value)
        }
    }
}
