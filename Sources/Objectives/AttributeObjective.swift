import Classifiers
import Core
import Images

/// A function of a classifier's logits of each picture.
public struct AttributeObjective: Objective {
    /// Values [count] of logits [count, attributes], and their gradients [count, attributes].
    public typealias Function = @Sendable (_ logits: [Float]) throws -> (values: [Float], gradients: [Float])

    private let classifier: AttributeClassifier
    private let function: Function

    /// - Parameters:
    ///   - classifier: Whose logits are meant.
    ///   - function: From the logits of pictures to a value for each, and how that changes with its logits.
    public init(_ classifier: AttributeClassifier, function: @escaping Function) {
        self.classifier = classifier
        self.function = function
    }

    /// The logit of one attribute.
    ///
    /// - Throws: ``Core/Failure`` naming the classifier when it doesn't score the attribute.
    public init(_ classifier: AttributeClassifier, of attribute: Attribute) throws {
        let (column, width) = (try classifier.columns([attribute])[0], classifier.attributes.count)
        self.init(classifier) { logits in
            (
                stride(from: column, to: logits.count, by: width).map { logits[$0] },
                logits.indices.map { $0 % width == column ? 1 : 0 }
            )
        }
    }

    /// The mean squared difference from wanted logits, over all attributes.
    ///
    /// - Parameters:
    ///   - classifier: Whose logits are meant.
    ///   - wanted: [count, attributes]: what each picture's logits should be.
    public init(_ classifier: AttributeClassifier, nearTo wanted: [Float]) {
        let width = classifier.attributes.count
        self.init(classifier) { logits in
            guard logits.count == wanted.count else {
                throw Failure(
                    "attribute objective", "has \(wanted.count / width) pictures' logits for \(logits.count / width)",
                    "give those of each picture")
            }
            let differences = zip(logits, wanted).map { $0 - $1 }
            return (
                stride(from: 0, to: logits.count, by: width).map { start in
                    differences[start..<start + width].reduce(0) { $0 + $1 * $1 } / Float(width)
                },
                differences.map { 2 * $0 / Float(width) }
            )
        }
    }

    public var side: Int { classifier.inputSize }

    public func evaluate(_ images: ImageBatch) throws -> ObjectiveValue {
        var values: [Float] = []
        let gradients = try classifier.gradients(of: images) { logits in
            let found = try function(logits)
            values = found.values
            return found.gradients
        }
        return ObjectiveValue(values: values, gradients: gradients)
    }
}

extension AttributeClassifier {
    /// Gradients with respect to pictures of any size of a function of their logits.
    ///
    /// - Parameters:
    ///   - images: The pictures.
    ///   - gradients: From the logits [count, attributes] to the gradients of the function with respect to them.
    /// - Returns: Of the shape of the pictures.
    /// - Throws: ``Core/Failure`` of the classifier, and what `gradients` throws.
    func gradients(of images: ImageBatch, gradients: ([Float]) throws -> [Float]) throws -> ImageBatch {
        let pictures = images.resized(to: inputSize)
        return try backward(pictures, gradients: gradients(logits(pictures))).resizedBackward(from: images.side)
    }
}
