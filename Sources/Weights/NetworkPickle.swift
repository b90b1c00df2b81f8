import Core
import Foundation

/// The generator of one of NVIDIA's network pickles, as data: its arrays and settings by name.
///
/// Both kinds carry a program along: PyTorch's the source text of its modules, TensorFlow's that of its build functions. It
/// is neither run nor looked at.
///
/// For example:
///
/// ```swift
/// let network = try NetworkPickle.read("ffhq.pkl")
/// let constant = network.tensors["synthesis.b4.const"]
/// ```
public struct NetworkPickle: Sendable {
    /// Which program wrote the file.
    public enum Kind: Sendable {
        /// stylegan2-ada-pytorch and stylegan3: module paths, such as `synthesis.b8.conv0.weight`.
        case torch
        /// stylegan2 and stylegan2-ada: component and variable, such as `synthesis/8x8/Conv0_up/weight`.
        case tensorFlow
    }

    public let kind: Kind
    /// Parameters and buffers, or variables.
    public let tensors: [String: TensorData]
    /// Plain attributes by module path (`synthesis.b8.conv0.conv_clamp`), or the network's arguments.
    public let settings: [String: PickleValue]
    /// Names of the modules' classes by path, `""` for the network itself; empty for TensorFlow.
    public let classes: [String: String]

    /// What such pickles may ask for.
    static let globals: Set<String> = TorchFile.globals.union(PickledArrays.globals).union([
        TorchBuilder.enclosedStorage, "dnnlib.util.EasyDict", "dnnlib.EasyDict", networkClass,
        "torch_utils.persistence._reconstruct_persistent_obj", "torch_utils.persistence._reconstruct_pickle_obj",
    ])

    private static let networkClass = "dnnlib.tflib.network.Network"

    /// Whether bytes look like a plain pickle rather than a file of `torch.save`.
    public static func matches(_ data: Data) -> Bool {
        // torch.save's old form begins with a pickle of its magic number, 10 bytes long.
        guard data.count > 4, data[data.startIndex] == 0x80 else { return false }
        let start = data.startIndex
        return !(data[start + 2] == 0x8A && data[start + 3] == 0x0A)
    }

    /// Reads a file.
    ///
    /// - Throws: As ``decode(_:name:)``.
    public static func read(_ path: String) throws -> NetworkPickle { try decode(AtomicFile.read(path), name: path) }

    /// Decodes a file's bytes; `name` stands in error messages.
    ///
    /// - Throws: ``Failure`` naming the file: damaged, hostile, asking for things that are not data, or without a generator.
    public static func decode(_ data: Data, name: String) throws -> NetworkPickle {
        let data = data.startIndex == 0 ? data : Data(data)
        let document = try PickleReader.read(data, name: name, globals: globals)
        let generator = try find(document.root, name: name)
        var walk = Walk(name: name, size: data.count)
        if generator.global == networkClass {
            try walk.collectNetwork(generator, prefix: "", depth: 0)
            return NetworkPickle(kind: .tensorFlow, tensors: walk.tensors, settings: walk.settings, classes: [:])
        }
        try walk.collectModule(generator, path: "", depth: 0)
        return NetworkPickle(kind: .torch, tensors: walk.tensors, settings: walk.settings, classes: walk.classes)
    }

    /// `G_ema` of a dictionary, `Gs` of TensorFlow's (G, D, Gs), or the network itself.
    private static func find(_ root: PickleValue, name: String) throws -> PickleNode {
        if let node = root.node {
            for key in ["G_ema", "Gs", "G"] {
                if let found = node.value(for: key)?.node, found.global != nil { return found }
            }
            if let last = root.elements?.last?.node, last.global == networkClass { return last }
            if node.global == networkClass || Walk.isModule(node) { return node }
        }
        throw Failure(
            name, "is a pickle without a generator (G_ema, or TensorFlow's G, D, Gs)",
            "give a network pickle of stylegan2, stylegan2-ada, stylegan2-ada-pytorch or stylegan3")
    }
}

/// Collects a network's arrays and settings from its nodes.
private struct Walk {
    let name: String
    var tensors: [String: TensorData] = [:]
    var settings: [String: PickleValue] = [:]
    var classes: [String: String] = [:]
    private var arrays: PickledArrays
    private var builder: TorchBuilder
    private var modules = 0

    init(name: String, size: Int) {
        self.name = name
        arrays = PickledArrays(name: name, size: size)
        builder = TorchBuilder(name: name, budget: size) { _ in nil }
    }

    private func failure(_ problem: String) -> Failure {
        Failure(name, problem, "the file is damaged, hostile, or not of a kind this program reads")
    }

    static func isModule(_ node: PickleNode) -> Bool {
        node.global?.hasPrefix("torch_utils.persistence._reconstruct_") == true
    }

    private mutating func enter(_ depth: Int) throws {
        modules += 1
        guard depth <= 16, modules <= 4096 else { throw failure("nests its networks too deeply") }
    }

    /// Contents of a dictionary or of something filled like one.
    private func entries(_ value: PickleValue?) -> [(key: String, value: PickleValue)] {
        guard let node = value?.node else { return [] }
        var result = node.pairs.compactMap { pair in pair.key.text.map { (key: $0, value: pair.value) } }
        if node.global != nil {
            // Python 2 hands an ordered dictionary its pairs as an argument.
            for pair in node.items.first?.elements ?? [] {
                if let parts = pair.elements, parts.count == 2, let key = parts[0].text {
                    result.append((key, parts[1]))
                }
            }
        }
        return result
    }

    private static func isPlain(_ value: PickleValue) -> Bool {
        switch value {
        case .none, .bool, .integer, .float, .string: true
        case .node(let node): node.kind == .list || node.kind == .tuple
        default: false
        }
    }

    /// A module of PyTorch: `_reconstruct_persistent_obj(meta)` with its state in `meta`.
    mutating func collectModule(_ node: PickleNode, path: String, depth: Int) throws {
        try enter(depth)
        guard Walk.isModule(node), let meta = node.items.first?.node, let state = meta.value(for: "state")?.node else {
            throw failure("has a network that can't be understood at \(path.isEmpty ? "its top" : path)")
        }
        classes[path] = meta.value(for: "class_name")?.text ?? ""
        let prefix = path.isEmpty ? "" : path + "."
        for group in ["_parameters", "_buffers"] {
            for (key, value) in entries(state.value(for: group)) {
                guard case .node = value else { continue }
                guard let tensor = try builder.value(value).tensor else { continue }
                tensors[prefix + key] = tensor
            }
        }
        for (key, value) in entries(.node(state)) where !key.hasPrefix("_") && Walk.isPlain(value) {
            settings[prefix + key] = value
        }
        for (key, value) in entries(state.value(for: "_modules")) {
            if let module = value.node, Walk.isModule(module) {
                try collectModule(module, path: prefix + key, depth: depth + 1)
            }
        }
    }

    /// A network of TensorFlow: its own variables, then its components'.
    mutating func collectNetwork(_ node: PickleNode, prefix: String, depth: Int) throws {
        try enter(depth)
        guard let state = node.state?.node, let variables = state.value(for: "variables")?.elements else {
            throw failure("has a network without variables")
        }
        for variable in variables {
            guard let parts = variable.elements, parts.count == 2, let key = parts[0].text else {
                throw failure("has a variable without a name")
            }
            if let array = try arrays.array(parts[1]) { tensors[prefix + key] = array }
        }
        for (key, value) in entries(state.value(for: "static_kwargs")) where depth == 0 && Walk.isPlain(value) {
            settings[key] = value
        }
        for (key, value) in entries(state.value(for: "components")) {
            if let component = value.node {
                try collectNetwork(component, prefix: prefix + key + "/", depth: depth + 1)
            }
        }
    }
}
