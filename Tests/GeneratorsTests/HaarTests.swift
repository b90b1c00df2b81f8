import Foundation
import Generators
import Tensors
import Testing

struct HaarTests {
    /// [2, 12, 5, 5] and scales [2, 12, 1, 1]: three channels of four bands.
    private func example() throws -> (bands: Tensor, scales: Tensor) {
        let bands = (0..<2 * 12 * 25).map { sin(Float($0) * 0.7) }
        let scales = (0..<2 * 12).map { 1 + cos(Float($0)) / 2 }
        return (try Tensor(bands, shape: [2, 12, 5, 5]), try Tensor(scales, shape: [2, 12, 1, 1]))
    }

    @Test func theMatrixMergesAsThePassesDo() throws {
        let (bands, scales) = try example()
        let passes = try MobileStyleGANTensors.merge(bands.multiplied(by: scales))
        let product = try MobileStyleGANTensors.merge(
            bands, scales: scales, haar: MobileStyleGANTensors.haar(channels: 3, device: .cpu))
        #expect(product.shape == [2, 3, 10, 10] && passes.shape == product.shape)
        #expect(largestDifference(try passes.floats(), try product.floats()) <= 1e-5)
    }

    @Test func rowsOfTheMatrixAreOrthogonal() throws {
        let haar = try MobileStyleGANTensors.haar(channels: 3, device: .cpu)
        let products = try haar.matrixProduct(haar.permuted([1, 0])).floats()
        for row in 0..<12 {
            for column in 0..<12 { #expect(products[row * 12 + column] == (row == column ? 4 : 0)) }
        }
    }
}
