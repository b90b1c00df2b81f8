import Core
import Foundation
import Generators
import Networks
import Weights

/// A checkpoint of pSp's family: an encoder beside its generator, as `encoder.`, `decoder.`, `latent_avg` and `opts`.
///
/// For example:
///
/// ```swift
/// if case .encoder(let checkpoint) = try PublishedCheckpoint.read("e4e_ffhq_encode.pt") {
///     try checkpoint.write(to: "models/e4e.encoder.safetensors", name: "e4e", generator: identity)
/// }
/// ```
public struct PublishedCheckpoint: Sendable {
    /// What a file holds beside a generator.
    public enum Content: Sendable {
        /// Nothing that looks like an encoder.
        case none
        /// An encoder that this program can't use, and why, as the rest of a sentence that begins with it.
        case unusable(String)
        /// An encoder.
        case encoder(PublishedCheckpoint)
    }

    private let path: String
    private let file: MappedFile
    private let tensors: [String: StoredTensor]
    private let mean: StoredTensor?
    /// What was found; generator and name are not known yet.
    private let card: PublishedEncoder.Card

    /// Looks for an encoder; of its arrays only names and shapes are read.
    ///
    /// - Parameter path: A file of `torch.save`; others have no encoder.
    /// - Returns: What it holds beside its generator.
    /// - Throws: ``Core/Failure`` naming the file: an encoder with arrays missing or of other shapes.
    public static func read(_ path: String) throws -> Content {
        let file = try MappedFile(path)
        // What is wrong with a file that can't be read, its generator's reader says better.
        guard let root = try? TorchFile.open(file.data, name: path),
            case .dictionary(let entries) = root["state_dict"] ?? root
        else { return .none }
        var tensors: [String: StoredTensor] = [:]
        for entry in entries where entry.key.hasPrefix("encoder.") {
            tensors[String(entry.key.dropFirst("encoder.".count))] = entry.value.storedTensor
        }
        guard !tensors.isEmpty else { return .none }
        let options = root["opts"]
        guard case .string(let type)? = options?["encoder_type"] else {
            return .unusable("does not say of which kind it is (`opts.encoder_type`)")
        }
        guard let layout = PublishedLayout(rawValue: type) else { return .unusable("is of the unknown kind \(type)") }
        guard let stem = tensors["input_layer.0.weight"]?.shape, stem.count == 4 else {
            return .unusable("has another backbone than IR-SE50")
        }
        guard [1, 3].contains(stem[1]) else {
            return .unusable("reads pictures of \(stem[1]) channels, such as maps of labels, and no photographs")
        }
        let latent = root["latent_avg"] ?? root["state_dict"]?["latent_avg"]
        let isShifted = options?["start_from_latent_avg"] != .bool(false)
        let card = try PublishedCheckpoint.card(layout, tensors, inputs: stem[1], path: path)
        let found = PublishedCheckpoint(
            path: path, file: file, tensors: tensors, mean: isShifted ? latent?.storedTensor : nil, card: card)
        try found.check()
        return .encoder(found)
    }

    /// The shape of an encoder, as its arrays tell it.
    private static func card(
        _ layout: PublishedLayout, _ tensors: [String: StoredTensor], inputs: Int, path: String
    ) throws -> PublishedEncoder.Card {
        let damaged = Failure(path, "has an encoder that is not whole", "get the file again")
        let names = Set(tensors.keys.filter { $0.hasPrefix("body.") }.compactMap { Int($0.split(separator: ".")[1]) })
        let count = names.count
        guard count >= 4, names == Set(0..<count), let stem = tensors["input_layer.0.weight"]?.shape.first else {
            throw damaged
        }
        // A stage begins where channels change; the first one keeps the stem's.
        let starts = (0..<count).filter { $0 == 0 || tensors["body.\($0).shortcut_layer.0.weight"] != nil }
        guard starts.count == 4 else { throw damaged }
        let widths = try starts.map { start in
            guard let width = tensors["body.\(start).res_layer.3.weight"]?.shape.first else { throw damaged }
            return width
        }
        let depths = starts.indices.map { ($0 + 1 < starts.count ? starts[$0 + 1] : count) - starts[$0] }
        var side = 256
        if layout.isPyramid {
            let halvings = (0..<10).prefix { tensors["styles.0.convs.\(2 * $0).weight"] != nil }.count
            side = 16 << halvings
        }
        let linear = tensors["linear.bias"]?.count ?? 0
        let rows =
            switch layout {
            case .gradualStyle, .encoder4Editing: (0..<65).prefix { tensors["styles.\($0).linear.weight"] != nil }.count
            case .intoWPlus: linear / max(1, tensors["output_layer_2.3.bias"]?.count ?? 0)
            // As many as the generator has.
            case .intoW: 1
            }
        let size =
            switch layout {
            case .gradualStyle, .encoder4Editing: widths[3]
            case .intoW: linear
            case .intoWPlus: tensors["output_layer_2.3.bias"]?.count ?? 0
            }
        let backbone = ImprovedResNetConfiguration(
            name: ImprovedResNetConfiguration.irse50.name, depths: depths, widths: widths, stemChannels: stem,
            inputSize: side)
        let card = PublishedEncoder.Card(
            name: "", layout: layout, backbone: Architecture(backbone), widths: widths, rows: rows, latentSize: size,
            inputs: inputs, generator: "", generatorName: "",
            sourceName: (path as NSString).lastPathComponent, sourceSHA256: "",
            licence: "not known: ask where \((path as NSString).lastPathComponent) came from")
        try card.validate(path)
        return card
    }

    /// How its kind calls itself, for people.
    public var kind: String { card.layout.rawValue }

    private func check() throws {
        for (name, shape) in try card.shapes() where tensors[name]?.shape != shape {
            throw Failure(
                path, "has an encoder without \(name) of shape \(shape)", "the file is incomplete: get it again")
        }
    }

    /// Checks that codes of the encoder fit a generator.
    ///
    /// - Parameter identity: The generator of the same file.
    /// - Throws: ``Core/Failure`` naming the file (conflict).
    public func check(_ identity: GeneratorIdentity) throws {
        let fits =
            card.latentSize == identity.latentSize
            && (card.layout == .intoW || card.rows == identity.styleGAN2Layers)
        guard fits else {
            throw Failure(
                path,
                "has an encoder of codes [\(card.rows), \(card.latentSize)], but a generator of "
                    + "[\(identity.styleGAN2Layers), \(identity.latentSize)]",
                "give a whole checkpoint of one training",
                kind: .conflict)
        }
    }

    /// Writes the encoder in this program's form, array by array.
    ///
    /// - Parameters:
    ///   - target: The file.
    ///   - name: What it is called in the workspace.
    ///   - generator: The imported generator of the same checkpoint.
    /// - Throws: ``Core/Failure`` naming what can't be read or written, or an encoder that does not fit the generator (conflict).
    public func write(to target: String, name: String, generator: GeneratorIdentity) throws {
        try check(generator)
        var card = card
        card.name = name
        card.rows = generator.styleGAN2Layers
        (card.generator, card.generatorName) = (generator.sha256, generator.name)
        card.sourceSHA256 = generator.sourceSHA256
        var arrays = Dictionary(
            uniqueKeysWithValues: try card.shapes().keys.compactMap { key in tensors[key].map { (key, $0) } })
        let size = card.rows * card.latentSize
        var shift = try mean?.floats() ?? []
        // One row for all, or a row each.
        if shift.count == card.latentSize { shift = (0..<card.rows).flatMap { _ in shift } }
        if mean == nil { shift = [Float](repeating: 0, count: size) }
        guard shift.count == size else {
            throw Failure(path, "has a mean latent of \(shift.count) numbers, not \(size)", "get the file again")
        }
        arrays["mean"] = StoredTensor(TensorData(shift, shape: [card.rows, card.latentSize]))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let metadata = [
            "format": PublishedEncoder.Card.format, "version": "1",
            "card": String(decoding: try encoder.encode(card), as: UTF8.self),
        ]
        try SafetensorsFile.write(stored: arrays, metadata: metadata, to: target) { file.dropResident() }
    }
}
