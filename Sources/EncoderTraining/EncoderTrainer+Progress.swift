import Core
import Encoders
import Foundation
import Images

/// What a run shows of itself, and when it has learnt enough.
extension EncoderTrainer {
    /// Photographs on a sheet.
    private static let shown = 6

    /// Where the newest sheet lies.
    public var sheetPath: String { "\(plan.folder)/sheet.png" }

    /// Passes over the photographs so far; nil where there are none.
    var epoch: Double? {
        let each = settings.imageBatch - settings.generated
        guard !plan.photographs.isEmpty, each > 0 else { return nil }
        return Double(max(0, position.step - settings.latentSteps) * each) / Double(plan.photographs.count)
    }

    /// What validations are compared by: the smaller, the better.
    func score(_ record: EncoderRecord) -> Double {
        switch settings.input {
        case .colour: record.l2 + record.lpips
        case .grey: record.greyL2 + record.greyLPIPS
        case .both: (record.l2 + record.lpips + record.greyL2 + record.greyLPIPS) / 2
        }
    }

    /// Whether the last validations brought nothing better; pairs are learnt to their last step.
    var isWornOut: Bool {
        guard let patience = settings.patience, !plan.validation.isEmpty, position.step > settings.latentSteps else {
            return false
        }
        let recent = position.history.filter { $0.step > settings.latentSteps }.map(score)
        guard recent.count > patience, let best = recent.min(), let place = recent.firstIndex(of: best) else {
            return false
        }
        let isOver = recent.count - 1 - place >= patience
        if isOver {
            context.notice("train-encoder: \(patience) validations brought nothing better, so this is the end")
        }
        return isOver
    }

    /// Photographs, what the running average's codes show of them, and the same without colours: a few of the validation part.
    func writeSheet() throws {
        let files = plan.validation.prefix(EncoderTrainer.shown)
        if files.isEmpty { return }
        let size = generator.size(256)
        let faces = ImageBatch(try files.map { try Image.read($0).centredSquare(size: size) }, side: size)
        let encoder = try FaceEncoder(
            card: card(), network: copy(), coordinates: coordinates, synthesizer: synthesizer)
        var columns: [[Image]] = []
        for pictures in [faces, faces.grey()] {
            columns.append(pictures.images)
            columns.append(try synthesizer.synthesize(encoder.codes(of: pictures), size: size, noise: .none).images)
        }
        let rows = files.indices.map { row in columns.map { Optional($0[row]) } }
        try Grid(rows, columnLabels: ["photograph", "found", "grey", "found"]).rendered().write(to: sheetPath)
    }
}
