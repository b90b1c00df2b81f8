import Core
import Encoders
import Images
import Objectives
import Tensors

extension EncoderTrainer {
    /// What an encoder is told in a step.
    struct Told {
        /// The condition's values, a row a picture.
        let values: Tensor
        /// Whether each picture is told its own colours.
        let isOwn: [Bool]
        /// Pictures whose colours are told.
        let pictures: ImageBatch

        /// What is told of some of the pictures.
        func part(_ range: Range<Int>) throws -> Told {
            Told(
                values: try values.sliced(axis: 0, range), isOwn: Array(isOwn[range]),
                pictures: pictures.gathered(Array(range)))
        }
    }

    /// Every eighth step on photographs tells nothing, so that the encoder can do without.
    private static let untold = 8

    /// What is told of a step's pictures: of half of them another's colours.
    ///
    /// - Parameters:
    ///   - targets: The pictures in colour.
    ///   - hasOthers: Whether others' colours are told at all; of generated pairs codes are known for their own alone.
    /// - Returns: Nil where nothing is told.
    /// - Throws: ``Core/Failure`` when memory runs out.
    func told(_ targets: ImageBatch, hasOthers: Bool) throws -> Told? {
        guard let condition = settings.configuration.condition else { return nil }
        if hasOthers && position.step % EncoderTrainer.untold == EncoderTrainer.untold - 1 { return nil }
        let count = targets.count
        // By pairs, as every other picture may be shown grey.
        let isOwn = (0..<count).map { !hasOthers || $0 / 2 % 2 == 0 }
        let pictures = targets.gathered((0..<count).map { isOwn[$0] ? $0 : ($0 + 1) % count })
        let small = pictures.resized(to: min(pictures.side, 96))
        let values = condition.values(of: small).flatMap(\.self)
        return Told(
            values: try Tensor(values, shape: [count] + condition.shape, device: device), isOwn: isOwn,
            pictures: pictures.resized(to: settings.imageSize))
    }

    /// The losses of a step with those of told colours.
    func objective(_ losses: any Objective, _ targets: ImageBatch, _ told: Told?) -> any Objective {
        guard let told, let condition = settings.configuration.condition else { return losses }
        let kind = settings.histogramLoss ?? (condition.kind == .chroma ? .hellinger : .absolute)
        return ToldObjective(
            own: losses,
            others: GreyObjective(
                PixelLoss(targets: targets.grey(), side: targets.side), weights: [0.299, 0.587, 0.114]),
            isOwn: told.isOwn, histogram: HistogramObjective(kind, wanted: told.pictures),
            weight: settings.losses.histogram ?? 0.5)
    }
}
