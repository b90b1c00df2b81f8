import Core
import DirectionFiles
import Fitting
import Foundation
import Latents

extension DirectionRefiner {
    /// The vectors [groups][size] that the descent comes to.
    func descend(
        _ baseline: DirectionFile, _ reference: LocalResponse.Effect, _ metric: LatentMetric, column: Int,
        threshold: Float
    ) throws -> [[Double]] {
        let (steps, batch, width) = (settings.steps, settings.batch, classifier.attributes.count)
        let (groups, size) = (groups, generator.identity.latentSize)
        var descent = LocalDescent(
            baseline: baseline.values.map { Double($0) * Double(baseline.sigma) * reference.strength },
            groups: groups.ranges.count, successRate: reference.successRate, metric: metric, target: column,
            targets: width,
            threshold: threshold, steps: steps)
        let multiples = LocalDescent.multiples(count: batch)
        var fresh = evaluator
        fresh.seed = DirectionRefiner.descentSeed
        let base = try fresh.unedited(count: steps * batch)
        let progress = context.progress("refine \(baseline.attribute)", unit: "faces", total: steps * batch)
        defer { progress.finish() }
        for step in 0..<steps {
            try context.check()
            let codes = try codes(groups.spread(descent.direction), multiples: multiples, step: step)
            let gradients = try logits.backward(codes) { logits in
                descent.gradients(
                    base: Array(base[step * batch * width..<(step + 1) * batch * width]), logits: logits)
            }
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

    /// The fresh faces of a step, edited along the direction so far, [layers][size].
    private func codes(_ direction: [[Double]], multiples: [Float], step: Int) throws -> LatentCodes {
        let (size, batch) = (generator.identity.latentSize, settings.batch)
        let latents = try generator.latents(
            seed: DirectionRefiner.descentSeed, indices: UInt64(step * batch)..<UInt64((step + 1) * batch))
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
        DirectionMetadata.fingerprint([
            "solver": "local", "method": "natural descent, \(DirectionRefiner.ownLayers) own layers",
            "faces": "\(settings.faces)", "steps": "\(settings.steps)", "batch": "\(settings.batch)",
            "seeds": "\(DirectionRefiner.seed),\(DirectionRefiner.descentSeed)", "classifier": classifier.sha256,
            "plain": Hashing.sha256(try baseline.encoded()),
        ])
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
            seeds: (DirectionRefiner.seed, DirectionRefiner.descentSeed))
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
