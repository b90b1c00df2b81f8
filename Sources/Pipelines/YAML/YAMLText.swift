/// Mappings of texts as YAML, sorted by key, so that equal values are equal bytes.
enum YAMLText {
    /// The lines of a mapping: `key: value`, or `key:` with a mapping's lines below it.
    indirect enum Value {
        case integer(Int)
        case text(String)
        case mapping([String: Value])
    }

    static func lines(_ mapping: [String: Value], indent: String = "") -> String {
        mapping.sorted { $0.key < $1.key }.map { key, value in
            let start = "\(indent)\(scalar(key)):"
            switch value {
            case .integer(let number): return "\(start) \(number)\n"
            case .text(let text): return "\(start) \(scalar(text))\n"
            case .mapping(let entries) where entries.isEmpty: return "\(start) {}\n"
            case .mapping(let entries): return start + "\n" + lines(entries, indent: indent + "  ")
            }
        }.joined()
    }

    /// A text as a scalar: plain where no reader can take it for something else, otherwise in double quotes.
    static func scalar(_ text: String) -> String {
        let isPlain =
            (text.utf8.first.map(canBegin) ?? false) && text.utf8.last != UInt8(ascii: " ")
            && text.utf8.allSatisfy(canFollow) && !words.contains(text.lowercased()) && !isNumber(text)
        return isPlain ? text : quoted(text)
    }

    /// What YAML 1.1 reads as a truth or as nothing.
    private static let words: Set = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    private static func canBegin(_ byte: UInt8) -> Bool { isLetterOrDigit(byte) || "/._".utf8.contains(byte) }

    private static func canFollow(_ byte: UInt8) -> Bool {
        isLetterOrDigit(byte) || " /._-+=*()@,;<>'%".utf8.contains(byte)
    }

    /// Whether YAML 1.1 may read it as a number or as a date.
    private static func isNumber(_ text: String) -> Bool {
        guard let first = text.utf8.first, first < UInt8(ascii: "A") else { return false }
        if text.utf8.allSatisfy({ "0123456789._+-: ".utf8.contains($0) }) { return true }
        let bare = text.filter { $0 != "_" }
        return Double(bare) != nil || ["0x", "0o", "0b", ".inf", ".nan"].contains { bare.lowercased().hasPrefix($0) }
            || text.prefix(4).allSatisfy(\.isNumber) && text.dropFirst(4).first == "-"
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case " "..."~": result.unicodeScalars.append(scalar)
            default:
                let digits = String(scalar.value, radix: 16, uppercase: true)
                let width = scalar.value > 0xFFFF ? 8 : 4
                result += (width == 8 ? "\\U" : "\\u") + String(repeating: "0", count: width - digits.count) + digits
            }
        }
        return result + "\""
    }
}
