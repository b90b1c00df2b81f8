import Core
import Foundation
import Weights

/// The arrays of one generator, found in whatever another program saved.
struct GeneratorState {
    /// By whose names the arrays go.
    enum Layout: CaseIterable {
        /// stylegan2-pytorch, pSp, e4e, HFGI.
        case rosinality
        /// BasicSR's `StyleGAN2Generator`.
        case basicSR
        /// stylegan2-ada-pytorch, and stylegan3's `networks_stylegan2`.
        case nvidia
        /// stylegan2 and stylegan2-ada.
        case tensorFlow

        /// The array that every generator of the layout has; a prefix may stand before it.
        var anchor: String {
            switch self {
            case .rosinality: "input.input"
            case .basicSR: "constant_input.weight"
            case .nvidia: "synthesis.b4.const"
            case .tensorFlow: "4x4/Conv/mod_weight"
            }
        }

        /// How the names of its mapping network's arrays begin.
        var mapping: String {
            switch self {
            case .rosinality: "style."
            case .basicSR: "style_mlp."
            case .nvidia: "mapping."
            case .tensorFlow: ""
            }
        }
    }

    let layout: Layout
    /// Without prefixes.
    let network: NetworkPickle
    /// The mean of w that stands beside the network; [rows, size] or [size].
    let meanLatent: StoredTensor?
    /// How many layers the mapping network was asked to have, where the file says it.
    let mappingLayers: Int?

    /// Finds the generator of a file: the averaged one (`g_ema`, `G_ema`, `params_ema`, `Gs`) where there are several.
    ///
    /// - Throws: ``Failure`` that says what the file holds in its place.
    static func find(in value: TorchValue, name: String) throws -> GeneratorState {
        var search = Search(root: value)
        search.visit(value, path: [])
        guard let best = search.candidates.min(by: { ($0.rank, $0.order) < ($1.rank, $1.order) }) else {
            throw WeightsKind(value).failure(name)
        }
        return best.state
    }

    /// Walks containers and networks, and collects what looks like a generator.
    private struct Search {
        let root: TorchValue
        var candidates: [(rank: Int, order: Int, state: GeneratorState)] = []
        private var visited = 0

        init(root: TorchValue) { self.root = root }

        mutating func visit(_ value: TorchValue, path: [String]) {
            visited += 1
            guard path.count <= 6, visited <= 20_000 else { return }
            switch value {
            case .dictionary(let entries):
                var tensors: [String: StoredTensor] = [:]
                for entry in entries { if let tensor = entry.value.storedTensor { tensors[entry.key] = tensor } }
                consider(NetworkPickle(kind: .torch, tensors: tensors), path: path)
                for entry in entries { visit(entry.value, path: path + [entry.key]) }
            case .network(let network): consider(network, path: path)
            case .list(let items):
                for item in items.prefix(64) { visit(item, path: path + [""]) }
            default: break
            }
        }

        private mutating func consider(_ network: NetworkPickle, path: [String]) {
            for layout in GeneratorState.Layout.allCases where (layout == .tensorFlow) == (network.kind == .tensorFlow)
            {
                let prefixes = Set(
                    network.tensors.keys.compactMap { key -> String? in
                        guard key.hasSuffix(layout.anchor) else { return nil }
                        let prefix = String(key.dropLast(layout.anchor.count))
                        return prefix.isEmpty || prefix.hasSuffix(".") || layout == .tensorFlow ? prefix : nil
                    })
                for prefix in prefixes.sorted() {
                    let part = layout == .tensorFlow ? network : network.part(prefix)
                    let hasMapping =
                        layout == .tensorFlow || part.tensors.keys.contains { $0.hasPrefix(layout.mapping) }
                    var names = path + [prefix]
                    if let name = network.settings[NetworkPickle.nameSetting]?.text { names.append(name) }
                    let isAverage = names.contains { $0.lowercased().contains("ema") || $0 == "Gs" }
                    let state = GeneratorState(
                        layout: layout, network: part, meanLatent: mean(path: path, network, prefix),
                        mappingLayers: mappingLayers(path: path))
                    candidates.append(((isAverage ? 0 : 1) + (hasMapping ? 0 : 2), candidates.count, state))
                }
            }
        }

        /// `latent_avg` beside the network or above it, as pSp keeps it.
        private func mean(path: [String], _ network: NetworkPickle, _ prefix: String) -> StoredTensor? {
            let names = ["latent_avg", "mean_latent", "w_avg"]
            for place in places(path).reversed() {
                for name in names { if let found = place[name]?.storedTensor { return found } }
            }
            for name in names {
                if let found = network.tensors[prefix + name] ?? network.tensors[name] { return found }
            }
            return nil
        }

        private func mappingLayers(path: [String]) -> Int? {
            for place in places(path) {
                for options in ["args", "opts", "config"] {
                    if case .integer(let count)? = place[options]?["n_mlp"] { return count }
                }
            }
            return nil
        }

        /// The dictionaries on the way to a place, from the root.
        private func places(_ path: [String]) -> [TorchValue] {
            var result = [root]
            for key in path {
                guard let next = result.last?[key] else { break }
                result.append(next)
            }
            return result
        }
    }
}

extension NetworkPickle {
    /// What stands below a prefix, under the rest of its names.
    func part(_ prefix: String) -> NetworkPickle {
        if prefix.isEmpty { return self }
        func below<T>(_ values: [String: T]) -> [String: T] {
            var result: [String: T] = [:]
            for (key, value) in values where key.hasPrefix(prefix) {
                result[String(key.dropFirst(prefix.count))] = value
            }
            return result
        }
        var classes = below(classes)
        classes[""] = self.classes[String(prefix.dropLast())]
        return NetworkPickle(kind: kind, tensors: below(tensors), settings: below(settings), classes: classes)
    }
}
