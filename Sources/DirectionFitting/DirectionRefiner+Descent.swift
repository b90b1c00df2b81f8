import Core
import DirectionFiles
import Editing
import Fitting
import Foundation
import Images
import Inversion
import Latents
import Objectives

extension DirectionRefiner {
    /// Faces that the region of an attribute is learnt from.
    private static let regionFaces = 8

    /// The vectors [groups][size] that the descent comes to.
    func descend(
        _ baseline: DirectionFile, _ reference: LocalResponse.Effect, _ metric: LatentMetric, column: Int,
        threshold: Float
    ) throws -> [[Double]] {
        let (steps, batch, size) = (settings.steps, settings.batch, generator.identity.latentSize)
        let (groups, side) = (groups, synthesizer.sizes.smallest(covering: max(panel.side, keeping.side)))
        let start = baseline.values.map { Double($0) * Double(baseline.sigma) * reference.strength }
        var descent = LocalDescent(
            baseline: start, groups: groups.ranges.count, successRate: reference.successRate, metric: metric,
            target: column, targets: panel.attributes.count, threshold: threshold, steps: steps,
            judges: panel.members.count)
        let inside = try region(start.map { Float($0) }, column: column).weights(side: side)
        let multiples = LocalDescent.multiples(count: batch)
        let progress = context.progress("refine \(baseline.attribute)", unit: "faces", total: steps * batch)
        defer { progress.finish() }
        for step in 0..<steps {
            try context.check()
            let latents = try latents(step: step)
            let before = try synthesizer.synthesize(LatentCodes(latents, size: size), size: side, noise: .none)
            let codes = try codes(latents, groups.spread(descent.direction), multiples: multiples)
            let edited = try synthesizer.record(codes, size: side, noise: .none)
            let views = panel.views(count: batch, seed: DirectionRefiner.descentSeed, step: step)
            let kept = try keeping.objective(before: before, inside: inside).evaluate(edited.images)
            let logits = try panel.logits(edited.images, views: views)
            let slopes = descent.gradients(
                base: try panel.logits(before, views: views), logits: logits, cost: kept.total / Double(batch))
            var pulled = try panel.backward(edited.images, views: views, gradients: slopes)
            pulled = pulled + kept.gradients.divided(by: Float(batch))
            let gradients = try edited.backward(pulled)
            let stride = groups.rows * size
            try descent.move(
                (0..<batch).map { face in
                    groups.sums(
                        gradients[face * stride..<(face + 1) * stride], size: size, scale: multiples[face])
                })
            progress.advance(batch, note: descent.note)
        }
        return descent.result
    }

    /// Where the attribute lives: where an edit along the baseline changes what its logit sees.
    private func region(_ change: [Float], column: Int) throws -> EditRegion {
        let classifier = panel.members[0]
        let faces = try generator.latents(
            seed: DirectionRefiner.seed, indices: 0..<UInt64(DirectionRefiner.regionFaces))
        return EditRegion(
            parts: try EditRegion.parts(
                of: change, at: LatentCodes(faces, size: change.count),
                columns: classifier.columns([panel.attributes[column]]), classifier: classifier,
                synthesizer: synthesizer), side: classifier.inputSize)
    }

    /// w of the fresh faces of a step, [batch, size].
    private func latents(step: Int) throws -> [Float] {
        let places = step * settings.batch..<(step + 1) * settings.batch
        guard let descentFaces else {
            return try generator.latents(
                seed: DirectionRefiner.descentSeed, indices: UInt64(places.lowerBound)..<UInt64(places.upperBound))
        }
        return try descentFaces[places].flatMap { place in
            try generator.latents(seed: DirectionRefiner.descentSeed, indices: UInt64(place)..<UInt64(place + 1))
        }
    }

    /// The fresh faces of a step, edited along the direction so far, [layers][size].
    private func codes(
        _ latents: [Float], _ direction: [[Double]], multiples: [Float]
    ) throws -> LatentCodes {
        let (size, batch) = (generator.identity.latentSize, settings.batch)
        var codes: [Float] = []
        codes.reserveCapacity(batch * direction.count * size)
        for face in 0..<batch {
            let latent = latents[face * size..<(face + 1) * size]
            for vector in direction { codes += zip(latent, vector).map { $0 + multiples[face] * Float($1) } }
        }
        return try LatentCodes(codes, rows: direction.count, size: size)
    }

    /// Vectors of the groups of layers as a direction whose sigma is their length.
    func file(_ baseline: DirectionFile, _ vectors: [[Double]]) throws -> DirectionFile {
        let layers = groups.rows
        let rows = groups.spread(vectors).flatMap { $0 }
        // A direction's rows have lengths with a mean square of 1.
        let length = max((rows.reduce(0) { $0 + $1 * $1 } / Double(layers)).squareRoot(), 1e-12)
        var metadata = baseline.metadata
        metadata.space = .wPlus
        return try DirectionFile(
            attribute: baseline.attribute, values: rows.map { Float($0 / length) }, rows: layers, intercept: 0,
            sigma: Float(length), metadata: metadata)
    }

    /// What names the refinement: the same inputs make no new version, so these texts never change.
    func inputs(_ baseline: DirectionFile) throws -> String {
        var texts = [
            "solver": "local", "method": "natural descent, \(DirectionRefiner.ownLayers) own layers, views 1, reach 1",
            "faces": "\(settings.faces)", "steps": "\(settings.steps)", "batch": "\(settings.batch)",
            "seeds": "\(DirectionRefiner.seed),\(DirectionRefiner.descentSeed)",
            "classifier": panel.members.map(\.sha256).joined(separator: ","), "keeping": keeping.description,
            "plain": Hashing.sha256(try baseline.encoded()),
        ]
        // What was made among all faces keeps its name.
        texts["among"] = settings.among
        return DirectionMetadata.fingerprint(texts)
    }

    func write(
        _ found: DirectionFile, _ baseline: DirectionFile, _ inputs: String, ratio: Double
    ) throws -> Outcome {
        var direction = found
        var metadata = direction.metadata
        metadata.solver = .init(
            name: DirectionMetadata.refined, regularisation: 0, objective: ratio, iterations: settings.steps)
        metadata.refinement = .init(
            start: baseline.label, faces: settings.faces, steps: settings.steps, batch: settings.batch, ratio: ratio,
            seeds: (DirectionRefiner.seed, DirectionRefiner.descentSeed), classifiers: panel.members.map(\.sha256),
            among: settings.among, skin: keeping.skin, natural: keeping.natural)
        metadata.trainAccuracy = nil
        metadata.validationAccuracy = nil
        metadata.restAccuracy = nil
        metadata.orthogonalTo = []
        metadata.created = Timestamp.ofCreation()
        metadata.program = "directions \(Version.current)"
        metadata.inputs = inputs
        direction.metadata = metadata
        let stored = try library.add(direction)
        try store.recordDirection(
            attribute: Attribute.named(baseline.attribute), version: stored.direction.version, path: stored.path,
            sha256: Hashing.sha256(file: stored.path), generator: generator.identity.sha256, selection: nil,
            metadata: stored.direction.metadata.texts)
        return Outcome(
            stored: StoredDirection(direction: stored.direction, path: stored.path, isNew: stored.isNew), ratio: ratio)
    }
}
