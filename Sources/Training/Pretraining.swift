import Classifiers
import Core
import Foundation
import Images
import LatentStore

/// What pretraining learns from: generated faces with the latents that they were made from.
///
/// To tell w from a face, a network has to see what tells faces apart, and there are as many such faces as one cares to make.
struct Pretraining {
    let training: FaceSet
    let validation: FaceSet

    /// Faces held back, to see how well w is told of faces that were not learnt from.
    private static let heldBack = 500

    /// The faces that scoring kept, with w and, where the teacher has scored them all, its logits.
    ///
    /// Both count half; w as it is, centred and divided by its mean standard deviation, so that what varies most counts
    /// most; each logit standardised.
    ///
    /// - Throws: `Failure` when there are too few.
    init(_ store: LatentStore, _ settings: TrainingSettings.Pretraining) throws {
        let (jpegs, w, logits) = try store.keptFaces(
            generator: settings.generatorSHA256, classifier: settings.teacherSHA256)
        guard jpegs.count >= 2 * Pretraining.heldBack else {
            throw Failure(
                "pretrain",
                "wants at least \(2 * Pretraining.heldBack) generated faces, and the workspace has kept \(jpegs.count)",
                "make some with `directions sample`, and score them with thumbnails of 88 pixels", kind: .usage)
        }
        let (wide, narrow) = (w.count / jpegs.count, logits.count / jpegs.count)
        let latents = Pretraining.centred(w, width: wide, each: false)
        let scores = Pretraining.centred(logits, width: narrow, each: true)
        let all = Float(wide + narrow)
        let parts: Float = narrow == 0 ? 1 : 2
        let weights =
            [Float](repeating: all / Float(wide) / parts, count: wide)
            + [Float](repeating: all / Float(max(1, narrow)) / parts, count: narrow)
        var numbers: [Float] = []
        numbers.reserveCapacity(jpegs.count * weights.count)
        for face in jpegs.indices {
            numbers += latents[face * wide..<(face + 1) * wide]
            numbers += scores[face * narrow..<(face + 1) * narrow]
        }
        let images = try jpegs.enumerated().map { try Image.decode($1, name: "thumbnail \($0)") }
        let count = images.count - Pretraining.heldBack
        func part(_ range: Range<Int>) -> FaceSet {
            FaceSet(
                Array(images[range]),
                numbers: Array(numbers[range.lowerBound * weights.count..<range.upperBound * weights.count]),
                weights: weights)
        }
        training = part(0..<count)
        validation = part(count..<images.count)
    }

    /// Rows [n, width] with the mean of each column taken off, divided by its standard deviation or by that of all.
    private static func centred(_ values: [Float], width: Int, each: Bool) -> [Float] {
        let rows = values.count / max(1, width)
        if rows == 0 { return [] }
        var mean = [Double](repeating: 0, count: width)
        var variance = mean
        for (i, value) in values.enumerated() { mean[i % width] += Double(value) / Double(rows) }
        for (i, value) in values.enumerated() {
            let difference = Double(value) - mean[i % width]
            variance[i % width] += difference * difference / Double(rows)
        }
        let common = variance.reduce(0, +) / Double(width)
        let scale = variance.map { 1 / max(each ? $0 : common, 1e-12).squareRoot() }
        return values.enumerated().map { Float((Double($1) - mean[$0 % width]) * scale[$0 % width]) }
    }

    /// How the pretraining runs: as the training does, but for a face and its mirror image, which have other latents.
    static func settings(_ settings: TrainingSettings, epochs: Int) -> TrainingSettings {
        var own = settings
        own.epochs = epochs
        own.pretraining = nil
        // Training goes on in smaller steps than a fresh network takes.
        own.rate = 2 * settings.rate
        own.frame = .ffhq
        own.augmentation.flip = 0
        own.augmentation.mixup = 0
        own.lowResolutionShare = 0.5
        own.patience = epochs
        return own
    }
}
