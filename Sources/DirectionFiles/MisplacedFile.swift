import Core
import Foundation
import Weights

/// Says what a file is that was given where a direction of this program's form belongs.
enum MisplacedFile {
    /// What to say of a file; nil for a direction file, and for bytes that nothing is known of.
    static func failure(_ data: Data, name: String) -> Failure? {
        let kind = FileKind(data)
        switch kind {
        case .other: return nil
        case .safetensors:
            guard let file = try? SafetensorsFile.decode(data, name: name) else { return nil }
            switch file.metadata["format"] {
            case DirectionFile.formatName?: return nil
            case let format? where format.contains("generator"):
                return Failure(name, "is a generator, not a direction", "name a direction, such as smiling")
            case let format? where format.hasPrefix("directions"):
                return Failure(name, "is no direction file", "name a direction, such as smiling")
            default: return arrays(file.tensors.values.map { StoredTensor($0) }, kind, name)
            }
        case .numpyArray: return arrays(in: try? NumpyFile.open(data, name: name), kind, name)
        case .numpyArchive:
            let values = (try? NumpyFile.openArchive(data, name: name))?.map {
                TorchValue.Entry(key: $0.key, value: $0.value)
            }
            return arrays(in: values.map { .dictionary($0) }, kind, name)
        case .torchSave, .pickle: return arrays(in: try? TorchFile.open(data, name: name), kind, name)
        default:
            return Failure(
                name, "is \(kind.name ?? "of another kind"), not a direction",
                "name a direction, such as smiling, or a direction file")
        }
    }

    private static func arrays(in value: TorchValue?, _ kind: FileKind, _ name: String) -> Failure {
        arrays(value.map { tensors($0, depth: 0) } ?? [], kind, name)
    }

    /// Tells directions, which other tools keep with length 1, from latent codes, which are longer.
    private static func arrays(_ tensors: [StoredTensor], _ kind: FileKind, _ name: String) -> Failure {
        let advice = "import another tool's direction first, as a direction, with `directions import`"
        let lengths = tensors.filter { (2...16_384).contains($0.shape.last ?? 0) }.prefix(64).compactMap(length)
        guard let longest = lengths.max(), longest.isFinite, longest > 0 else {
            return Failure(name, "is no direction file, but \(kind.name ?? "of another kind")", advice)
        }
        if abs(longest - 1) < 0.01 {
            return Failure(name, "holds a direction of another tool, not a direction file", advice)
        }
        return Failure(
            name,
            "looks like latent codes, not a direction: its rows have the length \(String(format: "%.3g", longest))",
            "give codes as the source of faces; \(advice)")
    }

    /// The root mean square of an array's rows' lengths.
    private static func length(_ tensor: StoredTensor) -> Double? {
        guard let size = tensor.shape.last, let values = try? tensor.floats(), values.count >= size else { return nil }
        return DirectionFile.length(values, rows: values.count / size)
    }

    private static func tensors(_ value: TorchValue, depth: Int) -> [StoredTensor] {
        if let tensor = value.storedTensor { return [tensor] }
        guard depth < 8 else { return [] }
        switch value {
        case .dictionary(let entries): return entries.prefix(64).flatMap { tensors($0.value, depth: depth + 1) }
        case .list(let items): return items.prefix(64).flatMap { tensors($0, depth: depth + 1) }
        default: return []
        }
    }
}
