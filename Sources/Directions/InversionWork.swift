import Core
import Encoders
import Foundation
import Generators
import Images
import Inversion
import LatentStore
import Latents
import Weights

/// Inverts pictures one batch after the other; each batch is stored before the next begins.
struct InversionWork {
    /// A picture without a code yet.
    struct Waiting {
        let file: String
        let key: InversionKey
    }

    /// A picture without a code yet that has been read.
    private struct Ready {
        let file: String
        let key: InversionKey
        let width: Int
        let height: Int
        /// The face at the side that the search compares at.
        let face: Image
        /// Where the face lies, as JSON; nil where the picture is its square.
        let alignment: String?
    }

    /// What codes are found with; loaded when the first picture can be used.
    private struct Way {
        let generator: Generator
        let inverter: Inverter
        let encoder: (any PhotographEncoder)?
        let consultation: FaceConsultation?
        let tuner: PivotalTuner?
    }

    private let session: Session
    private let request: InvertRequest
    private let method: InvertRequest.Method
    private let store: LatentStore
    private var loaded: Way?

    init(
        _ session: Session, _ request: InvertRequest, _ method: InvertRequest.Method, store: LatentStore
    ) {
        self.session = session
        self.request = request
        self.method = method
        self.store = store
    }

    /// Inverts the pictures that can be used.
    ///
    /// - Returns: What was found, by file, and why others were left out.
    mutating func run(_ waiting: [Waiting]) throws -> (found: [String: InvertedPhotograph], leftOut: [Failure]) {
        let context = session.context
        let progress = context.progress("invert", unit: "photographs", total: waiting.count)
        defer { progress.finish() }
        var (found, leftOut): ([String: InvertedPhotograph], [Failure]) = ([:], [])
        var ready: [Ready] = []
        for (index, one) in waiting.enumerated() {
            try context.check()
            do {
                let face = try PhotographFace(
                    one.file, isAligned: request.isAligned, number: request.face, detector: session.faceDetector,
                    context: context)
                ready.append(
                    Ready(
                        file: one.file, key: one.key, width: face.picture.width, height: face.picture.height,
                        face: face.square.centredSquare(size: Inverter.side), alignment: try face.alignment()))
            } catch let failure as Failure where failure.kind != .cancelled {
                leftOut.append(failure)
            }
            if ready.isEmpty { continue }
            let way = try way()
            let batch = method == .tune ? 1 : way.inverter.batch
            guard ready.count == batch || index == waiting.count - 1 else { continue }
            let records = zip(ready, try inversions(of: ready, way)).map { one, result in
                (
                    PhotographRecord(
                        sha256: one.key.photograph, path: URL(fileURLWithPath: one.file).path, width: one.width,
                        height: one.height),
                    InversionRecord(one.key, result, alignment: one.alignment)
                )
            }
            if !method.isBaseline { try store.insert(records, generator: way.generator.identity.record) }
            for (one, record) in zip(ready, records) {
                found[one.file] = InvertedPhotograph(one.file, record.1, isNew: true)
            }
            progress.advance(ready.count)
            ready = []
        }
        return (found, leftOut)
    }

    private mutating func way() throws -> Way {
        if let loaded { return loaded }
        let generator = try session.generator(request.generator)
        let found = Way(
            generator: generator, inverter: try session.inverter(generator),
            encoder: method.hasEncoder
                ? try session.photographEncoder(for: generator, named: request.encoder)
                : method.isBaseline ? try session.baseline(method, for: generator) : nil,
            consultation: method == .encoder && request.isConsulted && request.encoder == nil
                ? try session.consultation(for: generator, isGrey: false) : nil,
            tuner: method == .tune
                ? try PivotalTuner(
                    generator, perceptual: session.perceptualNetwork(),
                    embedder: session.identityJudge() ?? session.embedder()) : nil)
        loaded = found
        return found
    }

    /// Codes of a few photographs by the method that was asked for.
    private func inversions(of ready: [Ready], _ way: Way) throws -> [Inversion] {
        let (context, inverter) = (session.context.quiet, way.inverter)
        let photographs = ImageBatch(ready.map(\.face), side: Inverter.side)
        if let tuner = way.tuner {
            return try ready.indices.map { try tuned(ready[$0], photographs[$0..<$0 + 1], tuner, way) }
        }
        guard let encoder = way.encoder else {
            return try inverter.invert(photographs, budget: request.budget, context: context)
        }
        if method == .encoder {
            return try inverter.encode(
                photographs, by: encoder,
                faces: way.consultation.map { consultation in
                    {
                        try consultation.faces(of: $0, photographs: photographs, isGrey: false).faces(
                            size: Inverter.side)
                    }
                })
        }
        if method.isAtOnce { return try inverter.encode(photographs, by: encoder) }
        return try inverter.invert(
            photographs, start: encoder.codes(of: photographs), budget: request.budget, context: context)
    }

    /// Tunes the generator to a photograph, from the newest code that the database has of it, or from one looked for now.
    private func tuned(
        _ one: Ready, _ photograph: ImageBatch, _ tuner: PivotalTuner, _ way: Way
    ) throws -> Inversion {
        let context = session.context.quiet
        let known = try store.inversions(
            ofPhotograph: one.key.photograph, face: one.key.face, generator: one.key.generator
        ).first { $0.key.method != InvertRequest.Method.tune.rawValue }
        let pivot: Inversion
        if let known {
            let identity = way.generator.identity
            let own = try LatentCodes(known.ownCode, rows: identity.layers, size: identity.latentSize)
            pivot = try way.inverter.measured(own, photograph, steps: known.steps, seconds: known.seconds)[0]
        } else {
            let search = InversionBudget(
                steps: request.budget.steps, seconds: request.budget.seconds == nil ? nil : 40)
            pivot = try way.inverter.invert(photograph, budget: search, context: context)[0]
        }
        let found = try tuner.tune(photograph, from: pivot, budget: request.budget, context: context)
        try SafetensorsFile(
            tensors: found.differences,
            metadata: [
                "format": Session.tuningFormat, "generator": one.key.generator, "photograph": one.key.photograph,
            ]
        ).write(to: session.tuningFile(one.key))
        return found.inversion
    }
}
