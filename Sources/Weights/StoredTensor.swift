import Core
import Foundation

/// An array that lies in a file and is taken out when it is asked for.
public struct StoredTensor: Sendable {
    /// Dimensions, outermost first; empty for a scalar.
    public let shape: [Int]
    /// What an element is.
    public let type: ElementType
    private let source: @Sendable () throws -> TensorData

    init(shape: [Int], type: ElementType, source: @escaping @Sendable () throws -> TensorData) {
        self.shape = shape
        self.type = type
        self.source = source
    }

    /// An array that is in memory.
    public init(_ tensor: TensorData) {
        self.init(shape: tensor.shape, type: tensor.type) { tensor }
    }

    /// Number of elements.
    public var count: Int { shape.reduce(1, *) }

    /// The array, its checksum compared where the file has one.
    ///
    /// - Throws: ``Core/Failure`` naming the file: damaged, or arrays that add up to more than the file can hold.
    public func load() throws -> TensorData { try source() }

    /// The elements as float32.
    ///
    /// - Throws: As ``load()`` and ``TensorData/floats()``.
    public func floats() throws -> [Float] { try load().floats() }
}

extension StoredTensor: Equatable {
    /// Whether shapes, types and elements are equal; arrays that can't be read are equal to nothing.
    public static func == (a: StoredTensor, b: StoredTensor) -> Bool {
        guard a.shape == b.shape, a.type == b.type, let left = try? a.load(), let right = try? b.load() else {
            return false
        }
        return left == right
    }
}
