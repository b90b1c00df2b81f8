import Tensors

/// A network for face recognition: numbers of a face, near each other for the same person.
public protocol EmbeddingNetwork: Sendable {
    /// Side of the square input in pixels.
    static var inputSize: Int { get }
    /// Numbers an embedding.
    static var outputs: Int { get }
    /// Embeddings [N, outputs] of faces [N, 3, inputSize, inputSize], RGB in [-1, 1].
    ///
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    func embeddings(_ faces: Tensor) throws -> Tensor
}
