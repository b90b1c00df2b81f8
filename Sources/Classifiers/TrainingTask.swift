import Core
import Foundation
import Tensors

/// What a network learns of its pictures: how wrong its outputs are, and how a validation went.
protocol TrainingTask {
    /// Numbers that the network gives for a picture.
    var outputs: Int { get }
    /// The head's bias to begin with; nil leaves it at zero.
    var bias: [Float]? { get }
    /// What is to be added to the logits' optimum because of the task's weights; empty where there is none.
    var logitShift: [Float] { get }
    /// The loss of outputs [count, outputs] against as many targets.
    func loss(_ outputs: Tensor, targets: [Float]) throws -> Tensor
    /// The validation part's figures, from the outputs [pictures, outputs] for it.
    func record(_ outputs: [Float], of faces: FaceSet) -> EpochRecord
}

/// Learns whether each attribute is there: weighted binary cross-entropy.
struct LabelTask: TrainingTask {
    let attributes: [Attribute]
    let bias: [Float]?
    let logitShift: [Float]
    private let positiveWeight: [Float]
    private let negativeWeight: [Float]
    private let smoothing: Float
    /// Places of the attributes among the validation pictures' labels.
    private let validation: [Int]

    /// - Parameters:
    ///   - settings: What the run was asked for.
    ///   - attributes: The attributes, in the order of the logits.
    ///   - faces: The pictures to learn from, whose frequencies make the weights.
    ///   - columns: Places of the attributes among their labels.
    ///   - validation: And among those of the pictures to choose by.
    init(
        _ settings: TrainingSettings, attributes: [Attribute], faces: FaceSet, columns: [Int], validation: [Int]
    ) {
        self.attributes = attributes
        self.validation = validation
        smoothing = Float(settings.smoothing)
        let frequencies = LabelTask.frequencies(faces, columns)
        let focus = Set(Attribute.defaults)
        let gamma = settings.imbalance
        let emphasis = attributes.map { focus.contains($0) && attributes.count > focus.count ? settings.emphasis : 1 }
        let mean = emphasis.reduce(0, +) / Double(max(1, emphasis.count))
        positiveWeight = zip(frequencies, emphasis).map { Float($1 / mean * pow(0.5 / $0, gamma)) }
        negativeWeight = zip(frequencies, emphasis).map { Float($1 / mean * pow(0.5 / (1 - $0), gamma)) }
        let logitShift = frequencies.map { Float(gamma * log((1 - $0) / $0)) }
        self.logitShift = logitShift
        bias = zip(frequencies, logitShift).map { Float(log($0 / (1 - $0))) + $1 }
    }

    var outputs: Int { attributes.count }

    /// Share of positives, kept off 0 and 1.
    private static func frequencies(_ faces: FaceSet, _ columns: [Int]) -> [Double] {
        columns.map { column in
            let count = faces.rows.reduce(0) { $0 + Int($1.labels[column]) }
            return (Double(count) + 0.5) / (Double(faces.rows.count) + 1)
        }
    }

    func loss(_ outputs: Tensor, targets: [Float]) throws -> Tensor {
        let columns = attributes.count
        var wanted = targets
        var weights = targets
        for i in targets.indices {
            let column = i % columns
            weights[i] = targets[i] * positiveWeight[column] + (1 - targets[i]) * negativeWeight[column]
            wanted[i] = smoothing + (1 - 2 * smoothing) * targets[i]
        }
        let device = outputs.device
        return try outputs.crossEntropy(
            Tensor(wanted, shape: outputs.shape, device: device),
            weight: Tensor(weights, shape: outputs.shape, device: device))
    }

    func record(_ outputs: [Float], of faces: FaceSet) -> EpochRecord {
        let columns = attributes.count
        let known = attributes.indices.filter { Attribute.defaults.contains(attributes[$0]) }
        let judged = known.isEmpty ? Array(attributes.indices) : known
        var record = EpochRecord()
        for column in judged {
            let labels = faces.rows.map { $0.labels[validation[column]] }
            let scores = labels.indices.map { outputs[$0 * columns + column] - logitShift[column] }
            let right = zip(scores, labels).count { ($0 > 0) == ($1 == 1) }
            let loss = zip(scores, labels).reduce(0.0) { sum, pair in
                let x = Double(pair.0)
                return sum + max(x, 0) - x * Double(pair.1) + log1p(exp(-abs(x)))
            }
            record.accuracy += Double(right) / Double(labels.count) / Double(judged.count)
            record.validationLoss += loss / Double(labels.count) / Double(judged.count)
            record.averagePrecision += Metrics.averagePrecision(scores, labels) / Double(judged.count)
            record.areaUnderROC += Metrics.areaUnderROC(scores, labels) / Double(judged.count)
        }
        return record
    }
}

/// Learns numbers that belong to the pictures, such as the latents that they were made from: weighted squared error.
struct NumberTask: TrainingTask {
    let weights: [Float]
    let bias: [Float]? = nil
    let logitShift: [Float] = []

    var outputs: Int { weights.count }

    func loss(_ outputs: Tensor, targets: [Float]) throws -> Tensor {
        let device = outputs.device
        let wrong = try outputs.subtracting(Tensor(targets, shape: outputs.shape, device: device)).squared()
        return try wrong.multiplied(by: Tensor(weights, shape: [1, weights.count], device: device)).mean()
    }

    func record(_ outputs: [Float], of faces: FaceSet) -> EpochRecord {
        let columns = weights.count
        let rows = outputs.count / columns
        var record = EpochRecord()
        var explained = 0.0
        for column in 0..<columns {
            let wanted = (0..<rows).map { Double(faces.numbers[$0 * columns + column]) }
            let wrong = (0..<rows).reduce(0.0) { sum, row in
                let difference = Double(outputs[row * columns + column]) - wanted[row]
                return sum + difference * difference
            }
            let mean = wanted.reduce(0, +) / Double(max(1, rows))
            let spread = wanted.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            let weight = Double(weights[column]) / Double(columns)
            record.validationLoss += weight * wrong / Double(max(1, rows))
            explained += weight * (1 - wrong / max(spread, 1e-12))
        }
        record.explained = explained
        return record
    }
}
