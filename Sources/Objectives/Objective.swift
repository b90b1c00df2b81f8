import Core
import Images

/// A function of pictures with its gradient: what a search for a direction, a code or a network's weights makes smaller or
/// larger.
///
/// Every picture has a value of its own, which depends on no other picture; so the gradient of the sum holds each picture's
/// own gradient.
public protocol Objective: Sendable {
    /// Pixels along a side from which on the function sees all that it can.
    var side: Int { get }
    /// The values and gradients at some pictures.
    ///
    /// - Parameter images: RGB in [-1, 1], of any size.
    /// - Returns: A value and a gradient for each picture.
    /// - Throws: ``Core/Failure`` when the pictures are not what the function is of, or can't be computed with.
    func evaluate(_ images: ImageBatch) throws -> ObjectiveValue
}

/// An objective's values at some pictures, and how they change with every pixel.
public struct ObjectiveValue: Sendable, Equatable {
    /// [count]: one for each picture.
    public var values: [Float]
    /// Of the pictures' shape: the gradient of each picture's own value.
    public var gradients: ImageBatch

    public init(values: [Float], gradients: ImageBatch) {
        precondition(values.count == gradients.count, "every picture has a value")
        self.values = values
        self.gradients = gradients
    }

    /// The sum of the values.
    public var total: Double { values.reduce(0) { $0 + Double($1) } }
}

/// A weighted sum of objectives.
///
/// For example:
///
/// ```swift
/// let loss = CombinedObjective([
///     (AttributeObjective(classifier, of: eyeglasses), weight: -1),
///     (try IdentityObjective(embedder, faces: faces), weight: 0.5),
/// ])
/// ```
public struct CombinedObjective: Objective {
    private let parts: [(objective: any Objective, weight: Float)]

    /// - Parameter parts: At least one, each with what it counts.
    public init(_ parts: [(any Objective, weight: Float)]) {
        precondition(!parts.isEmpty, "a sum has parts")
        self.parts = parts
    }

    public var side: Int { parts.map(\.objective.side).max() ?? 1 }

    public func evaluate(_ images: ImageBatch) throws -> ObjectiveValue {
        var values = [Float](repeating: 0, count: images.count)
        var gradients = images
        for i in gradients.planes.indices { gradients.planes[i] = 0 }
        for part in parts {
            let found = try part.objective.evaluate(images)
            for i in values.indices { values[i] += part.weight * found.values[i] }
            for i in gradients.planes.indices { gradients.planes[i] += part.weight * found.gradients.planes[i] }
        }
        return ObjectiveValue(values: values, gradients: gradients)
    }
}
