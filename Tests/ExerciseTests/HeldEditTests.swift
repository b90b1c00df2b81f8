import Classifiers
import Core
import DirectionFitting
import Foundation
import Generators
import Images
import Latents
import Objectives
import Testing

/// Classifiers in a panel, and edits that hold, on toy faces and the classifier of their two attributes.
extension OwnAttributesTests {
    @Test func aPanelsLogitsAreInOneScaleAndPulledBack() throws {
        let (classifier, faces) = (try classifier(), try ToyFaces())
        let images = try faces.synthesize(ToyFaces.codes(seed: 8, count: 40), size: ToyFaces.side, noise: .none)
        let own = try classifier.logits(images)
        // The second member is the first one with logits three times as far apart: its scale is brought back.
        let panel = try ClassifierPanel([classifier, classifier]).scaled(to: [own, own.map { 3 * $0 }])
        let logits = try panel.logits(images)
        #expect(Array(logits[..<own.count]) == own)
        let thresholds = panel.thresholds
        for (i, value) in logits[own.count...].enumerated() {
            let threshold = thresholds[i % 2]
            #expect(abs(value - (threshold + (own[i] - threshold) / 3)) < 1e-3)
        }
        // Slopes in views, of single pictures: those without JPEG, whose way back is not its slope.
        let number = try #require(
            (0..<20).first { step in
                panel.views(count: 1, seed: 4, step: step).allSatisfy { !$0[0].isStraightThrough }
            })
        let views = panel.views(count: 1, seed: 4, step: number)
        let (one, wave) = (images[0..<1], images[1..<2].planes)
        let weights: [Float] = [1, -0.5, 0.25, 2]
        let found = try panel.backward(one, views: views, gradients: weights)
        func value(_ step: Float) throws -> Float {
            var moved = one
            for i in wave.indices { moved.planes[i] += step * wave[i] }
            return zip(try panel.logits(moved, views: views), weights).reduce(0) { $0 + $1.0 * $1.1 }
        }
        let expected = zip(found.planes, wave).reduce(0) { $0 + $1.0 * $1.1 }
        let slope = (try value(4e-4) - value(-4e-4)) / 8e-4
        #expect(abs(expected) > 0.05 && abs(slope - expected) < 0.05 * abs(expected) + 0.02, "\(slope), \(expected)")
    }

    /// An edit that adds a hat, and age that nobody asked for.
    private func edit() throws -> EditHolder.Edit {
        .init(change: [1, 0.8, 0, 0], targets: [.init(try .named("hat"))], sigma: 1)
    }

    private func makeHolder(_ held: EditHolder.Held) throws -> (EditHolder, ToyFaces) {
        let folder = NSTemporaryDirectory() + "held-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try ToyArchitecture.write(to: folder)
        let faces = try ToyFaces()
        return (
            try EditHolder(
                held, generator: Generator.load(folder: folder), synthesizer: faces,
                panel: ClassifierPanel([classifier()]), keeping: FaceKeeping(perceptual: nil, embedder: nil)), faces
        )
    }

    @Test func heldEditsGiveNoLessWithStrengthAndHoldTheOthers() throws {
        let (holder, faces) = try makeHolder(.others)
        let codes = try ToyFaces.codes(seed: 12, count: 10)
        let strengths: [Float] = [0, 0.75, 1.5, 2.25, 3, 4.5, -1.5, -3]
        let found = try holder.codes(of: codes, edit: edit(), strengths: strengths)
        // Nothing at all is nothing, to the bit.
        #expect(found[0] == codes)
        let classifier = try classifier()
        func logits(_ codes: LatentCodes) throws -> [Float] {
            try classifier.logits(faces.synthesize(codes, size: ToyFaces.side, noise: .none))
        }
        let base = try logits(codes)
        let held = try found.map(logits)
        for face in 0..<codes.count {
            // At the strengths that codes are found at: 1.5, 3, 4.5; the other way -1.5, -3.
            for path in [[0, 2, 4, 5], [0, 6, 7]] {
                let hats = path.map { held[$0][2 * face] * (path.last == 7 ? -1 : 1) }
                for (less, more) in zip(hats, hats.dropFirst()) { #expect(more >= less - 1e-4, "\(hats)") }
            }
        }
        func mean(_ logits: [Float], _ column: Int) -> Float {
            (0..<codes.count).reduce(0) { $0 + abs(logits[2 * $1 + column] - base[2 * $1 + column]) } / 10
        }
        let change = try edit().change
        var plain = codes
        for i in plain.values.indices { plain.values[i] += 3 * change[i % 4] }
        let plainly = try logits(plain)
        #expect(mean(held[4], 1) < 0.6 * mean(plainly, 1), "\(mean(held[4], 1)), \(mean(plainly, 1))")
        #expect(mean(held[4], 0) > 0.7 * mean(plainly, 0), "\(mean(held[4], 0)), \(mean(plainly, 0))")
        // A strength alone is what it is among others, and a face what it is among others.
        let alone = try holder.codes(of: codes.slice(3..<4), edit: edit(), strengths: [2.25])[0]
        for (a, b) in zip(alone.values, try found[3].slice(3..<4).values) { #expect(abs(a - b) < 1e-3) }
    }

    @Test func whatIsHeldIsNamed() throws {
        #expect(try EditHolder.Held("others") == .others && EditHolder.Held("person") == .person)
        #expect(try EditHolder.Held("male,young") == .attributes([.named("male"), .named("young")]))
        #expect(throws: Failure.self) { try EditHolder.Held("") }
        #expect(throws: Failure.self) { try makeHolder(.attributes([.named("smiling")])) }
        let (holder, _) = try makeHolder(.others)
        var edit = try edit()
        edit.targets = [.init(try .named("smiling"))]
        let failure = #expect(throws: Failure.self) {
            try holder.codes(of: ToyFaces.codes(seed: 1, count: 1), edit: edit, strengths: [1])
        }
        #expect(failure?.kind == .conflict)
    }
}
