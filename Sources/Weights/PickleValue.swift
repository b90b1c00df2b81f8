import Foundation

/// A value of a pickle, as data: nothing is ever called.
///
/// What a pickle asks to be called or built stands as a node with the name of what was asked for and its arguments; the
/// reader's user decides what it means.
public enum PickleValue: Sendable {
    case none
    case bool(Bool)
    case integer(Int)
    /// An integer that does not fit: two's complement, little endian.
    case largeInteger(Data)
    case float(Double)
    case string(String)
    /// A text so long that it is left as the UTF-8 that it lies in the file as.
    case longText(Data)
    /// Bytes, or a string of Python 2.
    case bytes(Data)
    /// A function or class by name, such as `collections.OrderedDict`.
    case global(String)
    /// Anything with parts.
    case node(PickleNode)

    /// The text of a string, or of bytes that are ASCII.
    public var text: String? {
        switch self {
        case .string(let text): text
        case .longText(let data): String(data: data, encoding: .utf8)
        case .bytes(let data) where data.allSatisfy({ $0 < 128 }): String(decoding: data, as: UTF8.self)
        default: nil
        }
    }

    /// The integer, when it is one.
    public var integer: Int? {
        if case .integer(let value) = self { return value }
        return nil
    }

    /// The node, when it has parts.
    public var node: PickleNode? {
        if case .node(let node) = self { return node }
        return nil
    }

    /// The elements of a tuple or list.
    public var elements: [PickleValue]? {
        guard let node, node.kind == .tuple || node.kind == .list else { return nil }
        return node.items
    }

    /// The integers of a tuple or list that holds nothing else.
    public var integers: [Int]? {
        guard let elements else { return nil }
        let values = elements.compactMap(\.integer)
        return values.count == elements.count ? values : nil
    }
}

/// A value with parts: a container, or what a global was asked to build.
///
/// Nodes may be shared and may form cycles, as in Python; whoever walks them bounds depth and number of steps. A cycle stays
/// in memory.
public final class PickleNode: @unchecked Sendable {
    // Written by PickleReader only, before anyone else sees the node.

    /// What it is.
    public enum Kind: Sendable, Equatable {
        case list, tuple, dictionary, set
        /// `global(arguments…)`, with later state and contents.
        case object(global: String)
        /// A reference to something outside of the pickle; its only item is the key.
        case persistent
    }

    public let kind: Kind
    /// Elements of a container, arguments of an object, the key of a persistent reference.
    public internal(set) var items: [PickleValue]
    /// Contents of a dictionary or of an object filled like one, in order.
    public internal(set) var pairs: [(key: PickleValue, value: PickleValue)] = []
    /// What was appended to an object that is filled like a list.
    public internal(set) var appended: [PickleValue] = []
    /// What an object was given as its state (Python's `__setstate__`).
    public internal(set) var state: PickleValue?
    /// How many nodes lay one in the other below this one when it was last filled.
    var height = 1

    init(_ kind: Kind, _ items: [PickleValue] = []) {
        self.kind = kind
        self.items = items
    }

    deinit {
        // A deep nest would overflow the stack if every node released its parts in turn.
        var pending = takeParts()
        while var node = pending.popLast() {
            if isKnownUniquelyReferenced(&node) { pending += node.takeParts() }
        }
    }

    /// Lets go of all parts.
    func clear() { _ = takeParts() }

    /// The nodes that this one holds, which it then holds no more.
    private func takeParts() -> [PickleNode] {
        var result = (items + appended).compactMap(\.node)
        for (key, value) in pairs { result += [key.node, value.node].compactMap(\.self) }
        if let node = state?.node { result.append(node) }
        items = []
        pairs = []
        appended = []
        state = nil
        return result
    }

    /// The name of the global that was asked to build this, or nil for a plain container.
    public var global: String? {
        if case .object(let name) = kind { return name }
        return nil
    }

    /// The value of a text key in a dictionary or a dictionary-like object; the last one counts.
    public func value(for key: String) -> PickleValue? { pairs.last { $0.key.text == key }?.value }
}

/// A pickle that was read: its value, and where in the data it ended.
public struct PickleDocument: Sendable {
    public let root: PickleValue
    /// Offset of the first byte after the pickle.
    public let end: Int

    init(root: PickleValue, end: Int) {
        self.root = root
        self.end = end
    }
}
