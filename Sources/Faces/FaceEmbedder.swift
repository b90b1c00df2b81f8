import Core
import Images
import Networks
import Tensors
import Weights

/// dlib's face recognition network (Davis King, 2017): 128 numbers a face, near each other for the same person.
///
/// A ResNet of 29 convolutions trained on three million photographs; its author reports 99.38 % on Labeled Faces in the Wild
/// and calls two faces one person below a distance of 0.6. It looks at the inner face, 150×150 pixels without most of the
/// hair, and was trained to overlook expression, glasses and light: what it holds for kept is the person's features, not
/// the picture.
///
/// For example:
///
/// ```swift
/// let embedder = try FaceEmbedder(.read(path))
/// let before = try embedder.embeddings(faces)
/// let gradients = try embedder.backward(faces, gradients: before)  // of half the squared norms
/// ```
public struct FaceEmbedder: Sendable {
    /// Numbers an embedding.
    public static let size = DlibResNet.outputs
    /// The threshold below which the network's author takes two faces for one person.
    public static let matchThreshold = 0.6
    /// Pixels of a whole face along a side below which the network gets less than it could see.
    public static let faceSize = 256

    private let network: DlibResNet
    private let device: Device
    /// Faces computed at once: all that are given, where the device's memory holds them.
    private let batch = BatchFitting(most: 1 << 20)

    /// The embedder with the parameters of a file.
    ///
    /// - Parameters:
    ///   - file: The network's parameters.
    ///   - device: Where to compute.
    /// - Throws: ``Failure`` when libtorch can't hold them.
    public init(_ file: DlibNetworkFile, device: Device = .cpu) throws {
        self.device = device
        network = try DlibResNet(file, device: device)
    }

    /// Embeddings of faces in FFHQ's frame.
    ///
    /// - Parameter faces: RGB in [-1, 1].
    /// - Returns: [count, 128].
    /// - Throws: ``Failure`` when libtorch can't compute them.
    public func embeddings(_ faces: ImageBatch) throws -> [Float] { try embeddings(planes: chips(faces).planes) }

    /// Gradients with respect to faces of a function of their embeddings.
    ///
    /// - Parameters:
    ///   - faces: As for ``embeddings(_:)-(ImageBatch)``.
    ///   - gradients: [count, 128], of the function with respect to the embeddings.
    /// - Returns: Of the faces' shape.
    /// - Throws: ``Failure`` when the number of values is another, or libtorch can't compute them.
    public func backward(_ faces: ImageBatch, gradients: [Float]) throws -> ImageBatch {
        guard gradients.count == faces.count * FaceEmbedder.size else {
            throw Failure("embedding gradients", "are \(gradients.count), not \(faces.count) × \(FaceEmbedder.size)")
        }
        let chips = chips(faces)
        var planes: [Float] = []
        try batch.run(count: faces.count) { range in
            let leaf = try tensor(chips[range].planes).requiringGradient()
            let some = range.lowerBound * FaceEmbedder.size..<range.upperBound * FaceEmbedder.size
            let cotangent = try Tensor(
                Array(gradients[some]), shape: [range.count, FaceEmbedder.size], device: device)
            planes += try network.embeddings(leaf).gradients(of: [leaf], cotangent: cotangent)[0].to(device: .cpu)
                .floats()
        }
        let window = FaceEmbedder.window(side: faces.side)
        return ImageBatch(planes, side: DlibResNet.inputSize).resizedBackward(from: window.side)
            .croppedBackward(x: window.x, y: window.y, from: faces.side)
    }

    /// Embeddings [count, 128] of 8-bit pictures of faces in FFHQ's frame, cut out in 8 bits too, as dlib does it.
    ///
    /// - Throws: ``Failure`` when libtorch can't compute them.
    public func embeddings(pictures: [Image]) throws -> [Float] {
        try embeddings(chips: pictures.map { FaceEmbedder.chip($0) })
    }

    /// Embeddings [count, 128] of 150×150 pictures that are cut out already.
    ///
    /// - Throws: ``Failure`` when libtorch can't compute them.
    public func embeddings(chips: [Image]) throws -> [Float] {
        try embeddings(planes: ImageBatch(chips, side: DlibResNet.inputSize).planes)
    }

    private func embeddings(planes: [Float]) throws -> [Float] {
        try Torch.withoutGradients { try network.embeddings(tensor(planes)).to(device: .cpu).floats() }
    }

    private func tensor(_ planes: [Float]) throws -> Tensor {
        let side = DlibResNet.inputSize
        return try Tensor(planes, shape: [planes.count / (3 * side * side), 3, side, side], device: device)
    }

    /// The square of an FFHQ-aligned face that dlib's alignment would cut out.
    ///
    /// FFHQ's alignment fixes the eyes, so the window is fixed too: it is the median of dlib's own windows on generated faces.
    static func window(side: Int) -> (x: Int, y: Int, side: Int) {
        let side = Double(side)
        return (Int((0.164 * side).rounded()), Int((0.265 * side).rounded()), Int((0.679 * side).rounded()))
    }

    /// The window of each face, 150×150.
    private func chips(_ faces: ImageBatch) -> ImageBatch {
        let window = FaceEmbedder.window(side: faces.side)
        return faces.cropped(x: window.x, y: window.y, side: window.side).resized(to: DlibResNet.inputSize)
    }

    /// The window of an 8-bit picture, 150×150.
    static func chip(_ image: Image) -> Image {
        let window = window(side: image.width)
        return image.cropped(x: window.x, y: window.y, width: window.side, height: window.side).resized(
            width: DlibResNet.inputSize, height: DlibResNet.inputSize)
    }
}
