import Core
import Faces
import Foundation
import Images
import Synchronization

/// Pictures in memory, decoded once, with labels or with numbers.
public struct FaceSet: Sendable {
    /// What the rows are labelled with; empty where the pictures have numbers.
    public let attributes: [Attribute]
    /// The rows that have a picture, in order; empty where the pictures have numbers.
    public let rows: [CelebAFolder.Row]
    /// The pictures, each whole, at most as large as training needs them.
    public let images: [Image]
    /// Rows left out, each with the reason.
    public let skipped: [Failure]
    /// Numbers that belong to each picture, [images, weights.count]; empty where there are labels.
    let numbers: [Float]
    /// How much each of the numbers counts in the loss.
    let weights: [Float]
    /// What is learnt in place of the labels, [images, attributes.count]; empty for the labels themselves.
    private(set) var softLabels: [Float] = []

    /// Pictures with numbers to be learnt from them, such as the latents that they were made from.
    ///
    /// - Parameters:
    ///   - images: The pictures.
    ///   - numbers: [images, weights.count], each of about unit variance.
    ///   - weights: How much each counts.
    public init(_ images: [Image], numbers: [Float], weights: [Float]) {
        precondition(!weights.isEmpty && numbers.count == images.count * weights.count)
        attributes = []
        rows = []
        skipped = []
        self.images = images
        self.numbers = numbers
        self.weights = weights
    }

    /// The places of some attributes among the labels; none where the pictures have numbers.
    ///
    /// - Throws: ``Core/Failure`` (usage) naming an attribute that the pictures are not labelled with.
    func columns(_ wanted: [Attribute]) throws -> [Int] {
        if rows.isEmpty { return [] }
        return try wanted.map { attribute in
            guard let column = attributes.firstIndex(of: attribute) else {
                throw Failure(
                    attribute.slug, "is no column of the training pictures' labels",
                    Attribute.suggestion(for: attribute.slug, among: attributes), kind: .usage)
            }
            return column
        }
    }

    /// What the network is to say of a picture: the labels of some attributes as 0 or 1, or the picture's numbers.
    func targets(_ member: Int, attributes: [Int]) -> [Float] {
        if !softLabels.isEmpty { return attributes.map { softLabels[member * self.attributes.count + $0] } }
        return weights.isEmpty
            ? attributes.map { Float(rows[member].labels[$0]) }
            : Array(numbers[member * weights.count..<(member + 1) * weights.count])
    }

    /// The same pictures with labels that teachers have a say in (Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural
    /// Network", 2015): (1 − share) · label + share · σ(mean of the teachers' calibrated logits).
    ///
    /// - Parameters:
    ///   - teachers: Judge the pictures as they are; an attribute that none of them knows keeps its labels.
    ///   - share: The teachers' share, 0 to 1.
    ///   - frame: How the faces lie in the pictures.
    /// - Returns: The pictures with the new labels.
    /// - Throws: ``Core/Failure`` when a stop was asked for, or memory runs out.
    public func distilled(by teachers: [AttributeClassifier], share: Float, frame: FaceFrame) throws -> FaceSet {
        precondition(weights.isEmpty)
        let all = attributes.count
        var sums = [Float](repeating: 0, count: rows.count * all)
        var voters = [Float](repeating: 0, count: all)
        for teacher in teachers {
            let logits = teacher.calibrated(try teacher.logits(of: self, frame: frame))
            for (column, attribute) in teacher.attributes.enumerated() {
                guard let own = attributes.firstIndex(of: attribute) else { continue }
                voters[own] += 1
                for member in rows.indices {
                    sums[member * all + own] += logits[member * teacher.attributes.count + column]
                }
            }
        }
        var result = self
        result.softLabels = rows.flatMap { $0.labels.map { Float($0) } }
        for i in result.softLabels.indices where voters[i % all] > 0 {
            result.softLabels[i] += share * (Calibration.sigmoid(sums[i] / voters[i % all]) - result.softLabels[i])
        }
        return result
    }

    /// A digest of what is learnt: names and labels, or the numbers.
    var digest: String {
        weights.isEmpty ? CelebAFolder.digest(rows) : Hashing.sha256(numbers.withUnsafeBytes { Data($0) })
    }

    /// Decodes the pictures of `rows` on all cores.
    ///
    /// A picture that is missing or damaged is left out and counted. A picture larger than needed is reduced by area average so that
    /// its window is `size` pixels wide.
    ///
    /// - Throws: ``Core/Failure`` when no picture is left, or a stop was asked for.
    public init(
        _ folder: CelebAFolder, _ rows: [CelebAFolder.Row], frame: FaceFrame, size: Int, context: RunContext = .silent
    ) throws {
        attributes = folder.attributes
        var found = [Image?](repeating: nil, count: rows.count)
        let failures = Mutex<[Int: Failure]>([:])
        let path = folder.images
        found.withUnsafeMutableBufferPointer { buffer in
            let slots = SendableBuffer(buffer)
            let chunk = 64
            DispatchQueue.concurrentPerform(iterations: (rows.count + chunk - 1) / chunk) { part in
                if context.isCancelled { return }
                for index in part * chunk..<min(rows.count, (part + 1) * chunk) {
                    do {
                        slots.value[index] = FaceSet.reduced(
                            try Image.read(folder.picture(rows[index])), frame: frame, size: size)
                    } catch {
                        let failure = error as? Failure ?? Failure(rows[index].name, "\(error)")
                        failures.withLock { $0[index] = failure }
                    }
                }
            }
        }
        try context.check()
        let failed = failures.withLock { $0 }
        skipped = failed.sorted { $0.key < $1.key }.map(\.value)
        self.rows = rows.indices.filter { failed[$0] == nil }.map { rows[$0] }
        images = found.compactMap { $0 }
        numbers = []
        weights = []
        if images.isEmpty {
            let reason = skipped.first.map { "; the first reason: \($0)" } ?? ""
            throw Failure(
                path, "holds none of the \(rows.count) pictures that are asked for\(reason)", kind: .notFound)
        }
    }

    private static func reduced(_ image: Image, frame: FaceFrame, size: Int) -> Image {
        let side = frame.window(width: image.width, height: image.height).side
        let scale = Double(size) / side
        if scale > 0.99 { return image }
        return image.resized(
            width: max(1, Int((Double(image.width) * scale).rounded())),
            height: max(1, Int((Double(image.height) * scale).rounded())))
    }
}
