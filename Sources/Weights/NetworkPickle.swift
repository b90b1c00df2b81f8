import Core
import Foundation

/// A network that was saved whole, as data: its arrays and settings by name.
///
/// That are NVIDIA's network pickles, which carry a program along (PyTorch's the source text of its modules, TensorFlow's that
/// of its build functions), and what `torch.save(network)` makes of any PyTorch module. No program is run or looked at.
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
        /// PyTorch: module paths, such as `synthesis.b8.conv0.weight`.
        case torch
        /// stylegan2 and stylegan2-ada: component and variable, such as `synthesis/8x8/Conv0_up/weight`.
        case tensorFlow
    }

    public let kind: Kind
    /// Parameters and buffers, or variables.
    public let tensors: [String: StoredTensor]
    /// Plain attributes by module path (`synthesis.b8.conv0.conv_clamp`), or the network's arguments.
    public let settings: [String: PickleValue]
    /// Names of the modules' classes by path, `""` for the network itself; empty for TensorFlow.
    public let classes: [String: String]

    /// What such pickles may ask for.
    static let globals: Set<String> = TorchFile.globals.union(PickledArrays.globals).union([
        TorchBuilder.enclosedStorage, "dnnlib.util.EasyDict", "dnnlib.EasyDict", networkClass,
        "torch_utils.persistence._reconstruct_persistent_obj", "torch_utils.persistence._reconstruct_pickle_obj",
        "collections.defaultdict",
    ])

    /// The setting that has a TensorFlow network's name, such as `Gs`.
    public static let nameSetting = "(name)"

    private static let networkClass = "dnnlib.tflib.network.Network"

    /// Reads a file.
    ///
    /// - Throws: As ``decode(_:name:)``.
    public static func read(_ path: String) throws -> NetworkPickle { try decode(MappedFile(path).data, name: path) }

    /// Decodes the generator of a network pickle's bytes; `name` stands in error messages.
    ///
    /// - Throws: ``Failure`` naming the file: damaged, hostile, asking for things that act, or without a generator.
    public static func decode(_ data: Data, name: String) throws -> NetworkPickle {
        let data = data.rebased()
        let document = try TorchFile.pickle(data, name: name)
        let generator = try find(document.root, name: name)
        var builder = TorchBuilder(name: name, budget: data.count) { _ in nil }
        return try NetworkPickle(generator, builder: &builder)
    }

    /// Whether a node is one network of any kind.
    static func isNetwork(_ node: PickleNode) -> Bool {
        node.global == networkClass || Walk.isModule(node)
    }

    /// - Throws: ``Failure`` naming the file: damaged, or nested too deeply.
    init(_ node: PickleNode, builder: inout TorchBuilder) throws {
        var walk = Walk(builder: builder)
        defer { builder = walk.builder }
        if node.global == NetworkPickle.networkClass {
            try walk.collectNetwork(node, prefix: "", depth: 0)
            kind = .tensorFlow
        } else {
            try walk.collectModule(node, path: "", depth: 0)
            kind = .torch
        }
        (tensors, settings, classes) = (walk.tensors, walk.settings, walk.classes)
    }

    /// A part of a network, or several together, under names of their own.
    public init(
        kind: Kind, tensors: [String: StoredTensor], settings: [String: PickleValue] = [:],
        classes: [String: String] = [:]
    ) {
        self.kind = kind
        self.tensors = tensors
        self.settings = settings
        self.classes = classes
    }

    /// `G_ema` of a dictionary, `Gs` of TensorFlow's (G, D, Gs), or the network itself.
    private static func find(_ root: PickleValue, name: String) throws -> PickleNode {
        if let node = root.node {
            for key in ["G_ema", "Gs", "G"] {
                if let found = node.value(for: key)?.node, found.global != nil { return found }
            }
            if let last = root.elements?.last?.node, last.global == networkClass { return last }
            if isNetwork(node) { return node }
        }
        throw Failure(
            name, "is a pickle without a generator (G_ema, or TensorFlow's G, D, Gs)",
            "give a network pickle of stylegan2, stylegan2-ada, stylegan2-ada-pytorch or stylegan3")
    }
}

extension NetworkPickle: Equatable {
    /// Whether kinds, classes and arrays are equal; settings are not compared.
    public static func == (a: NetworkPickle, b: NetworkPickle) -> Bool {
        a.kind == b.kind && a.classes == b.classes && a.tensors == b.tensors
    }
}

/// Collects a network's arrays and settings from its nodes.
private struct Walk {
    var tensors: [String: StoredTensor] = [:]
    var settings: [String: PickleValue] = [:]
    var classes: [String: String] = [:]
    var builder: TorchBuilder
    private var modules = 0

    init(builder: TorchBuilder) { self.builder = builder }

    private func failure(_ problem: String) -> Failure {
        Failure(builder.name, problem, "the file is damaged, hostile, or not of a kind this program reads")
    }

    private static func isPersistent(_ node: PickleNode) -> Bool {
        node.global?.hasPrefix("torch_utils.persistence._reconstruct_") == true
    }

    /// A module of NVIDIA's persistence, or any object whose state is that of a PyTorch module.
    static func isModule(_ node: PickleNode) -> Bool {
        if isPersistent(node) { return true }
        guard node.global != nil, let state = node.state?.node else { return false }
        return state.value(for: "_parameters") != nil && state.value(for: "_modules") != nil
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
        case .node(let node): node.kind == .list || node.kind == .tuple || node.kind == .dictionary
        default: false
        }
    }

    /// The class of a plain module: its own, or the first argument of `copyreg._reconstructor`.
    private func className(_ node: PickleNode) -> String {
        var name = node.global ?? ""
        if name.hasSuffix("._reconstructor"), case .global(let first)? = node.items.first { name = first }
        return name.split(separator: ".").last.map(String.init) ?? ""
    }

    /// A module of PyTorch: an object with its state, or `_reconstruct_persistent_obj(meta)` with the state in `meta`.
    @inline(never)
    mutating func collectModule(_ node: PickleNode, path: String, depth: Int) throws {
        try enter(depth)
        let meta = Walk.isPersistent(node) ? node.items.first?.node : nil
        guard let state = meta == nil ? node.state?.node : meta?.value(for: "state")?.node else {
            throw failure("has a network that can't be understood at \(path.isEmpty ? "its top" : path)")
        }
        classes[path] = meta?.value(for: "class_name")?.text ?? className(node)
        let prefix = path.isEmpty ? "" : path + "."
        for group in ["_parameters", "_buffers"] {
            for (key, value) in entries(state.value(for: group)) {
                guard case .node = value else { continue }
                guard let tensor = try builder.value(value).storedTensor else { continue }
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
    @inline(never)
    mutating func collectNetwork(_ node: PickleNode, prefix: String, depth: Int) throws {
        try enter(depth)
        guard let state = node.state?.node, let variables = state.value(for: "variables")?.elements else {
            throw failure("has a network without variables")
        }
        for variable in variables {
            guard let parts = variable.elements, parts.count == 2, let key = parts[0].text else {
                throw failure("has a variable without a name")
            }
            switch try builder.arrays.array(parts[1]) {
            case .array(let array): tensors[prefix + key] = StoredTensor(array)
            case .objects: throw failure("has an array \(key.prefix(80)) of type O, or another that is no number's")
            case nil: break
            }
        }
        if depth == 0, let name = state.value(for: "name") { settings[NetworkPickle.nameSetting] = name }
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
