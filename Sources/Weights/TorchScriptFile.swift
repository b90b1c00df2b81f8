import Core
import Foundation

/// The weights in a TorchScript archive (`torch.jit.save`): its modules' tensors, without its program.
///
/// The archive's code is neither read nor run; who knows the network builds it anew and takes the tensors by name.
public enum TorchScriptFile {
    /// The tensors of all modules by their names, such as `net.layers.conv.weight`.
    ///
    /// - Parameter path: The archive.
    /// - Returns: Tensors that stay in the file until they are loaded.
    /// - Throws: ``Failure`` naming the file: no such archive, damaged, hostile, or without tensors.
    public static func open(_ path: String) throws -> [String: StoredTensor] {
        try open(MappedFile(path).data, name: path)
    }

    /// The tensors of an archive's bytes; `name` stands in error messages.
    ///
    /// - Throws: As ``open(_:)``.
    public static func open(_ data: Data, name: String) throws -> [String: StoredTensor] {
        let data = data.rebased()
        guard data.starts(with: Data("PK".utf8)) else {
            throw Failure(name, "is no TorchScript program", "save it with torch.jit.save")
        }
        let archive = try ZipArchive(data, name: name, kind: .weights)
        guard let entry = archive.entries.first(where: { $0.name.hasSuffix("/data.pkl") }),
            archive.entries.contains(where: { $0.name.hasSuffix("/constants.pkl") })
        else { throw Failure(name, "is no TorchScript program", "save it with torch.jit.save") }
        let folder = String(entry.name.dropLast("data.pkl".count))
        let document = try TorchFile.pickle(archive.read(entry), name: name)
        let entries = Dictionary(archive.entries.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        var builder = TorchBuilder(name: name, budget: data.count) { key in
            guard let entry = entries["\(folder)data/\(key)"] else { return nil }
            return TorchStorage(count: entry.size) { try archive.read(entry) }
        }
        var tensors: [String: StoredTensor] = [:]
        // Modules that wait, with what their tensors' names begin with.
        var waiting = [("", document.root, 0)]
        while let (prefix, value, depth) = waiting.popLast() {
            guard let state = value.node?.state?.node else { continue }
            for (key, item) in state.pairs {
                guard let key = key.text, let node = item.node, case .object(let global) = node.kind else { continue }
                if global.hasPrefix("__torch__.") {
                    guard depth < 32, waiting.count < 10_000 else {
                        throw Failure(name, "nests its modules too deeply", "the file is damaged or hostile")
                    }
                    waiting.append((prefix + key + ".", item, depth + 1))
                } else if let tensor = try builder.value(item).storedTensor {
                    tensors[prefix + key] = tensor
                }
            }
        }
        if tensors.isEmpty { throw Failure(name, "holds no tensors", "give a network's archive") }
        return tensors
    }
}
