import Classifiers
import Generators
import Images
import Latents

extension EditRegion {
    /// Steps of the way that a face is edited.
    private static let steps = 2

    /// Which places of some faces an edit's attributes owe their change to: gradient times difference.
    ///
    /// - Parameters:
    ///   - change: [rows, size]: what the edit adds to each code.
    ///   - faces: The unedited codes, of as many rows.
    ///   - columns: The attributes' logits.
    ///   - classifier: Gives the logits.
    ///   - synthesizer: Makes the faces.
    /// - Returns: [side, side] at the classifier's size, the mean over the faces.
    /// - Throws: ``Core/Failure`` as synthesis throws.
    public static func parts(
        of change: [Float], at faces: LatentCodes, columns: [Int], classifier: AttributeClassifier,
        synthesizer: any Synthesizer
    ) throws -> [Float] {
        precondition(change.count == faces.rows * faces.size, "a change of each row")
        let side = classifier.inputSize
        func made(_ share: Float) throws -> ImageBatch {
            var values = faces.values
            for i in values.indices { values[i] += share * change[i % change.count] }
            return try synthesizer.synthesize(
                LatentCodes(values, rows: faces.rows, size: faces.size),
                size: synthesizer.sizes.smallest(covering: side), noise: .none
            ).resized(to: side)
        }
        let (area, attributes) = (side * side, classifier.attributes.count)
        var parts = [Float](repeating: 0, count: area)
        var last = try made(0)
        for step in 1...EditRegion.steps {
            let next = try made(Float(step) / Float(EditRegion.steps))
            for column in columns {
                var one = [Float](repeating: 0, count: next.count * attributes)
                for face in 0..<next.count { one[face * attributes + column] = 1 }
                let slopes = try classifier.backward(next, gradients: one)
                for face in 0..<next.count {
                    for i in 0..<area {
                        var part: Float = 0
                        for channel in 0..<3 {
                            let k = (face * 3 + channel) * area + i
                            part += slopes.planes[k] * (next.planes[k] - last.planes[k])
                        }
                        parts[i] += abs(part)
                    }
                }
            }
            last = next
        }
        return parts.map { $0 / Float(faces.count) }
    }
}
