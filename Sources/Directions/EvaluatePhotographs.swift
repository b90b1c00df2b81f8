import Classifiers
import Core
import DirectionFiles
import Editing
import Evaluation
import Faces
import Generators
import Images
import Latents

/// What directions do to people's photographs, in the figures of generated faces.
extension Session {
    /// Edits photographs along directions and scores what comes out.
    ///
    /// The unedited picture is the photograph itself, so that face similarity is that to the person on it.
    ///
    /// - Parameters:
    ///   - source: The photographs; their codes are found where the database has none.
    ///   - files: The directions.
    ///   - strengths: In sigma, ascending.
    ///   - request: The rest of what was asked for.
    ///   - generator: The generator.
    ///   - judge: The classifier.
    ///   - embedder: The face-recognition network; nil leaves similarity out.
    /// - Returns: The logits of each direction, in their order.
    /// - Throws: ``Core/Failure`` as ``editPhotographs(_:)``.
    func measured(
        on source: PhotographSource, _ files: [DirectionFile], strengths: [Double], _ request: EvaluateRequest,
        generator: Generator, judge: AttributeClassifier, embedder: FaceEmbedder?
    ) throws -> [DirectionEvaluator.Measured] {
        let photographs = try codedPhotographs(source, generator: request.generator)
        let identity = generator.identity
        let layers = try request.layers?.range(rows: identity.styleGAN2Layers)
        let rendering = FaceRendering(threads: request.threads, device: request.device, isHalf: request.isHalf)
        let plain = try editor(of: source, generator, rendering)
        let progress = context.progress(
            "evaluate photographs", unit: "pictures", total: photographs.count * files.count * strengths.count)
        defer { progress.finish() }
        var base = Scores()
        var edited = files.map { _ in strengths.map { _ in Scores() } }
        var regions = [PhotographRegions?](repeating: nil, count: files.count)
        for photograph in photographs {
            let face = try PhotographFace(
                photograph.file, isAligned: source.isAligned, number: source.face, alignment: photograph.alignment,
                detector: faceDetector, context: context)
            try base.add(face.square, judge, embedder)
            let editor = try photograph.tuning.map {
                try PhotographEditor(tuned(generator, by: $0), rendering: rendering)
            }
            let code = try LatentCodes(
                photograph.code, rows: identity.styleGAN2Layers, size: identity.latentSize)
            let edits = try (editor ?? plain).edits(of: face, code: code)
            for (direction, file) in files.enumerated() {
                let plan = EditPlan(
                    codes: code, labels: [photograph.label], mixtures: [EditMixture(EditDirection(file))],
                    strengths: strengths.map(Float.init), unit: .sigma, layers: layers, layerCount: code.rows)
                let codes = try plan.edited()
                // Which does not depend on the photograph.
                var own = regions[direction] ?? PhotographRegions(plain, plan, classifier: judge)
                defer { regions[direction] = own }
                for strength in strengths.indices {
                    try context.check()
                    let region = try own.region(
                        mixture: 0, strength: plan.strengths[strength], of: code, face: face.square)
                    let picture = try edits.picture(
                        of: codes.slice(strength..<strength + 1), region: region, isCropped: true)
                    try edited[direction][strength].add(picture, judge, embedder)
                    progress.advance(1)
                }
            }
        }
        return files.enumerated().map { direction, file in
            var measured = DirectionEvaluator.Measured(
                label: "\(file.label) photographs", strengths: strengths, logits: edited[direction].map(\.logits),
                base: base.logits)
            if embedder != nil { measured.embeddings = (edited[direction].map(\.embeddings), base.embeddings) }
            return measured
        }
    }

    /// Logits and embeddings of some pictures.
    private struct Scores {
        var logits: [Float] = []
        var embeddings: [Float] = []

        mutating func add(_ picture: Image, _ judge: AttributeClassifier, _ embedder: FaceEmbedder?) throws {
            let face = FaceFrame.ffhq.crop(picture, size: judge.inputSize)
            logits += try judge.logits(ImageBatch([face], side: judge.inputSize))
            embeddings += try embedder?.embeddings(pictures: [picture]) ?? []
        }
    }
}
