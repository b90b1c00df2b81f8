import Foundation

/// What `torch.save` or `pickle.dump` put into a file: tensors in plain containers.
public indirect enum TorchValue: Sendable, Equatable {
    case none
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case string(String)
    case tensor(TensorData)
    /// A tensor that still lies in its file.
    case stored(StoredTensor)
    case list([TorchValue])
    /// Text keys with their values, in order; keys of other types are left out.
    case dictionary([Entry])
    /// A network that was saved whole, as its tensors and settings.
    case network(NetworkPickle)
    /// Something that is neither number, text, tensor nor container, by its global's name.
    case other(String)

    /// One key of a dictionary.
    public struct Entry: Sendable, Equatable {
        public var key: String
        public var value: TorchValue

        public init(key: String, value: TorchValue) {
            self.key = key
            self.value = value
        }
    }

    /// The tensor, when it is one that is in memory.
    public var tensor: TensorData? {
        if case .tensor(let tensor) = self { return tensor }
        return nil
    }

    /// The tensor, when it is one, wherever it lies.
    public var storedTensor: StoredTensor? {
        switch self {
        case .tensor(let tensor): StoredTensor(tensor)
        case .stored(let tensor): tensor
        default: nil
        }
    }

    /// The value of a key, when it is a dictionary that has it.
    public subscript(key: String) -> TorchValue? {
        guard case .dictionary(let entries) = self else { return nil }
        return entries.last { $0.key == key }?.value
    }

    /// The same with every tensor of its containers in memory; whole networks keep theirs in the file.
    ///
    /// - Throws: As ``StoredTensor/load()``.
    public func loaded() throws -> TorchValue {
        switch self {
        case .stored(let tensor): .tensor(try tensor.load())
        case .list(let items): .list(try items.map { try $0.loaded() })
        case .dictionary(let entries):
            .dictionary(try entries.map { Entry(key: $0.key, value: try $0.value.loaded()) })
        default: self
        }
    }
}
