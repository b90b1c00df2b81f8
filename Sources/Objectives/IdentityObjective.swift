import Core
import Faces
import Images

/// How far each face is from a person: 1 − the cosine of the two embeddings, 0 for the same face.
public struct IdentityObjective: Objective {
    private let embedder: FaceEmbedder
    /// [count, 128], of unit length.
    private let persons: [Float]

    /// - Parameters:
    ///   - embedder: The face-recognition network.
    ///   - embeddings: [count, 128]: the person that each picture is compared with; one for all pictures where there is
    ///     but one.
    public init(_ embedder: FaceEmbedder, embeddings: [Float]) {
        precondition(embeddings.count % FaceEmbedder.size == 0 && !embeddings.isEmpty, "embeddings are [count, 128]")
        self.embedder = embedder
        persons = stride(from: 0, to: embeddings.count, by: FaceEmbedder.size).flatMap { start in
            IdentityObjective.unit(embeddings[start..<start + FaceEmbedder.size]).vector
        }
    }

    /// The persons of some faces in FFHQ's frame.
    ///
    /// - Throws: ``Core/Failure`` when they can't be embedded.
    public init(_ embedder: FaceEmbedder, faces: ImageBatch) throws {
        self.init(embedder, embeddings: try embedder.embeddings(faces))
    }

    public var side: Int { FaceEmbedder.faceSize }

    public func evaluate(_ images: ImageBatch) throws -> ObjectiveValue {
        let size = FaceEmbedder.size
        guard persons.count == size || persons.count == images.count * size else {
            throw Failure(
                "identity objective", "has \(persons.count / size) persons for \(images.count) pictures",
                "give one person, or one for each picture")
        }
        let found = try embedder.embeddings(images)
        var values: [Float] = []
        var gradients: [Float] = []
        for image in 0..<images.count {
            let (vector, length) = IdentityObjective.unit(found[image * size..<(image + 1) * size])
            let person = persons.count == size ? persons[...] : persons[image * size..<(image + 1) * size]
            let cosine = zip(vector, person).reduce(0) { $0 + $1.0 * $1.1 }
            values.append(1 - cosine)
            gradients += zip(vector, person).map { (cosine * $0 - $1) / length }
        }
        return ObjectiveValue(values: values, gradients: try embedder.backward(images, gradients: gradients))
    }

    /// The vector at unit length, and its length.
    private static func unit(_ values: ArraySlice<Float>) -> (vector: [Float], length: Float) {
        let square = values.reduce(0.0) { $0 + Double($1) * Double($1) }
        let length = max(Float(square.squareRoot()), 1e-12)
        return (values.map { $0 / length }, length)
    }
}
