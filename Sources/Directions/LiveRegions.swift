import Classifiers
import Core
import DirectionFiles
import Editing
import Foundation
import Images
import Inversion
import Latents
import Synchronization

/// Where the directions of a live editor change photographs' faces, each found once and kept.
final class LiveRegions: Sendable {
    private let faces: LiveFaces
    private let editor: PhotographEditor
    /// By the directions' labels and signs.
    private let found = Mutex<[String: PhotographRegions]>([:])
    /// One region is found at a time.
    private let finding = Mutex(())

    /// - Parameters:
    ///   - faces: Whose directions they are.
    ///   - editor: Makes faces.
    init(_ faces: LiveFaces, editor: PhotographEditor) {
        self.faces = faces
        self.editor = editor
    }

    /// Where the attributes of some steps live.
    ///
    /// - Parameters:
    ///   - steps: What is added to a face's code.
    ///   - code: The code.
    ///   - face: The photograph's square.
    ///   - isWaited: Whether regions are found that were not yet; a preview does without them until a full picture needed them.
    /// - Returns: The region; nil keeps changes everywhere, as those of an attribute that the classifier does not know.
    /// - Throws: ``Core/Failure``: no such direction (not found), or as synthesis throws.
    func region(
        of steps: [LiveStep], at code: LatentCodes, face: Image, isWaited: Bool
    ) throws -> EditRegion? {
        var all: EditRegion?
        for step in steps where step.strength != 0 {
            let file = try faces.direction(step.direction)
            let strength: Float = step.strength < 0 ? -2.5 : 2.5
            let found =
                isWaited
                ? try region(file, strength: strength, at: code, face: face)
                : known(file, strength: strength, at: code)
            guard let found else { return nil }
            all = all?.joined(found) ?? found
        }
        return all
    }

    private func key(_ file: DirectionFile, _ strength: Float) -> String { "\(file.label)\(strength < 0 ? "-" : "+")" }

    private func known(_ file: DirectionFile, strength: Float, at code: LatentCodes) -> EditRegion? {
        found.withLock { $0[key(file, strength)] }?.found(mixture: 0, strength: strength, of: code)
    }

    private func region(
        _ file: DirectionFile, strength: Float, at code: LatentCodes, face: Image
    ) throws -> EditRegion? {
        let key = key(file, strength)
        return try finding.withLock { _ in
            var regions = try found.withLock { $0[key] } ?? regions(file, strength: strength)
            let region = try regions.region(mixture: 0, strength: strength, of: code, face: face)
            found.withLock { $0[key] = regions }
            return region
        }
    }

    private func regions(_ file: DirectionFile, strength: Float) throws -> PhotographRegions {
        let identity = faces.generator.identity
        let mean = try LatentCodes(
            (0..<identity.styleGAN2Layers).flatMap { _ in faces.generator.meanLatent }, rows: identity.styleGAN2Layers,
            size: identity.latentSize)
        let plan = EditPlan(
            codes: mean, labels: [""], mixtures: [EditMixture(EditDirection(file))], strengths: [strength],
            unit: .sigma, layerCount: mean.rows)
        return PhotographRegions(editor, plan, classifier: try faces.judge())
    }
}
