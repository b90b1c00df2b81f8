import Core
import Foundation

/// Reads Python pickles as data (protocols 0 to 5; Python's `pickletools` documents the opcodes).
///
/// A pickle is a program for a small stack machine that may call any function by name. This reader runs the machine
/// without the calls: a call leaves a ``PickleNode`` that says what was asked. Names outside of the given list are
/// refused, so that a file of unexpected content is told as such.
///
/// For example:
///
/// ```swift
/// let document = try PickleReader.read(data, name: "smile.pt", globals: TorchFile.globals)
/// ```
public struct PickleReader {
    /// The most instructions that are run.
    public static let maximumInstructions = 4_000_000
    /// The most values with parts, entries of the memo, and values on the stack.
    public static let maximumNodes = 1_000_000
    /// The deepest nest of values; Python's own writer stops at about a thousand.
    public static let maximumDepth = 1000
    /// The most empty containers in a row; a writer fills each before the next, or has many empty ones in one list.
    static let maximumUnfilled = 100_000
    /// Bytes from which on a text is left where it lies.
    static let longText = 1 << 16

    private let data: Data
    private let name: String
    private let globals: Set<String>
    private let allowsOthers: Bool
    private var position: Int
    private var stack: [PickleValue] = []
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]
    /// All that was built, so that a refused file's cycles can be taken apart.
    private var nodes: [PickleNode] = []
    /// Containers that were made since anything was put into one.
    private var unfilled = 0

    private init(_ data: Data, name: String, globals: Set<String>, allowsOthers: Bool, from position: Int) {
        self.data = data
        self.name = name
        self.globals = globals
        self.allowsOthers = allowsOthers
        self.position = position
    }

    /// Reads one pickle.
    ///
    /// - Parameters:
    ///   - data: Bytes that hold it.
    ///   - name: Stands in error messages.
    ///   - globals: The names it may ask for, as `module.name`.
    ///   - allowsOthers: Whether other names may stand in it too, as data that nobody looks into, as long as they are
    ///     not those of things that act when Python loads a file.
    ///   - start: Offset of its first byte from the start of `data`.
    /// - Returns: What the pickle holds.
    /// - Throws: ``Failure`` naming the file: cut short, an unknown instruction, a name that is not allowed, or more of
    ///   anything than the limits allow.
    public static func read(
        _ data: Data, name: String, globals: Set<String>, allowsOthers: Bool = false, from start: Int = 0
    ) throws -> PickleDocument {
        var reader = PickleReader(
            data.rebased(), name: name, globals: globals, allowsOthers: allowsOthers, from: start)
        do {
            return try reader.run()
        } catch {
            for node in reader.nodes { node.clear() }
            throw error
        }
    }

    private mutating func run() throws -> PickleDocument {
        for _ in 0..<PickleReader.maximumInstructions {
            let code = try byte()
            if code == UInt8(ascii: ".") {
                let root = try pop()
                return PickleDocument(root: root, end: position)
            }
            if try !runScalar(code), try !runContainer(code), try !runObject(code) {
                throw failure("has the unknown instruction 0x\(String(code, radix: 16)) at byte \(position - 1)")
            }
        }
        throw failure("has more than \(PickleReader.maximumInstructions) instructions")
    }

    private func failure(_ problem: String) -> Failure {
        Failure(name, problem, "the file is damaged, hostile, or not of a kind this program reads")
    }

    // MARK: Bytes

    private mutating func byte() throws -> UInt8 {
        guard position < data.count else { throw failure("is cut short at byte \(data.count)") }
        defer { position += 1 }
        return data[position]
    }

    /// The next bytes, sharing the file's memory.
    private mutating func bytes(_ count: Int) throws -> Data {
        guard count >= 0, count <= data.count - position else {
            throw failure("is cut short: it says \(count) bytes follow byte \(position), \(data.count - position) do")
        }
        defer { position += count }
        return data[position..<position + count]
    }

    /// An unsigned little-endian number of up to 8 bytes.
    private mutating func number(_ size: Int) throws -> Int {
        let value = try bytes(size).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard let result = Int(exactly: value) else { throw failure("has the impossible length \(value)") }
        return result
    }

    /// The text up to the next line end, of names and numbers.
    private mutating func line() throws -> String { String(decoding: try rawLine(limit: 1 << 16), as: UTF8.self) }

    /// The bytes up to the next line end.
    private mutating func rawLine(limit: Int = .max) throws -> Data {
        guard let end = data[position...].prefix(limit).firstIndex(of: 10) else {
            throw failure("is cut short in a line of text")
        }
        defer { position = end + 1 }
        return data[position..<end]
    }

    private mutating func text(_ count: Int) throws -> PickleValue {
        // Protocol 2 keeps arrays as text; a copy of all of them would cost more than the file.
        if count > PickleReader.longText { return .longText(try bytes(count)) }
        guard let text = String(data: try bytes(count), encoding: .utf8) else {
            throw failure("has text that is not UTF-8")
        }
        return .string(text)
    }

    // MARK: The stack

    private mutating func push(_ value: PickleValue) throws {
        guard stack.count < PickleReader.maximumNodes else { throw failure("piles up too many values") }
        stack.append(value)
    }

    private mutating func pop() throws -> PickleValue {
        guard stack.count > (marks.last ?? 0), let value = stack.popLast() else {
            throw failure("takes a value that isn't there, at byte \(position)")
        }
        return value
    }

    private func top() throws -> PickleNode {
        guard stack.count > (marks.last ?? 0), case .node(let node)? = stack.last else {
            throw failure("fills something that can't be filled, at byte \(position)")
        }
        return node
    }

    /// The values above the last mark, which goes too.
    private mutating func popMarked() throws -> [PickleValue] {
        guard let mark = marks.popLast(), mark <= stack.count else { throw failure("has no mark at byte \(position)") }
        let values = Array(stack[mark...])
        stack.removeSubrange(mark...)
        return values
    }

    private mutating func pushNode(_ kind: PickleNode.Kind, _ items: [PickleValue] = []) throws {
        guard nodes.count < PickleReader.maximumNodes else { throw failure("has too many values") }
        // Lists that are opened one after the other and none filled are a nest to come.
        unfilled = items.isEmpty ? unfilled + 1 : 0
        guard unfilled <= PickleReader.maximumUnfilled else { throw failure("nests its values too deeply") }
        let node = PickleNode(kind, items)
        try deepen(node, items)
        nodes.append(node)
        try push(.node(node))
    }

    /// What goes into a node may not nest deeper than ``maximumDepth``.
    private func deepen(_ node: PickleNode, _ parts: some Sequence<PickleValue>) throws {
        for case .node(let part) in parts where part !== node { node.height = max(node.height, part.height + 1) }
        guard node.height <= PickleReader.maximumDepth else { throw failure("nests its values too deeply") }
    }

    private mutating func remember(_ key: Int) throws {
        guard memo.count < PickleReader.maximumNodes, key >= 0 else { throw failure("remembers too many values") }
        guard stack.count > (marks.last ?? 0), let value = stack.last else { throw failure("remembers nothing") }
        memo[key] = value
    }

    private mutating func recall(_ key: Int) throws {
        guard let value = memo[key] else { throw failure("asks for value \(key), which it never stored") }
        try push(value)
    }

    // MARK: Instructions

    /// Numbers, texts, the memo and bookkeeping; false for other instructions.
    private mutating func runScalar(_ code: UInt8) throws -> Bool {
        switch UnicodeScalar(code) {
        case "N": try push(.none)
        case "\u{88}": try push(.bool(true))
        case "\u{89}": try push(.bool(false))
        case "K": try push(.integer(number(1)))
        case "M": try push(.integer(number(2)))
        case "J": try push(.integer(Int(Int32(truncatingIfNeeded: number(4)))))
        case "\u{8A}": try push(integer(bytes(number(1))))
        case "\u{8B}": try push(integer(bytes(number(4))))
        case "I", "L": try push(integer(line: line()))
        case "G": try push(.float(Double(bitPattern: bytes(8).reduce(0) { $0 << 8 | UInt64($1) })))
        case "F":
            guard let value = Double(try line()) else { throw failure("has a number that can't be read") }
            try push(.float(value))
        case "U", "C": try push(.bytes(bytes(number(1))))
        case "T", "B": try push(.bytes(bytes(number(4))))
        case "\u{8E}", "\u{96}": try push(.bytes(bytes(number(8))))
        case "S":
            guard let bytes = PickleText.quoted(try rawLine()) else {
                throw failure("has a quoted text that can't be read")
            }
            try push(.bytes(bytes))
        case "V":
            guard let text = PickleText.unicode(try rawLine()) else { throw failure("has text that can't be read") }
            try push(text.utf8.count > PickleReader.longText ? .longText(Data(text.utf8)) : .string(text))
        case "\u{8C}": try push(text(number(1)))
        case "X": try push(text(number(4)))
        case "\u{8D}": try push(text(number(8)))
        case "p": try remember(key(line()))
        case "q": try remember(number(1))
        case "r": try remember(number(4))
        case "\u{94}": try remember(memo.count)
        case "g": try recall(key(line()))
        case "h": try recall(number(1))
        case "j": try recall(number(4))
        case "\u{80}":
            let version = try byte()
            guard version <= 5 else { throw failure("has pickle protocol \(version), known are 0 to 5") }
        case "\u{95}":
            guard try number(8) <= data.count - position else { throw failure("is cut short in a frame") }
        default: return false
        }
        return true
    }

    private func integer(_ bytes: Data) throws -> PickleValue {
        guard bytes.count <= 1024 else { throw failure("has a number of \(bytes.count) bytes") }
        guard bytes.count <= 8 else { return .largeInteger(Data(bytes)) }
        guard let last = bytes.last else { return .integer(0) }
        let fill: UInt64 = last >= 128 ? .max : 0
        return .integer(Int(Int64(bitPattern: bytes.reversed().reduce(fill) { $0 << 8 | UInt64($1) })))
    }

    private func integer(line: String) throws -> PickleValue {
        if line == "00" { return .bool(false) }
        if line == "01" { return .bool(true) }
        guard let value = Int(line.hasSuffix("L") ? String(line.dropLast()) : line) else {
            throw failure("has a number that can't be read or is too large")
        }
        return .integer(value)
    }

    private func key(_ line: String) throws -> Int {
        guard let key = Int(line) else { throw failure("has a memo key that is no number") }
        return key
    }

    /// Containers; false for other instructions.
    private mutating func runContainer(_ code: UInt8) throws -> Bool {
        switch UnicodeScalar(code) {
        case "(":
            guard marks.count < PickleReader.maximumNodes else { throw failure("nests too deeply") }
            marks.append(stack.count)
        case "0":
            if let mark = marks.last, mark == stack.count { marks.removeLast() } else { _ = try pop() }
        case "1": _ = try popMarked()
        case "2":
            let value = try pop()
            try push(value)
            try push(value)
        case "]": try pushNode(.list)
        case "}": try pushNode(.dictionary)
        case ")": try pushNode(.tuple)
        case "\u{8F}": try pushNode(.set)
        case "l": try pushNode(.list, popMarked())
        case "t": try pushNode(.tuple, popMarked())
        case "\u{91}": try pushNode(.set, popMarked())
        case "\u{85}", "\u{86}", "\u{87}":
            var items: [PickleValue] = []
            for _ in 0..<Int(code) - 0x84 { items.append(try pop()) }
            try pushNode(.tuple, items.reversed())
        case "d":
            let values = try popMarked()
            try pushNode(.dictionary)
            try set(values, on: top())
        case "a":
            let value = try pop()
            try append([value], to: top())
        case "e", "\u{90}":
            let values = try popMarked()
            try append(values, to: top())
        case "s":
            let value = try pop()
            let key = try pop()
            try set([key, value], on: top())
        case "u":
            let values = try popMarked()
            try set(values, on: top())
        default: return false
        }
        return true
    }

    private mutating func append(_ values: [PickleValue], to node: PickleNode) throws {
        unfilled = 0
        try deepen(node, values)
        switch node.kind {
        case .list, .set: node.items += values
        case .object: node.appended += values
        default: throw failure("appends to something that is no list, at byte \(position)")
        }
    }

    private mutating func set(_ values: [PickleValue], on node: PickleNode) throws {
        guard values.count % 2 == 0 else { throw failure("has a key without a value, at byte \(position)") }
        switch node.kind {
        case .dictionary, .object: break
        default: throw failure("sets keys of something that is no dictionary, at byte \(position)")
        }
        unfilled = 0
        try deepen(node, values)
        for i in stride(from: 0, to: values.count, by: 2) { node.pairs.append((values[i], values[i + 1])) }
    }

    /// Globals and what is made with them; false for other instructions.
    private mutating func runObject(_ code: UInt8) throws -> Bool {
        switch UnicodeScalar(code) {
        case "c": try push(global(line(), line()))
        case "\u{93}":
            let (member, module) = (try pop(), try pop())
            guard let member = member.text, let module = module.text else {
                throw failure("has a global without a name")
            }
            try push(global(module, member))
        case "R", "\u{81}":
            let arguments = try pop()
            try build(pop(), arguments)
        case "\u{92}":
            // Keyword arguments are kept as a second item.
            let keywords = try pop()
            let arguments = try pop()
            try build(pop(), arguments)
            try top().items.append(keywords)
        case "i":
            let name = try global(line(), line())
            try pushNode(.tuple, popMarked())
            try build(name, pop())
        case "o":
            var values = try popMarked()
            guard !values.isEmpty else { throw failure("builds nothing, at byte \(position)") }
            let callee = values.removeFirst()
            try pushNode(.tuple, values)
            try build(callee, pop())
        case "b":
            let state = try pop()
            let node = try top()
            guard case .object = node.kind else { throw failure("gives a state to plain data, at byte \(position)") }
            try deepen(node, [state])
            node.state = state
        case "Q": try pushNode(.persistent, [pop()])
        case "P": try pushNode(.persistent, [.string(line())])
        default: return false
        }
        return true
    }

    private func global(_ module: String, _ member: String) throws -> PickleValue {
        let name = "\(module).\(member)"
        guard
            globals.contains(name)
                || allowsOthers && !PickleGlobals.isProgram(module: module, member: member)
        else {
            let shown = name.count > 120 ? name.prefix(120) + "…" : name[...]
            throw Failure(
                self.name, "asks for \(shown), which is not data",
                "don't load this file with other programs unless you trust its source")
        }
        return .global(name)
    }

    private mutating func build(_ callee: PickleValue, _ arguments: PickleValue) throws {
        guard case .global(let name) = callee else {
            throw failure("calls a value that is no global, at byte \(position)")
        }
        guard case .node(let tuple) = arguments, tuple.kind == .tuple else {
            throw failure("calls \(name) without a list of arguments")
        }
        try pushNode(.object(global: name), tuple.items)
    }
}
