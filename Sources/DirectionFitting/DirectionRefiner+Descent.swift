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
        let groups = DirectionRefiner.groups(layers: generator.identity.styleGAN2Layers)
        var descent = LocalDescent(
            baseline: baseline.values.map { Double($0) * Double(baseline.sigma) * reference.strength },
            groups: groups.count, successRate: reference.successRate, metric: metric, target: column, targets: width,
            threshold: threshold, steps: steps)
        let multiples = LocalDescent.multiples(count: batch)
        var fresh = evaluator
        fresh.seed = DirectionRefiner.descentSeed
        let base = try fresh.unedited(count: steps * batch)
        let progress = context.progress("refine \(baseline.attribute)", unit: "faces", total: steps * batch)
        defer { progress.finish() }
        for step in 0..<steps {
            try context.check()
            let codes = try codes(descent.direction, groups: groups, multiples: multiples, step: step)
            let gradients = try logits.backward(codes) { logits in
                descent.gradients(
                    base: Array(base[step * batch * width..<(step + 1) * batch * width]), logits: logits)
            }
            try descent.move(perFace(gradients, groups: groups, multiples: multiples))
            progress.advance(batch, note: descent.note)
        }
        return descent.result
    }

    /// The fresh faces of a step, edited along the direction so far.
    private func codes(
        _ direction: [[Double]], groups: [(first: Int, last: Int)], multiples: [Float], step: Int
    ) throws -> LatentCodes {
        let (size, layers) = (generator.identity.latentSize, generator.identity.styleGAN2Layers)
        let batch = settings.batch
        let latents = try generator.latents(
            seed: DirectionRefiner.descentSeed, indices: UInt64(step * batch)..<UInt64((step + 1) * batch))
        var codes: [Float] = []
        codes.reserveCapacity(batch * layers * size)
        for face in 0..<batch {
            let latent = latents[face * size..<(face + 1) * size]
            for (vector, group) in zip(direction, groups) {
                let row = zip(latent, vector).map { $0 + multiples[face] * Float($1) }
                for _ in group.first...group.last { codes += row }
            }
        }
        return try LatentCodes(codes, rows: layers, size: size)
    }

    /// Gradients of codes [batch, layers, size] as those of the groups' vectors, [batch][groups · size].
    private func perFace(
        _ gradients: [Float], groups: [(first: Int, last: Int)], multiples: [Float]
    ) -> [[Double]] {
        let (size, layers) = (generator.identity.latentSize, generator.identity.styleGAN2Layers)
        return (0..<settings.batch).map { face in
            var gradient = [Double](repeating: 0, count: groups.count * size)
            for (index, group) in groups.enumerated() {
                for layer in group.first...group.last {
                    let start = (face * layers + layer) * size
                    for i in 0..<size {
                        gradient[index * size + i] += Double(multiples[face] * gradients[start + i])
                    }
                }
            }
            return gradient
        }
    }

    /// Vectors of the groups of layers as a direction whose sigma is their length.
    func file(_ baseline: DirectionFile, _ vectors: [[Double]]) throws -> DirectionFile {
        let layers = generator.identity.styleGAN2Layers
        let rows = zip(DirectionRefiner.groups(layers: layers), vectors).flatMap { group, vector in
            (group.first...group.last).flatMap { _ in vector }
        }
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
        metadata.created = ISO8601DateFormatter().string(from: Date())
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
