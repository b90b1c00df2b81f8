import Core
import Faces
import Foundation
import Images
import Networks
import Tensors
import Weights

/// A trained attribute classifier, ready to score pictures of faces.
///
/// For example:
///
/// ```swift
/// let classifier = try AttributeClassifier.load(path: nil)  // the shipped one
/// let face = FaceFrame.ffhq.crop(image, size: classifier.inputSize)
/// let logits = try classifier.logits(ImageBatch([face], side: classifier.inputSize))
/// let glasses = classifier.probabilities(logits)[try classifier.columns([.named("eyeglasses")])[0]]
/// ```
///
/// Safe to use from several threads.
public final class AttributeClassifier: Sendable {
    public let card: ClassifierCard
    /// The attributes in the order of the logits.
    public let attributes: [Attribute]
    /// SHA-256 of the classifier file.
    public let sha256: String
    /// Where the file lies.
    public let path: String
    private let networks: [any InferenceBackbone]
    private let device: Device
    /// Pictures computed at once: all that are given, where the device's memory holds them.
    package let batch = BatchFitting(most: 1 << 20)

    /// Side of the square pictures that the classifier takes, in pixels.
    public var inputSize: Int { card.architecture.inputSize }
    /// The name that the file was made under.
    public var name: String { card.name }
    /// The calibrated probability of each attribute from which on the answer is yes.
    public var thresholds: [Float] { card.thresholds }

    /// The classifier that comes with the program.
    ///
    /// - Throws: ``Core/Failure`` when the installation lacks it.
    public static func shippedPath() throws -> String {
        guard
            let path = Bundle.module.path(
                forResource: "faces.classifier", ofType: "safetensors", inDirectory: "Resources")
        else {
            throw Failure(
                "shipped classifier", "is missing beside the program",
                "install the program with its resources folder, or name a classifier's file",
                kind: .notFound)
        }
        return path
    }

    /// Reads a classifier file.
    ///
    /// - Parameters:
    ///   - path: The file; nil means the shipped one.
    ///   - device: Where to compute.
    /// - Returns: The classifier, ready to score.
    /// - Throws: ``Core/Failure`` naming the file: missing, damaged, of another kind or version.
    public static func load(path: String?, device: Device = .cpu) throws -> AttributeClassifier {
        let path = try path ?? shippedPath()
        let data = try AtomicFile.read(path)
        let file = try SafetensorsFile.decode(data, name: path)
        guard file.metadata["format"] == ClassifierCard.format else {
            throw Failure(path, "is not a classifier file", "give one that `directions train` wrote")
        }
        guard file.metadata["version"] == "1" else {
            throw Failure(
                path, "has a format version that this program does not know", "use a newer program", kind: .conflict)
        }
        let card = try TrainingState.decode(ClassifierCard.self, file.metadata["card"], path)
        return try AttributeClassifier(
            card: card, weights: file.tensors, name: path, sha256: Hashing.sha256(data), device: device)
    }

    init(card: ClassifierCard, weights: [String: TensorData], name: String, sha256: String, device: Device) throws {
        self.card = card
        self.sha256 = sha256
        path = name
        self.device = device
        attributes = try card.attributes.map { text in
            do { return try Attribute.named(text) } catch let failure as Failure {
                throw Failure(name, "names an attribute that can't be one: \(text) \(failure.problem)", failure.advice)
            }
        }
        let fine =
            1...16 ~= card.members && !attributes.isEmpty && Set(attributes).count == attributes.count
            && card.temperatures.count == attributes.count && card.thresholds.count == attributes.count
            && card.temperatures.allSatisfy { $0 > 0 && $0.isFinite } && card.thresholds.allSatisfy { 0...1 ~= $0 }
        guard fine else { throw Failure(name, "has damaged metadata", "make it anew with `directions train`") }
        var networks: [any InferenceBackbone] = []
        let network = try card.architecture.network(outputs: attributes.count, seed: nil, device: device)
        for member in 0..<card.members {
            let prefix = "\(member)."
            let own = weights.filter { $0.key.hasPrefix(prefix) }.map {
                (String($0.key.dropFirst(prefix.count)), $0.value)
            }
            try network.load(Dictionary(uniqueKeysWithValues: own), from: name)
            networks.append(try network.folded())
        }
        self.networks = networks
    }

    /// Logits [count, attributes] of pictures.
    ///
    /// - Parameter images: RGB of ``inputSize`` in [-1, 1], faces in FFHQ's frame.
    /// - Returns: [count, attributes].
    /// - Throws: ``Core/Failure`` when they are of another size.
    public func logits(_ images: ImageBatch) throws -> [Float] {
        try check(images)
        return try inBatches(images.count) { range in try Torch.withoutGradients { try logits(pictures(images, range)) }
        }
    }

    /// Logits of a batch, [n, attributes].
    private func logits(_ batch: Tensor) throws -> [Float] {
        let views = card.mirrored ? [batch, try batch.flipped(axis: 3)] : [batch]
        // Added up where they are: to fetch them is to wait for all that the device has been given to do.
        var sum: Tensor?
        for network in networks {
            for view in views {
                let logits = try network.logits(view)
                sum = try sum?.added(to: logits) ?? logits
            }
        }
        let share = 1 / Float(networks.count * views.count)
        return try sum?.floats().map { $0 * share } ?? []
    }

    /// Gradients with respect to pictures of a function of their logits.
    ///
    /// - Parameters:
    ///   - images: As for ``logits(_:)``.
    ///   - gradients: [count, attributes], of the function with respect to the logits.
    /// - Returns: Of the images' shape.
    /// - Throws: ``Core/Failure`` when the number of values is another.
    public func backward(_ images: ImageBatch, gradients: [Float]) throws -> ImageBatch {
        try check(images)
        guard gradients.count == images.count * attributes.count else {
            throw Failure("logit gradients", "are \(gradients.count), not \(images.count) × \(attributes.count)")
        }
        let width = attributes.count
        let planes = try inBatches(images.count) { range in
            try backward(
                pictures(images, range).requiringGradient(),
                Tensor(
                    Array(gradients[range.lowerBound * width..<range.upperBound * width]), shape: [range.count, width],
                    device: device))
        }
        return ImageBatch(planes, side: images.side)
    }

    /// The gradients of a batch's pictures, [n, 3, inputSize, inputSize].
    private func backward(_ batch: Tensor, _ gradients: Tensor) throws -> [Float] {
        let cotangent = try gradients.scaled(by: 1 / Double(networks.count * (card.mirrored ? 2 : 1)))
        var sum = [Float](repeating: 0, count: batch.shape.reduce(1, *))
        for network in networks {
            for mirrored in card.mirrored ? [false, true] : [false] {
                let view = mirrored ? try batch.flipped(axis: 3) : batch
                let pulled = try network.logits(view).gradients(of: [batch], cotangent: cotangent)[0]
                for (i, value) in try pulled.floats().enumerated() { sum[i] += value }
            }
        }
        return sum
    }

    /// Some of the pictures, on the device.
    private func pictures(_ images: ImageBatch, _ range: Range<Int>) throws -> Tensor {
        try Tensor(images[range].planes, shape: [range.count, 3, inputSize, inputSize], device: device)
    }

    /// What `body` makes of ranges of pictures, one after another.
    private func inBatches(_ count: Int, _ body: (Range<Int>) throws -> [Float]) throws -> [Float] {
        var result: [Float] = []
        try batch.run(count: count) { range in
            let part = try body(range)
            if result.isEmpty { result = part } else { result += part }
        }
        return result
    }

    /// - Throws: ``Core/Failure`` when the pictures are not as large as the classifier takes them.
    private func check(_ images: ImageBatch) throws {
        guard images.side == inputSize, images.channels == 3 else {
            throw Failure(
                "classifier input",
                "has pictures of \(images.channels) x \(images.side) x \(images.side), not 3 x \(inputSize) x \(inputSize)"
            )
        }
    }

    /// Calibrated probabilities of logits [count, attributes]: σ(logit / temperature).
    public func probabilities(_ logits: [Float]) -> [Float] { calibrated(logits).map(Calibration.sigmoid) }

    /// Logits [count, attributes], each divided by its attribute's temperature.
    func calibrated(_ logits: [Float]) -> [Float] {
        logits.enumerated().map { $1 / card.temperatures[$0 % attributes.count] }
    }

    /// The position of each attribute among the logits.
    ///
    /// - Throws: ``Core/Failure`` naming the file and the first attribute that it does not know.
    public func columns(_ wanted: [Attribute]) throws -> [Int] {
        try wanted.map { attribute in
            guard let column = attributes.firstIndex(of: attribute) else {
                throw Failure(
                    path,
                    "does not score \(attribute.name); it knows \(attributes.map(\.name).joined(separator: ", "))",
                    "choose another classifier or attribute", kind: .notFound)
            }
            return column
        }
    }

    /// Logits of labelled pictures, in batches.
    func logits(of faces: FaceSet, frame: FaceFrame) throws -> [Float] {
        var result: [Float] = []
        for start in stride(from: 0, to: faces.images.count, by: 50) {
            let members = faces.images[start..<min(start + 50, faces.images.count)]
            result += try logits(ImageBatch(members.map { frame.crop($0, size: inputSize) }, side: inputSize))
        }
        return result
    }
}
