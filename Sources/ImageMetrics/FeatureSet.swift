import CLinearAlgebra
import Core
import Foundation
import Images
import Networks
import Tensors

/// Features of some pictures, a row each, from which distances between sets of pictures are taken.
public struct FeatureSet: Sendable, Equatable {
    /// Rows.
    public let count: Int
    /// Values of a row.
    public let size: Int
    /// [count, size].
    public let values: [Float]

    public init(_ values: [Float], size: Int) {
        precondition(size > 0 && values.count % size == 0, "values must be [count, size]")
        self.values = values
        self.size = size
        count = values.count / size
    }

    /// Inception's features of some pictures, sixteen at a time.
    ///
    /// - Parameters:
    ///   - pictures: RGB in [-1, 1].
    ///   - network: The network of 2015.
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    public init(of pictures: ImageBatch, _ network: InceptionNetwork) throws {
        var values: [Float] = []
        values.reserveCapacity(pictures.count * InceptionNetwork.features)
        for first in stride(from: 0, to: pictures.count, by: 16) {
            let part = pictures[first..<min(pictures.count, first + 16)]
            let tensor = try Tensor(
                part.planes, shape: [part.count, 3, part.side, part.side], device: network.device)
            values += try Torch.withoutGradients { try network.features(tensor).floats() }
        }
        self.init(values, size: InceptionNetwork.features)
    }

    /// Several sets as one.
    public static func joined(_ sets: [FeatureSet]) -> FeatureSet {
        FeatureSet(sets.flatMap(\.values), size: sets.first?.size ?? 1)
    }

    /// The products of all rows with all rows of another set: [count, other's count].
    func products(_ other: FeatureSet) -> [Double] {
        precondition(other.size == size, "sizes differ")
        var result = [Double](repeating: 0, count: count * other.count)
        let (a, b) = (values.map(Double.init), other.values.map(Double.init))
        cblas_dgemm(
            CblasRowMajor, CblasNoTrans, CblasTrans, Int32(count), Int32(other.count), Int32(size), 1, a, Int32(size),
            b, Int32(size), 0, &result, Int32(other.count))
        return result
    }
}
