import Core
import Foundation
import Tensors

/// The shape of a network; in JSON its kind is told by its name.
public enum Architecture: Sendable, Codable, Equatable {
    case resNeXt(ResNeXtConfiguration)
    case efficientNetLite(EfficientNetLiteConfiguration)

    /// The architecture of a name.
    ///
    /// - Throws: ``Core/Failure`` (usage) with the names there are.
    public static func named(_ name: String) throws -> Architecture {
        if let found = ResNeXtConfiguration.presets[name] { return .resNeXt(found) }
        if let found = EfficientNetLiteConfiguration.presets[name] { return .efficientNetLite(found) }
        let names = (Array(ResNeXtConfiguration.presets.keys) + Array(EfficientNetLiteConfiguration.presets.keys))
            .sorted()
        throw Failure(name, "is not an architecture", "use one of \(names.joined(separator: ", "))", kind: .usage)
    }

    public init(from decoder: any Decoder) throws {
        let lite = try EfficientNetLiteConfiguration(from: decoder)
        self =
            EfficientNetLiteConfiguration.presets[lite.name] != nil
            ? .efficientNetLite(lite) : .resNeXt(try ResNeXtConfiguration(from: decoder))
    }

    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .resNeXt(let configuration): try configuration.encode(to: encoder)
        case .efficientNetLite(let configuration): try configuration.encode(to: encoder)
        }
    }

    /// The name that `--arch` takes.
    public var name: String {
        switch self {
        case .resNeXt(let configuration): configuration.name
        case .efficientNetLite(let configuration): configuration.name
        }
    }

    /// The side of the square input in pixels.
    public var inputSize: Int {
        get {
            switch self {
            case .resNeXt(let configuration): configuration.inputSize
            case .efficientNetLite(let configuration): configuration.inputSize
            }
        }
        set {
            switch self {
            case .resNeXt(var configuration):
                configuration.inputSize = newValue
                self = .resNeXt(configuration)
            case .efficientNetLite(var configuration):
                configuration.inputSize = newValue
                self = .efficientNetLite(configuration)
            }
        }
    }

    /// - Throws: ``Core/Failure`` when a number is out of range: a damaged or hostile file.
    func validate() throws {
        switch self {
        case .resNeXt(let configuration): try configuration.validate()
        case .efficientNetLite(let configuration): _ = try configuration.scaling()
        }
    }

    /// A network of this shape with fresh weights.
    ///
    /// - Throws: ``Core/Failure`` as ``validate()``, or when memory runs out.
    func network(
        outputs: Int, seed: UInt64, device: Device, precision: ScalarType = .float32
    ) throws -> any AttributeNetwork {
        try validate()
        return switch self {
        case .resNeXt(let configuration):
            try ResNeXt(configuration, outputs: outputs, seed: seed, device: device, precision: precision)
        case .efficientNetLite(let configuration):
            try EfficientNetLite(configuration, outputs: outputs, seed: seed, device: device, precision: precision)
        }
    }
}
