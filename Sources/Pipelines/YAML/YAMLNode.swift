import CYAML
import Core

/// A value of a YAML file, and where it begins.
struct YAMLNode {
    indirect enum Content {
        case scalar(String)
        case sequence([YAMLNode])
        case mapping([(key: YAMLNode, value: YAMLNode)])
    }

    let content: Content
    /// From 1.
    let line: Int

    var scalar: String? { if case .scalar(let text) = content { text } else { nil } }
    var sequence: [YAMLNode]? { if case .sequence(let items) = content { items } else { nil } }
    var mapping: [(key: YAMLNode, value: YAMLNode)]? { if case .mapping(let pairs) = content { pairs } else { nil } }

    /// The value of a text of one YAML document; nil for a text without any.
    ///
    /// - Parameters:
    ///   - text: The document; an alias stands for what it names.
    ///   - name: What the text is called in complaints.
    /// - Returns: The document's value.
    /// - Throws: ``Failure`` naming the place: no valid YAML, a key that stands twice in a mapping, several documents.
    static func parse(_ text: String, name: String) throws -> YAMLNode? {
        // The parser holds pointers into itself: it must not move.
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { parser.deallocate() }
        guard yaml_parser_initialize(parser) != 0 else {
            throw Failure(name, "does not fit into memory", kind: .outOfMemory)
        }
        defer { yaml_parser_delete(parser) }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        return try Array(text.utf8).withUnsafeBufferPointer { bytes in
            yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
            let first = try YAMLDocument(parser, name: name)
            guard let root = try first.root() else { return nil }
            let second = try YAMLDocument(parser, name: name)
            if let line = second.line {
                throw Failure("\(name):\(line)", "begins a second YAML document", "put everything into one")
            }
            return root
        }
    }
}

/// A document as libyaml has loaded it.
private final class YAMLDocument {
    /// Values may be in values so many times.
    private static let maximumDepth = 100

    private let name: String
    private var document = yaml_document_t()
    /// What an alias names is made once.
    private var known: [Int32: YAMLNode] = [:]

    init(_ parser: UnsafeMutablePointer<yaml_parser_t>, name: String) throws {
        self.name = name
        guard yaml_parser_load(parser, &document) != 0 else {
            let mark = parser.pointee.problem_mark
            let problem = parser.pointee.problem.map { String(cString: $0) } ?? "it can't be read"
            throw Failure(
                "\(name):\(mark.line + 1):\(mark.column + 1)", "is not valid YAML: \(problem)", "mend the YAML")
        }
    }

    deinit { yaml_document_delete(&document) }

    /// Where its value begins; nil when it has none.
    var line: Int? { yaml_document_get_root_node(&document).map { Int($0.pointee.start_mark.line) + 1 } }

    /// Its value; nil when it has none.
    func root() throws -> YAMLNode? { line == nil ? nil : try node(1, depth: 0) }

    private func node(_ index: Int32, depth: Int) throws -> YAMLNode {
        if let found = known[index] { return found }
        guard let source = yaml_document_get_node(&document, index)?.pointee else {
            throw Failure(name, "is not valid YAML: a value is missing", "mend the YAML")
        }
        let line = Int(source.start_mark.line) + 1
        guard depth < YAMLDocument.maximumDepth else {
            throw Failure(
                "\(name):\(line)", "nests deeper than \(YAMLDocument.maximumDepth) levels, or within itself",
                "mend the YAML")
        }
        let result = YAMLNode(content: try content(source, depth: depth + 1), line: line)
        known[index] = result
        return result
    }

    private func content(_ source: yaml_node_t, depth: Int) throws -> YAMLNode.Content {
        switch source.type {
        case YAML_SCALAR_NODE:
            let scalar = source.data.scalar
            return .scalar(
                String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self))
        case YAML_SEQUENCE_NODE:
            let items = source.data.sequence.items
            let indices = UnsafeBufferPointer(start: items.start, count: items.top - items.start)
            return .sequence(try indices.map { try node($0, depth: depth) })
        default:
            let pairs = source.data.mapping.pairs
            let indices = UnsafeBufferPointer(start: pairs.start, count: pairs.top - pairs.start)
            let result = try indices.map { pair in
                (key: try node(pair.key, depth: depth), value: try node(pair.value, depth: depth))
            }
            try checkKeys(result.map(\.key))
            return .mapping(result)
        }
    }

    private func checkKeys(_ keys: [YAMLNode]) throws {
        var seen: Set<String> = []
        for key in keys {
            guard let text = key.scalar, !seen.insert(text).inserted else { continue }
            throw Failure("\(name):\(key.line)", "names \(text) twice", "keep one")
        }
    }
}
