import Classifiers
import Core
import Images

/// Several classifiers that look at the same faces: their logits of the attributes that all of them know, in the first one's scale.
///
/// A change that only one of them sees is its own taste; one that all see, in views of their own, is one of the face. Each member's
/// logits are shifted so that its thresholds are the first one's, and stretched so that unedited faces differ as much.
///
/// For example:
///
/// ```swift
/// let panel = try ClassifierPanel([faces, plain]).scaled(to: unedited)
/// let logits = try panel.logits(edited, views: panel.views(count: edited.count, seed: 1, step: 0))
/// ```
public struct ClassifierPanel: Sendable {
    /// The classifiers; the first one's scale counts.
    public let members: [AttributeClassifier]
    /// The attributes that all members score, in the order of the first.
    public let attributes: [Attribute]
    /// By member, by attribute: where it stands among the member's logits.
    private let columns: [[Int]]
    /// By member, by attribute: logit · stretch + shift is in the first one's scale.
    private var stretch: [[Float]]
    private var shift: [[Float]]

    /// How far a member's scale is trusted to differ from the first one's.
    private static let trusted: ClosedRange<Float> = 0.25...4

    /// - Parameter members: At least one; thresholds count from the start, scales with ``scaled(to:)``.
    /// - Throws: ``Core/Failure`` (conflict) when there is no attribute that all of them score, or but one.
    public init(_ members: [AttributeClassifier]) throws {
        precondition(!members.isEmpty, "a panel has members")
        self.members = members
        attributes = members[0].attributes.filter { attribute in
            members.allSatisfy { $0.attributes.contains(attribute) }
        }
        guard attributes.count > 1 || members.count == 1 else {
            throw Failure(
                members.map(\.name).joined(separator: ", "), "have no attributes in common",
                "choose classifiers that were trained for the same ones", kind: .conflict)
        }
        columns = try members.map { [attributes] in try $0.columns(attributes) }
        stretch = members.map { [attributes] _ in [Float](repeating: 1, count: attributes.count) }
        shift = stretch
        setShifts()
    }

    /// For each attribute the logit from which on a face has it.
    public var thresholds: [Float] { columns[0].map { members[0].logitThresholds[$0] } }

    /// Pixels along a side from which on the members see all that they can.
    public var side: Int { members.map(\.inputSize).max() ?? 1 }

    /// Unedited faces that tell the scales of the members' logits: all members see the same ones, so few will do.
    public static let scaleFaces = 24

    /// The panel with every member's logits as far apart as the first one's on some unedited faces.
    ///
    /// - Parameter faces: ``scaleFaces`` or more.
    /// - Returns: The panel in the first one's scale.
    /// - Throws: ``Core/Failure`` of the classifiers.
    public func scaled(to faces: ImageBatch) throws -> ClassifierPanel {
        try scaled(to: members.map { try $0.logits(faces.resized(to: $0.inputSize)) })
    }

    /// The same from logits that are known.
    ///
    /// - Parameter logits: By member, each [count, the member's attributes]: its own logits of unedited faces.
    /// - Returns: The panel in the first one's scale.
    public func scaled(to logits: [[Float]]) -> ClassifierPanel {
        precondition(logits.count == members.count, "logits of every member")
        var result = self
        let deviations = members.indices.map { member in
            columns[member].map { column in
                ClassifierPanel.deviation(logits[member], column, width: members[member].attributes.count)
            }
        }
        for member in members.indices.dropFirst() {
            for k in attributes.indices where deviations[member][k] > 0 {
                let (low, high) = (ClassifierPanel.trusted.lowerBound, ClassifierPanel.trusted.upperBound)
                result.stretch[member][k] = min(high, max(low, deviations[0][k] / deviations[member][k]))
            }
        }
        result.setShifts()
        return result
    }

    private static func deviation(_ logits: [Float], _ column: Int, width: Int) -> Float {
        let values = stride(from: column, to: logits.count, by: width).map { Double(logits[$0]) }
        let mean = values.reduce(0, +) / Double(max(1, values.count))
        return Float((values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, values.count))).squareRoot())
    }

    private mutating func setShifts() {
        for member in members.indices {
            for (k, column) in columns[member].enumerated() {
                shift[member][k] = thresholds[k] - stretch[member][k] * members[member].logitThresholds[column]
            }
        }
    }

    /// A member's own logits [count, its attributes] as the panel's [count, attributes].
    public func scaled(_ logits: [Float], of member: Int) -> [Float] {
        let width = members[member].attributes.count
        return stride(from: 0, to: logits.count, by: width).flatMap { start in
            columns[member].enumerated().map { k, column in
                logits[start + column] * stretch[member][k] + shift[member][k]
            }
        }
    }

    /// A view for each member and picture, such as of a step of a descent.
    ///
    /// - Parameters:
    ///   - count: Pictures.
    ///   - seed: Names a series of views.
    ///   - step: Which of the series.
    /// - Returns: By member.
    public func views(count: Int, seed: UInt64, step: Int) -> [[FaceView]] {
        members.indices.map { member in
            (0..<count).map { FaceView(seed: seed, number: (step * members.count + member) * count + $0) }
        }
    }

    /// Logits of pictures in views.
    ///
    /// - Parameters:
    ///   - images: Of any size.
    ///   - views: By member, one a picture; nil for the pictures as they are.
    /// - Returns: [members, count, attributes].
    /// - Throws: ``Core/Failure`` of the classifiers.
    public func logits(_ images: ImageBatch, views: [[FaceView]]? = nil) throws -> [Float] {
        try members.indices.flatMap { member in
            try scaled(members[member].logits(seen(images, by: member, views)), of: member)
        }
    }

    /// Gradients with respect to pictures of a function of ``logits(_:views:)``.
    ///
    /// - Parameters:
    ///   - images: The pictures.
    ///   - views: By member, one a picture; nil for the pictures as they are.
    ///   - gradients: [members, count, attributes], with respect to the logits.
    /// - Returns: Of the pictures' shape.
    /// - Throws: ``Core/Failure`` of the classifiers.
    public func backward(
        _ images: ImageBatch, views: [[FaceView]]? = nil, gradients: [Float]
    ) throws -> ImageBatch {
        let (count, width) = (images.count, attributes.count)
        precondition(gradients.count == members.count * count * width, "a gradient for each logit")
        var sum = images
        for i in sum.planes.indices { sum.planes[i] = 0 }
        for (member, classifier) in members.enumerated() {
            let own = classifier.attributes.count
            var pulled = [Float](repeating: 0, count: count * own)
            for face in 0..<count {
                for (k, column) in columns[member].enumerated() {
                    let given = gradients[(member * count + face) * width + k]
                    pulled[face * own + column] = given * stretch[member][k]
                }
            }
            var found = try classifier.backward(seen(images, by: member, views), gradients: pulled)
            if let views { found = FaceView.backward(views[member], found) }
            let whole = found.resizedBackward(from: images.side)
            for i in sum.planes.indices { sum.planes[i] += whole.planes[i] }
        }
        return sum
    }

    private func seen(_ images: ImageBatch, by member: Int, _ views: [[FaceView]]?) -> ImageBatch {
        let small = images.resized(to: members[member].inputSize)
        return views.map { FaceView.apply($0[member], to: small) } ?? small
    }
}
