import Core
import Images
import Networks
import Tensors
import Weights

/// A face recognition network: 128 numbers a face, near each other for the same person.
///
/// dlib's (Davis King, 2017) is a ResNet of 29 convolutions trained on three million photographs; its author reports 99.38 % on
/// Labeled Faces in the Wild and calls two faces one person below a distance of 0.6. It looks at the inner face, 150×150 pixels
/// without most of the hair, and was trained to overlook expression, glasses and light: what it holds for kept is the person's
/// features, not the picture. SFace (Zhong and others, 2021) is another, smaller network with other training pictures, for
/// figures of what was found with dlib's in its loss: OpenCV calls two faces one person above a cosine of 0.363.
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
    /// The distance below which the author of dlib's network takes two faces for one person.
    public static let matchThreshold = 0.6
    /// Pixels of a whole face along a side below which the network gets less than it could see.
    public static let faceSize = 256

    /// What the network is called in tables.
    public let title: String
    private let network: any EmbeddingNetwork
    /// Pixels along a side of what the network sees.
    private let inputSize: Int
    /// Left, top and side of what it sees, in sides of a face in FFHQ's frame.
    private let place: (x: Double, y: Double, side: Double)
    private let device: Device
    /// Faces computed at once: all that are given, where the device's memory holds them.
    private let batch = BatchFitting(most: 1 << 20)

    /// dlib's network with the parameters of a file.
    ///
    /// FFHQ's alignment fixes the eyes, so the window is fixed too: the median of dlib's own windows on generated faces.
    ///
    /// - Parameters:
    ///   - file: The network's parameters.
    ///   - device: Where to compute.
    /// - Throws: ``Failure`` when libtorch can't hold them.
    public init(_ file: DlibNetworkFile, device: Device = .cpu) throws {
        self.init(
            try DlibResNet(file, device: device), title: "dlib", place: (0.164, 0.265, 0.679), device: device)
    }

    /// SFace's network with the weights of its published file.
    ///
    /// The window puts the eyes and the mouth of FFHQ's frame (eyes a quarter of the side apart) nearly where the network was taught
    /// to have them; it is reckoned from the alignment's proportions, not measured on faces.
    ///
    /// - Parameters:
    ///   - file: The network's weights.
    ///   - name: What the file is called in messages.
    ///   - device: Where to compute.
    /// - Throws: ``Failure``: another network's file, or libtorch can't hold it.
    public init(_ file: OnnxFile, name: String, device: Device = .cpu) throws {
        self.init(
            try SFaceNetwork(file, name: name, device: device), title: "SFace", place: (0.111, 0.113, 0.78),
            device: device)
    }

    private init<Network: EmbeddingNetwork>(
        _ network: Network, title: String, place: (x: Double, y: Double, side: Double), device: Device
    ) {
        precondition(Network.outputs == FaceEmbedder.size, "embeddings have 128 numbers")
        self.network = network
        self.title = title
        self.place = place
        self.device = device
        inputSize = Network.inputSize
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
        let window = window(side: faces.side)
        return ImageBatch(planes, side: inputSize).resizedBackward(from: window.side)
            .croppedBackward(x: window.x, y: window.y, from: faces.side)
    }

    /// Embeddings [count, 128] of 8-bit pictures of faces in FFHQ's frame, cut out in 8 bits too.
    ///
    /// - Throws: ``Failure`` when libtorch can't compute them.
    public func embeddings(pictures: [Image]) throws -> [Float] {
        try embeddings(chips: pictures.map { chip($0) })
    }

    /// Embeddings [count, 128] of pictures that are cut out already, of the network's size.
    ///
    /// - Throws: ``Failure`` when libtorch can't compute them.
    public func embeddings(chips: [Image]) throws -> [Float] {
        try embeddings(planes: ImageBatch(chips, side: inputSize).planes)
    }

    private func embeddings(planes: [Float]) throws -> [Float] {
        try Torch.withoutGradients { try network.embeddings(tensor(planes)).to(device: .cpu).floats() }
    }

    private func tensor(_ planes: [Float]) throws -> Tensor {
        try Tensor(
            planes, shape: [planes.count / (3 * inputSize * inputSize), 3, inputSize, inputSize], device: device)
    }

    /// The square of an FFHQ-aligned face that the network sees.
    private func window(side: Int) -> (x: Int, y: Int, side: Int) {
        func pixels(_ share: Double) -> Int { Int((share * Double(side)).rounded()) }
        return (pixels(place.x), pixels(place.y), pixels(place.side))
    }

    /// The window of each face, of the network's size.
    private func chips(_ faces: ImageBatch) -> ImageBatch {
        let window = window(side: faces.side)
        return faces.cropped(x: window.x, y: window.y, side: window.side).resized(to: inputSize)
    }

    /// The window of an 8-bit picture, of the network's size.
    private func chip(_ image: Image) -> Image {
        let window = window(side: image.width)
        return image.cropped(x: window.x, y: window.y, width: window.side, height: window.side).resized(
            width: inputSize, height: inputSize)
    }
}
