import Core
import Foundation
import Networks
import Tensors
import Weights

/// What a classifier file says of itself, besides its weights.
public struct ClassifierCard: Sendable, Codable, Equatable {
    public static let format = "directions.classifier"

    public var name: String
    public var architecture: Architecture
    /// Networks whose logits are averaged; the tensors of each are prefixed with its number and a dot.
    public var members: Int
    /// Names in the order of the logits: CelebA's, or the classifier's own.
    public var attributes: [String]
    /// A logit divided by its temperature gives a calibrated probability.
    public var temperatures: [Float]
    /// The calibrated probability from which on the answer is yes.
    public var thresholds: [Float]
    /// Whether logits are the mean over the picture and its mirror image.
    public var mirrored: Bool
    public var validation: [AttributeMetrics]
    public var test: [AttributeMetrics]
    public var settings: TrainingSettings
    /// SHA-256 of the names and labels of the training rows.
    public var trainingData: String
    public var trainingPictures: Int
    /// For each network the epoch whose averaged weights these are, from 1.
    public var epochs: [Int]
    public var provenance: String
    public var licence: String
    public var programVersion: String

    /// Means of accuracy, average precision and area under ROC over the paper's attributes among those in `metrics`.
    public static func means(_ metrics: [AttributeMetrics]) -> (accuracy: Double, precision: Double, area: Double) {
        let names = Set(Attribute.defaults.map(\.name))
        let known = metrics.filter { names.contains($0.attribute) }
        let judged = known.isEmpty ? metrics : known
        let count = Double(max(1, judged.count))
        return (
            judged.reduce(0) { $0 + $1.accuracy } / count, judged.reduce(0) { $0 + $1.averagePrecision } / count,
            judged.reduce(0) { $0 + $1.areaUnderROC } / count
        )
    }
}

/// Makes a classifier file of finished runs.
public enum ClassifierExport {
    /// The best weights of each run, matrices rounded to half precision, get temperatures and thresholds from the validation
    /// part, are measured once on the test part, and are written with all that as one classifier file.
    ///
    /// - Parameters:
    ///   - members: Runs with the same settings but for the seed.
    ///   - name: What the classifier is called.
    ///   - test: Pictures that had no part in training or choosing; nil when there are none.
    ///   - path: The classifier file.
    /// - Returns: The card that was written.
    /// - Throws: ``Core/Failure`` when a run has no finished epoch, or the file can't be written.
    @discardableResult
    public static func write(_ members: [Trainer], name: String, test: FaceSet?, to path: String) throws
        -> ClassifierCard
    {
        guard let first = members.first, members.allSatisfy({ $0.position.bestEpoch >= 0 }) else {
            throw Failure(path, "would come from a run without a finished epoch", "train for at least one epoch")
        }
        let settings = first.settings
        let attributes = first.attributes
        var card = ClassifierCard(
            name: name, architecture: settings.architecture, members: members.count, attributes: attributes.map(\.name),
            temperatures: attributes.map { _ in 1 }, thresholds: attributes.map { _ in 0.5 }, mirrored: true,
            validation: [], test: [], settings: settings, trainingData: CelebAFolder.digest(first.training.rows),
            trainingPictures: first.training.rows.count, epochs: members.map { $0.position.bestEpoch + 1 },
            provenance: "trained with `directions train` on the training part of a folder in CelebA's layout",
            licence: first.training.attributes == Attribute.celebA
                ? "CelebA is for non-commercial research; so are weights trained on it"
                : "that of the pictures and labels that it was trained on",
            programVersion: Version.current)
        var weights: [String: TensorData] = [:]
        for (index, member) in members.enumerated() {
            for (tensor, data) in try exportedWeights(member) { weights["\(index).\(tensor)"] = data }
        }
        let network = try AttributeClassifier(
            card: card, weights: weights, name: path, sha256: "", device: first.device)
        let logits = try network.logits(of: first.validation, frame: settings.frame)
        for column in attributes.indices {
            let (scores, labels) = try pairs(logits, first.validation, attributes, column)
            card.temperatures[column] = Calibration.temperature(scores, labels)
            card.thresholds[column] = Calibration.threshold(scores, labels, temperature: card.temperatures[column])
        }
        card.validation = try metrics(logits, first.validation, card, attributes)
        if let test {
            card.test = try metrics(network.logits(of: test, frame: settings.frame), test, card, attributes)
        }
        let metadata = ["format": ClassifierCard.format, "version": "1", "card": try TrainingState.encode(card)]
        try SafetensorsFile(tensors: weights, metadata: metadata).write(to: path)
        return card
    }

    /// The best weights with matrices in half precision, and the class weights' shift taken back from the head's bias.
    private static func exportedWeights(_ member: Trainer) throws -> [String: TensorData] {
        var result = member.best
        for (name, data) in member.best where data.shape.count > 1 { result[name] = try data.half() }
        let key = member.network.head + ".bias"
        if let bias = member.best[key] {
            result[key] = TensorData(
                zip(try bias.floats(), member.task.logitShift).map { $0 - $1 }, shape: bias.shape)
        }
        return result
    }

    private static func pairs(
        _ logits: [Float], _ faces: FaceSet, _ attributes: [Attribute], _ column: Int
    ) throws -> ([Float], [UInt8]) {
        let place = try faces.columns(attributes)[column]
        let labels = faces.rows.map { $0.labels[place] }
        return (labels.indices.map { logits[$0 * attributes.count + column] }, labels)
    }

    private static func metrics(
        _ logits: [Float], _ faces: FaceSet, _ card: ClassifierCard, _ attributes: [Attribute]
    ) throws -> [AttributeMetrics] {
        try attributes.indices.map { column in
            let (scores, labels) = try pairs(logits, faces, attributes, column)
            return Metrics.measure(
                attributes[column], logits: scores, labels: labels, temperature: card.temperatures[column],
                threshold: card.thresholds[column])
        }
    }
}
