import Foundation

/// The texts of protocol 0, with Python's escapes.
enum PickleText {
    /// The bytes of a text in quotes, as Python 2's `repr` writes it; nil when it is none.
    static func quoted(_ line: Data) -> Data? {
        guard line.count >= 2, let quote = line.first, quote == line.last,
            quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"")
        else { return nil }
        let body = line.dropFirst().dropLast()
        guard body.contains(UInt8(ascii: "\\")) else { return Data(body) }
        var result = Data(capacity: body.count)
        var rest = body.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "\\") else {
                result.append(byte)
                continue
            }
            guard let mark = rest.next() else { return nil }
            switch UnicodeScalar(mark) {
            case "n": result.append(10)
            case "r": result.append(13)
            case "t": result.append(9)
            case "a": result.append(7)
            case "b": result.append(8)
            case "f": result.append(12)
            case "v": result.append(11)
            case "\\", "'", "\"": result.append(mark)
            case "x":
                guard let value = hexadecimal(&rest, digits: 2) else { return nil }
                result.append(UInt8(value))
            default: return nil
            }
        }
        return result
    }

    /// A text in Python's raw-unicode-escape: Latin-1, with `\u` and `\U` for the rest; nil when it is none.
    ///
    /// Other writers than Python's leave UTF-8 in it, which is taken as such.
    static func unicode(_ line: Data) -> String? {
        let isPlain = !line.contains(UInt8(ascii: "\\"))
        if isPlain, let text = String(data: line, encoding: .utf8) { return text }
        var result = String.UnicodeScalarView()
        var rest = line.makeIterator()
        var pending: UInt8?
        while let byte = pending ?? rest.next() {
            pending = nil
            guard byte == UInt8(ascii: "\\") else {
                result.append(UnicodeScalar(byte))
                continue
            }
            let mark = rest.next()
            guard mark == UInt8(ascii: "u") || mark == UInt8(ascii: "U") else {
                result.append("\\")
                pending = mark
                continue
            }
            guard let value = hexadecimal(&rest, digits: mark == UInt8(ascii: "u") ? 4 : 8),
                let scalar = UnicodeScalar(value)
            else { return nil }
            result.append(scalar)
        }
        return String(result)
    }

    private static func hexadecimal(_ rest: inout Data.Iterator, digits: Int) -> UInt32? {
        var value: UInt32 = 0
        for _ in 0..<digits {
            guard let byte = rest.next(), let digit = Character(UnicodeScalar(byte)).hexDigitValue else { return nil }
            value = value << 4 | UInt32(digit)
        }
        return value
    }
}
