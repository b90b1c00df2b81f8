import Core
import Foundation
import FoundationXML

/// A network in OpenVINO's intermediate representation, version 10: an `.xml` of layers and edges, and a `.bin` into which
/// the constants point (https://docs.openvino.ai, "IR").
///
/// Only what finding weights needs is kept: each layer's kind, name, attributes and inputs.
public struct OpenVINOGraph: Sendable {
    /// One operation.
    public struct Layer: Sendable {
        /// Its number in the file.
        public let id: Int
        /// Its kind, such as `Const`, `MatMul` or `Convolution`.
        public let type: String
        /// Its name.
        public let name: String
        /// The attributes of its `<data>`.
        public let data: [String: String]
        /// The layers that feed it, by input port in order.
        public var inputs: [Int] = []
    }

    /// All layers by number.
    public let layers: [Int: Layer]
    /// Which layers each layer feeds.
    public let consumers: [Int: [Int]]
    private let weights: Data
    private let name: String
    private let byName: [String: Int]

    /// The most layers a file may have.
    public static let maximumLayers = 100_000
    /// The longest XML, in bytes.
    public static let maximumSize = 64 << 20

    /// - Parameters:
    ///   - xml: The graph.
    ///   - weights: The `.bin`.
    ///   - name: Stands in error messages.
    /// - Throws: ``Failure`` naming the file: no XML, another version, edges to nowhere, too many layers.
    public init(xml: Data, weights: Data, name: String) throws {
        guard xml.count <= OpenVINOGraph.maximumSize else {
            throw Failure(name, "has \(xml.count) bytes of XML, more than any known network", "get the file again")
        }
        // An IR is UTF-8 and declares neither; both are ways to make a parser work or read without end.
        guard !xml.contains(0), xml.range(of: Data("<!DOCTYPE".utf8)) == nil,
            xml.range(of: Data("<!ENTITY".utf8)) == nil
        else {
            throw Failure(name, "declares a document type or entities, which no OpenVINO network does", "get it again")
        }
        let reader = GraphReader()
        let parser = XMLParser(data: xml)
        parser.shouldResolveExternalEntities = false
        parser.delegate = reader
        guard parser.parse(), reader.problem == nil, reader.isComplete else {
            let reason = reader.problem ?? parser.parserError?.localizedDescription ?? "it ends too soon"
            throw Failure(name, "is not an OpenVINO network: \(reason)", "get the file again")
        }
        guard reader.version == "10" else {
            throw Failure(name, "has IR version \(reader.version ?? "none")", "only version 10 is read")
        }
        var layers = reader.layers
        var consumers: [Int: [Int]] = [:]
        for edge in reader.edges.sorted(by: { ($0.to, $0.port) < ($1.to, $1.port) }) {
            guard layers[edge.from] != nil, layers[edge.to] != nil else {
                throw Failure(
                    name, "has an edge from \(edge.from) to \(edge.to), which are not both layers", "get it again")
            }
            layers[edge.to]?.inputs.append(edge.from)
            consumers[edge.from, default: []].append(edge.to)
        }
        self.layers = layers
        self.consumers = consumers
        self.weights = weights.startIndex == 0 ? weights : Data(weights)
        self.name = name
        byName = Dictionary(layers.values.map { ($0.name, $0.id) }, uniquingKeysWith: min)
    }

    /// The layer of a name.
    ///
    /// - Throws: ``Failure`` when there is none.
    public func layer(named wanted: String) throws -> Layer {
        guard let id = byName[wanted], let layer = layers[id] else { throw failure("has no layer \(wanted)") }
        return layer
    }

    /// The layer of a number.
    ///
    /// - Throws: ``Failure`` when there is none.
    public func layer(_ id: Int) throws -> Layer {
        guard let layer = layers[id] else { throw failure("has no layer number \(id)") }
        return layer
    }

    /// Input `port` of a layer.
    ///
    /// - Throws: ``Failure`` when it has fewer inputs.
    public func input(_ port: Int, of layer: Layer) throws -> Layer {
        guard layer.inputs.indices.contains(port) else { throw failure("has \(layer.name) without input \(port)") }
        return try self.layer(layer.inputs[port])
    }

    /// The only layer that a layer feeds, or the only one of a kind.
    ///
    /// - Throws: ``Failure`` when there is none or more than one.
    public func consumer(of layer: Layer, type: String? = nil) throws -> Layer {
        let found = try (consumers[layer.id] ?? []).map { try self.layer($0) }.filter { type == nil || $0.type == type }
        guard found.count == 1 else {
            throw failure(
                "has \(found.count) layers after \(layer.name)\(type.map { " of kind " + $0 } ?? ""), expected one")
        }
        return found[0]
    }

    /// The values of a `Const` layer.
    ///
    /// - Throws: ``Failure`` naming the layer: no constant, a range outside the weights, a shape that does not fit.
    public func constant(_ layer: Layer) throws -> TensorData {
        let types: [String: ElementType] = [
            "f32": .float32, "f16": .float16, "i64": .int64, "i32": .int32, "f64": .float64,
        ]
        guard layer.type == "Const", let type = types[layer.data["element_type"] ?? ""],
            let offset = Int(layer.data["offset"] ?? ""), let size = Int(layer.data["size"] ?? ""),
            let text = layer.data["shape"]
        else { throw failure("has \(layer.name), which is no constant of a known type") }
        let parts = text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        let shape = parts.compactMap { Int($0) }
        guard shape.count == parts.count, shape.count <= 16 else { throw failure("has \(layer.name) of shape \(text)") }
        guard offset >= 0, size >= 0, offset <= weights.count, size <= weights.count - offset else {
            throw failure("has \(layer.name) at \(offset) with \(size) bytes; the weights have \(weights.count)")
        }
        guard TensorData.byteCount(shape: shape, type: type) == size else {
            throw failure("has \(layer.name) of shape \(shape) in \(size) bytes")
        }
        return try TensorData(shape: shape, type: type, bytes: weights.subdata(in: offset..<offset + size))
    }

    /// A failure that names this file.
    public func failure(_ problem: String) -> Failure {
        Failure(name, problem, "the file is damaged, or not the network this program knows")
    }
}

/// Collects layers and edges while the XML is parsed.
private final class GraphReader: NSObject, XMLParserDelegate {
    var version: String?
    var layers: [Int: OpenVINOGraph.Layer] = [:]
    var edges: [(from: Int, to: Int, port: Int)] = []
    var problem: String?
    /// Whether the root element ended; Foundation's parser calls a text that stops too soon a success.
    var isComplete = false
    private var current: (id: Int, type: String, name: String)?
    private var data: [String: String] = [:]

    func parser(
        _ parser: XMLParser, didStartElement element: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        switch element {
        case "net": version = attributes["version"]
        case "layer":
            guard let id = Int(attributes["id"] ?? ""), let type = attributes["type"], let name = attributes["name"],
                layers[id] == nil, layers.count < OpenVINOGraph.maximumLayers
            else { return stop(parser, "a layer has no number, kind or name, or there are too many") }
            current = (id, type, name)
            data = [:]
        case "data": data = attributes
        case "edge":
            guard let from = Int(attributes["from-layer"] ?? ""), let to = Int(attributes["to-layer"] ?? ""),
                let port = Int(attributes["to-port"] ?? ""), edges.count < 8 * OpenVINOGraph.maximumLayers
            else { return stop(parser, "an edge has no ends, or there are too many") }
            edges.append((from, to, port))
        default: break
        }
    }

    func parser(_ parser: XMLParser, didEndElement element: String, namespaceURI: String?, qualifiedName: String?) {
        if element == "net" { isComplete = true }
        guard element == "layer", let layer = current else { return }
        layers[layer.id] = OpenVINOGraph.Layer(id: layer.id, type: layer.type, name: layer.name, data: data)
        current = nil
    }

    private func stop(_ parser: XMLParser, _ reason: String) {
        problem = reason
        parser.abortParsing()
    }
}
