import Core
import Tensors
import Weights

/// A network of a TensorFlow Lite file on libtorch.
package struct TFLiteNetwork: Sendable {
    private let file: TFLiteFile
    private let constants: [Int: Tensor]
    /// [height, width] of the picture that it reads.
    package let size: (height: Int, width: Int)

    /// - Parameters:
    ///   - file: A network that reads one RGB picture.
    ///   - name: What it is called in messages.
    /// - Throws: ``Core/Failure`` for a network that reads anything else.
    package init(_ file: TFLiteFile, name: String) throws {
        guard file.inputShape.count == 4, file.inputShape[0] == 1, file.inputShape[3] == 3 else {
            throw Failure(
                name, "reads arrays of shape \(file.inputShape), not one RGB picture", "get the published file")
        }
        size = (file.inputShape[1], file.inputShape[2])
        self.file = file
        constants = try file.constants.filter { $1.type != .int32 }.mapValues { data in
            let tensor = try Tensor(data.floats(), shape: data.shape)
            // Weights of convolutions with channels first: [out, k, k, in] becomes [out, in, k, k].
            return data.shape.count == 4 ? try tensor.permuted([0, 3, 1, 2]).contiguous() : tensor
        }
    }

    /// The network's output.
    ///
    /// - Parameter picture: [1, 3, height, width].
    /// - Returns: [1, channels, height, width].
    /// - Throws: ``Core/Failure`` when arrays do not fit, or memory runs out.
    package func callAsFunction(_ picture: Tensor) throws -> Tensor {
        var values = constants
        values[file.input] = picture
        for operation in file.operations {
            let inputs = try operation.inputs.map { index in
                if let value = values[index] { return value }
                if case .resize = operation.kind { return picture }  // its size is read already
                throw Failure("the network", "uses an array before it is made", "get the file again")
            }
            values[operation.output] = try TFLiteNetwork.result(operation.kind, inputs)
        }
        guard let output = values[file.output] else {
            throw Failure("the network", "makes no output", "get the file again")
        }
        return output
    }

    private static func result(_ kind: TFLiteFile.Kind, _ x: [Tensor]) throws -> Tensor {
        switch kind {
        case .dequantize: x[0]
        case .relu: try x[0].relu()
        case .logistic: try x[0].sigmoid()
        case .add: try x[0].added(to: x[1])
        case .multiply: try x[0].multiplied(by: x[1])
        case .average: try x[0].mean([2, 3], keeping: true)
        case .hardSwish: try x[0].multiplied(by: x[0].scaled(by: 1.0 / 6, plus: 0.5).clamped(0, 1))
        case .resize(let height, let width): try x[0].resized(height: height, width: width)
        case .convolution(let stride, let isPadded):
            try (isPadded ? padded(x[0], size: x[1].shape[2], stride: stride) : x[0])
                .convolved(x[1], bias: x[2], stride: stride)
        case .depthwiseConvolution(let stride, let isPadded):
            // [1, channels, k, k] becomes [channels, 1, k, k].
            try (isPadded ? padded(x[0], size: x[1].shape[2], stride: stride) : x[0])
                .convolved(x[1].permuted([1, 0, 2, 3]), bias: x[2], stride: stride, groups: x[0].shape[1])
        case .doublingConvolution:
            try x[0].transposeConvolved(x[1].permuted([1, 0, 2, 3]), bias: x[2], stride: 2)
        }
    }

    /// Zeros around, so that there is an output for every step; an odd one lies behind.
    private static func padded(_ x: Tensor, size: Int, stride: Int) throws -> Tensor {
        func border(_ length: Int) -> [Int] {
            let zeros = max(0, ((length + stride - 1) / stride - 1) * stride + size - length)
            return [zeros / 2, zeros - zeros / 2]
        }
        return try x.padded(border(x.shape[3]) + border(x.shape[2]))
    }
}
