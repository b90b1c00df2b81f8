import Core
import Foundation

/// The form of `torch.save` before PyTorch 1.6: the pickles of a magic number, a protocol number, the machine's sizes, the
/// value and the keys of its storages, then each storage as its element count (8 bytes) and its elements.
struct LegacyTorchFile {
    let data: Data
    let name: String

    /// 0x1950a86a20f9469cfc6c, little endian.
    private static let magic = Data([0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19])

    /// Whether a pickle's value is the number that such a file begins with.
    static func isMagic(_ value: PickleValue) -> Bool {
        if case .largeInteger(let number) = value { return number == magic }
        return false
    }

    func value() throws -> TorchValue {
        let (root, storages) = try content()
        let found = storages.mapValues { TorchStorage($0.bytes) }
        var builder = TorchBuilder(name: name, budget: data.count) { found[$0] }
        return try builder.value(root)
    }

    /// The storage of a file that holds nothing else, as tensors inside of plain pickles carry theirs.
    func storage() throws -> (bytes: Data, type: ElementType) {
        let (root, storages) = try content()
        guard let node = root.node, node.kind == .persistent, let parts = node.items.first?.elements, parts.count >= 3,
            let key = parts[2].text, let storage = storages[key]
        else {
            throw Failure(name, "has a tensor whose storage can't be understood", "the file is damaged or hostile")
        }
        return storage
    }

    private func content() throws -> (root: PickleValue, storages: [String: (bytes: Data, type: ElementType)]) {
        let advice = "save it with torch.save"
        guard data.count > 2, data[0] == 0x80 || data[0] == UInt8(ascii: "L") else {
            throw Failure(name, "is not a file of torch.save", advice)
        }
        let first = try TorchFile.pickle(data, name: name)
        guard LegacyTorchFile.isMagic(first.root) else {
            throw Failure(name, "is a pickle, but not one of torch.save", advice)
        }
        let version = try TorchFile.pickle(data, name: name, from: first.end)
        guard version.root.integer == 1001 else {
            throw Failure(name, "has an unknown version of torch.save's old form", advice)
        }
        let machine = try TorchFile.pickle(data, name: name, from: version.end)
        if case .bool(false)? = machine.root.node?.value(for: "little_endian") {
            throw Failure(name, "was saved on a big-endian machine", "save it on another machine")
        }
        let document = try TorchFile.pickle(data, name: name, from: machine.end)
        let keys = try TorchFile.pickle(data, name: name, from: document.end)
        let types = try LegacyTorchFile.storageTypes(document.root, name: name)
        return (document.root, try storages(keys, types: types))
    }

    private func storages(
        _ keys: PickleDocument, types: [String: ElementType]
    ) throws -> [String: (bytes: Data, type: ElementType)] {
        guard let names = keys.root.elements?.map(\.text) else {
            throw Failure(name, "has no list of storages", "the file is damaged")
        }
        var result: [String: (bytes: Data, type: ElementType)] = [:]
        var position = keys.end
        for key in names {
            guard let key, let type = types[key], position + 8 <= data.count else {
                throw Failure(name, "is cut short in its storages", "get the file again")
            }
            let count = data[position..<position + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            guard count <= UInt64((data.count - position - 8) / type.size) else {
                throw Failure(name, "is cut short in storage \(key)", "get the file again")
            }
            let end = position + 8 + Int(count) * type.size
            result[key] = (data[position + 8..<end], type)
            position = end
        }
        return result
    }

    /// The element type of every storage that the value refers to, by key.
    private static func storageTypes(_ root: PickleValue, name: String) throws -> [String: ElementType] {
        var result: [String: ElementType] = [:]
        var seen: Set<ObjectIdentifier> = []
        var waiting = [root]
        while let value = waiting.popLast() {
            guard let node = value.node, seen.insert(ObjectIdentifier(node)).inserted else { continue }
            if node.kind == .persistent, let parts = node.items.first?.elements, parts.count >= 3,
                case .global(let className) = parts[1], let key = parts[2].text
            {
                result[key] = TorchFile.storageTypes[className]
            }
            waiting += node.items
            waiting += node.appended
            if let state = node.state { waiting.append(state) }
            for pair in node.pairs { waiting += [pair.key, pair.value] }
        }
        return result
    }
}
