import Core
import Tensors
import Weights

/// SFace's network for face recognition (Zhong and others, 2021, OpenCV's zoo): a MobileNet of fourteen stages, 128 numbers a
/// picture.
///
/// It takes faces of 112×112 pixels. Its published file holds the convolutions as int8 in blocks; normalisations are folded
/// into them here, so there is nothing to train; gradients with respect to pictures flow.
public struct SFaceNetwork: EmbeddingNetwork {
    public static let inputSize = 112
    public static let outputs = 128
    /// SHA-256 of the published file, `face_recognition_sface_2021dec_int8bq.onnx`.
    public static let sha256 = "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee"

    /// A convolution with its normalisation folded in, and the slopes below 0 of what follows it.
    private struct Stage: Sendable {
        let weight: Tensor
        let bias: Tensor
        let slope: Tensor
        let stride: Int
        let padding: Int
        let groups: Int

        func callAsFunction(_ x: Tensor) throws -> Tensor {
            let y = try x.convolved(weight, bias: bias, stride: stride, padding: padding, groups: groups)
            return try y.relu().subtracting(y.negated().relu().multiplied(by: slope))
        }
    }

    private let stages: [Stage]
    private let scale: Tensor
    private let shift: Tensor
    private let head: Tensor
    private let bias: Tensor

    /// Stages whose depthwise convolution halves the side.
    private static let halving: Set<Int> = [3, 5, 7, 13]

    /// The network of a file's weights.
    ///
    /// - Parameters:
    ///   - file: The published file.
    ///   - name: What it is called in messages.
    ///   - device: Where to compute.
    /// - Throws: ``Core/Failure``: an array that is not there or has another shape, or libtorch's reason.
    public init(_ file: OnnxFile, name: String, device: Device = .cpu) throws {
        func values(_ array: String, _ count: Int) throws -> [Float] {
            guard let found = file.tensors[array], found.count == count else {
                throw Failure(name, "holds no array \(array) of \(count) numbers", "give the published file of SFace")
            }
            return try found.floats()
        }
        /// Factor and offset of a normalisation.
        func normalisation(_ of: String, _ count: Int, epsilon: Float) throws -> (scale: [Float], shift: [Float]) {
            let (gamma, beta) = (try values("\(of)_gamma", count), try values("\(of)_beta", count))
            let mean = try values("\(of)_moving_mean", count)
            let scale = zip(gamma, try values("\(of)_moving_var", count)).map { $0 / ($1 + epsilon).squareRoot() }
            return (scale, (0..<count).map { beta[$0] - mean[$0] * scale[$0] })
        }
        func stage(
            _ of: String, input: Int, output: Int, size: Int, stride: Int = 1, groups: Int = 1
        ) throws -> Stage {
            let each = input / groups * size * size
            let folded = try normalisation("\(of)_batchnorm", output, epsilon: 1e-3)
            let weight = try values("\(of)_conv2d_weight_dequantized", output * each)
            return Stage(
                weight: try Tensor(
                    Vectors.scaled(rows: weight, by: folded.scale),
                    shape: [output, input / groups, size, size], device: device),
                bias: try Tensor(folded.shift, shape: [output], device: device),
                slope: try Tensor(values("\(of)_relu_gamma", output), shape: [1, output, 1, 1], device: device),
                stride: stride, padding: size / 2, groups: groups)
        }
        let channels = [32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024]
        var stages = [try stage("conv_1", input: 3, output: 32, size: 3)]
        for number in 2...channels.count {
            let (input, output) = (channels[number - 2], channels[number - 1])
            stages.append(
                try stage(
                    "conv_\(number)_dw", input: input, output: input, size: 3,
                    stride: SFaceNetwork.halving.contains(number) ? 2 : 1, groups: input))
            stages.append(try stage("conv_\(number)", input: input, output: output, size: 1))
        }
        self.stages = stages
        let before = try normalisation("bn1", 1024, epsilon: 2e-5)
        scale = try Tensor(before.scale, shape: [1, 1024, 1, 1], device: device)
        shift = try Tensor(before.shift, shape: [1, 1024, 1, 1], device: device)
        let count = 1024 * 7 * 7
        let after = try normalisation("fc1", SFaceNetwork.outputs, epsilon: 2e-5)
        let weight = try values("pre_fc1_weight_dequantized", SFaceNetwork.outputs * count)
        head = try Tensor(
            Vectors.scaled(rows: weight, by: after.scale), shape: [SFaceNetwork.outputs, count], device: device)
        let constant = try values("pre_fc1_bias_dequantized", SFaceNetwork.outputs)
        bias = try Tensor(
            constant.indices.map { constant[$0] * after.scale[$0] + after.shift[$0] }, shape: [SFaceNetwork.outputs],
            device: device)
    }

    public func embeddings(_ faces: Tensor) throws -> Tensor {
        // Planes are x / 127.5 − 1; the network wants (x − 127.5) / 128.
        var x = try faces.scaled(by: 127.5 / 128)
        for stage in stages { x = try stage(x) }
        x = try x.multiplied(by: scale).added(to: shift).contiguous()
        return try x.reshaped([x.shape[0], -1]).linear(head, bias: bias)
    }
}
