import Core
import Foundation
import Tensors

/// The shape of a network of one family, such as ResNeXt: what a file has to say to make it again.
public protocol NetworkConfiguration: Sendable, Codable, Equatable {
    /// The family's members that have a name.
    static var presets: [String: Self] { get }
    /// Its name, mostly a key of ``presets``.
    var name: String { get }
    /// The side of the square input in pixels.
    var inputSize: Int { get set }
    /// Checks every number of it.
    ///
    /// - Throws: ``Core/Failure`` when one is out of range: a damaged or hostile file.
    func validate() throws
    /// A network of this shape with fresh weights.
    ///
    /// - Parameters:
    ///   - inputs: Channels of the pictures: 3, or 6 for two pictures one behind the other.
    ///   - outputs: Logits; 0 for a backbone without a head.
    ///   - seed: Names the weights; nil leaves them at zero, to be loaded.
    ///   - device: Where to compute.
    ///   - precision: The type that convolutions work in; weights stay float32.
    /// - Returns: The network.
    /// - Throws: ``Core/Failure`` as ``validate()``, or when memory runs out.
    func network(
        inputs: Int, outputs: Int, seed: UInt64?, device: Device, precision: ScalarType
    ) throws -> any Backbone
}

/// The shape of a network; in JSON its family is told by its name.
public struct Architecture: Sendable, Codable, Equatable {
    /// The families, a line each; the first is that of shapes without a preset's name.
    private static let families: [any NetworkConfiguration.Type] = [
        ResNeXtConfiguration.self,
        EfficientNetLiteConfiguration.self,
        ImprovedResNetConfiguration.self,
        PlainConfiguration.self,
    ]

    /// The family's own numbers.
    public private(set) var configuration: any NetworkConfiguration

    public init(_ configuration: some NetworkConfiguration) { self.configuration = configuration }

    /// A ResNeXt.
    public static func resNeXt(_ configuration: ResNeXtConfiguration) -> Architecture { Architecture(configuration) }

    /// The names of all presets, sorted.
    public static var names: [String] { families.flatMap { $0.names }.sorted() }

    /// The architecture of a name.
    ///
    /// - Throws: ``Core/Failure`` (usage) with the names there are.
    public static func named(_ name: String) throws -> Architecture {
        for family in families { if let found = family.preset(name) { return Architecture(found) } }
        throw Failure(name, "is not an architecture", "use one of \(names.joined(separator: ", "))", kind: .usage)
    }

    public init(from decoder: any Decoder) throws {
        struct Named: Decodable { let name: String }
        let name = try Named(from: decoder).name
        let family = Architecture.families.first { $0.preset(name) != nil } ?? Architecture.families[0]
        configuration = try family.init(from: decoder)
    }

    public func encode(to encoder: any Encoder) throws { try configuration.encode(to: encoder) }

    public static func == (a: Architecture, b: Architecture) -> Bool { a.configuration.equals(b.configuration) }

    /// The name that it is asked for by.
    public var name: String { configuration.name }

    /// The side of the square input in pixels.
    public var inputSize: Int {
        get { configuration.inputSize }
        set { configuration.inputSize = newValue }
    }

    /// Checks every number of it.
    ///
    /// - Throws: ``Core/Failure`` when one is out of range: a damaged or hostile file.
    public func validate() throws { try configuration.validate() }

    /// A network of this shape with fresh weights.
    ///
    /// - Parameters:
    ///   - inputs: Channels of the pictures: 3, or 6 for two pictures one behind the other.
    ///   - outputs: Logits; 0 for a backbone without a head.
    ///   - seed: Names the weights; nil leaves them at zero, to be loaded.
    ///   - device: Where to compute.
    ///   - precision: The type that convolutions work in; weights stay float32.
    /// - Returns: The network.
    /// - Throws: ``Core/Failure`` as ``validate()``, or when memory runs out.
    public func network(
        inputs: Int = 3, outputs: Int, seed: UInt64? = 0, device: Device = .cpu, precision: ScalarType = .float32
    ) throws -> any Backbone {
        try validate()
        return try configuration.network(
            inputs: inputs, outputs: outputs, seed: seed, device: device, precision: precision)
    }

    /// A backbone with published weights; the head is left out.
    ///
    /// - Parameters:
    ///   - path: As for ``PublishedWeights/read(_:)``.
    ///   - device: Where to compute.
    /// - Returns: The network without a head.
    /// - Throws: ``Core/Failure`` naming the file and the first tensor that is missing or of another shape.
    public func backbone(from path: String, device: Device = .cpu) throws -> any Backbone {
        let network = try network(outputs: 0, seed: nil, device: device)
        try network.load(PublishedWeights.read(path), from: path)
        return network
    }
}

extension NetworkConfiguration {
    fileprivate static var names: [String] { Array(presets.keys) }

    fileprivate static func preset(_ name: String) -> (any NetworkConfiguration)? { presets[name] }

    fileprivate func equals(_ other: any NetworkConfiguration) -> Bool { other as? Self == self }
}

/// Networks whose maps can be asked for, by name: each from its own kind of file.
public enum FeatureExtractors {
    private typealias Load = @Sendable (_ name: String, _ path: String, Device) throws -> any FeatureExtractor

    /// Names and how they are loaded, a line a kind.
    private static let kinds: [(names: [String], load: Load)] = [
        (Architecture.names, { try Architecture.named($0).backbone(from: $1, device: $2).folded() }),
        ([DlibResNet.name], { try DlibResNet(.read($1), device: $2) }),
    ]

    /// All names, sorted.
    public static var names: [String] { kinds.flatMap(\.names).sorted() }

    /// The network of a name with the weights of a file.
    ///
    /// - Throws: ``Core/Failure`` (usage) with the names there are; naming the file and the first tensor that does not fit.
    public static func load(_ name: String, from path: String, device: Device = .cpu) throws -> any FeatureExtractor {
        guard let kind = kinds.first(where: { $0.names.contains(name) }) else {
            throw Failure(name, "is not a network", "use one of \(names.joined(separator: ", "))", kind: .usage)
        }
        return try kind.load(name, path, device)
    }
}
