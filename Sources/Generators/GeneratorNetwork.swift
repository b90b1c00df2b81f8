import Core
import Foundation
import Latents
import Tensors
import Weights

/// The synthesis network of a generator: the weights of one architecture, and what computes them.
///
/// An architecture is a type that conforms to this, registered by ``Generator/register(_:)``; what this module brings
/// along stands in ``GeneratorRegistry``. Everything else goes by the protocol: a model folder is read by the
/// architecture that its `model.json` names.
public protocol GeneratorNetwork: Sendable {
    /// What `model.json` calls the architecture, such as `stylegan2`.
    static var architecture: String { get }
    /// Whether tensors without a `model.json` are those of this architecture.
    static func owns(_ file: SafetensorsFile) -> Bool
    /// Files of other programs that become generators of this architecture; the first that takes a file reads it.
    static var importers: [GeneratorImporter] { get }
    /// Files of other programs that generators of this architecture are written as.
    static var exporters: [GeneratorExporter] { get }

    /// The network of a model folder's tensors, those whose names begin with `synthesis.`.
    ///
    /// - Parameters:
    ///   - file: `weights.safetensors`.
    ///   - name: Its path, for messages.
    /// - Throws: ``Failure`` naming a tensor that is missing, or whose shape does not fit.
    init(_ file: SafetensorsFile, name: String) throws
    /// The tensors that ``init(_:name:)`` reads, under their names.
    var tensors: [String: TensorData] { get }
    /// Components of a row of W.
    var latentSize: Int { get }
    /// Pixels along a side of an image.
    var resolution: Int { get }
    /// Rows of its codes.
    var layout: CodeLayout { get }

    /// Whether the network was trained on codes of differing rows, as StyleGAN2 is by mixing styles; one that was not makes no
    /// faces of rows that lie far from each other.
    static var isTrainedOnMixedRows: Bool { get }

    /// The implementation on the CPU that is the fastest; nil where there is none for this network.
    ///
    /// - Parameters:
    ///   - identity: Which generator it is.
    ///   - threads: How many threads compute; 0 for one a processor.
    /// - Returns: The synthesizer; nil where there is none.
    /// - Throws: ``Failure`` when memory or threads run out, or the processor lacks the path asked for.
    func engine(identity: GeneratorIdentity, threads: Int) throws -> (any Synthesizer)?
    /// The implementation on libtorch, differentiable, on any device; nil where there is none.
    ///
    /// - Parameters:
    ///   - identity: Which generator it is.
    ///   - device: Where to compute.
    ///   - isHalf: Half precision in the largest levels.
    /// - Returns: The synthesizer; nil where there is none.
    /// - Throws: ``Failure`` when libtorch can't hold the weights, or the network does not stand half precision.
    func differentiable(
        identity: GeneratorIdentity, device: Device, isHalf: Bool
    ) throws -> (any DifferentiableSynthesizer)?
}

extension GeneratorNetwork {
    public static func owns(_ file: SafetensorsFile) -> Bool { false }
    public static var isTrainedOnMixedRows: Bool { true }
    public static var importers: [GeneratorImporter] { [] }
    public static var exporters: [GeneratorExporter] { [] }
    public func engine(identity: GeneratorIdentity, threads: Int) throws -> (any Synthesizer)? { nil }
    public func differentiable(
        identity: GeneratorIdentity, device: Device, isHalf: Bool
    ) throws -> (any DifferentiableSynthesizer)? { nil }
}

/// Another program's files as generators.
public struct GeneratorImporter: Sendable {
    /// What kind of files, for people.
    public let name: String
    /// Whether a file is of the kind, by its first bytes or its name.
    public let takes: @Sendable (_ path: String) throws -> Bool
    /// Writes the model folder of a file, whole or not at all; `label` is the class of a conditional network.
    public let run: @Sendable (_ path: String, _ folder: String, _ label: Int?) throws -> GeneratorIdentity

    /// All parts as they are.
    public init(
        name: String, takes: @escaping @Sendable (_ path: String) throws -> Bool,
        run: @escaping @Sendable (_ path: String, _ folder: String, _ label: Int?) throws -> GeneratorIdentity
    ) {
        self.name = name
        self.takes = takes
        self.run = run
    }
}

/// Generators as another program's files.
public struct GeneratorExporter: Sendable {
    /// What people ask for, such as `rosinality`.
    public let name: String
    /// Writes a model folder's generator to a path; says what the file can't express of it, nil when nothing is lost.
    public let run: @Sendable (_ folder: String, _ path: String) throws -> String?

    /// All parts as they are.
    public init(name: String, run: @escaping @Sendable (_ folder: String, _ path: String) throws -> String?) {
        self.name = name
        self.run = run
    }
}
