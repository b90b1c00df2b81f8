import Core
import Encoders
import Foundation
import Generators
import Images
import Inversion
import Latents

/// Which ways to find codes to measure, on which photographs.
public struct EvaluateInversionRequest: Sendable {
    /// A folder of aligned photographs.
    public var folder: String
    /// How many of them, the first by name; nil for all.
    public var count: Int?
    /// The rows.
    public var methods: [InvertRequest.Method]
    /// Whether methods see grey photographs; they are compared in colour all the same.
    public var isGrey = false
    /// When a search from the encoder's code ends, for each photograph.
    public var refinement = InversionBudget(seconds: 20)
    /// When a search from the mean latent ends, for each photograph.
    public var search = InversionBudget(seconds: 40)
    /// When the tuning of the generator ends, for each photograph, after a search from the mean latent.
    public var tuning = InversionBudget(seconds: 240)
    /// The encoder, by its name in the workspace or its file; nil takes any of the generator.
    public var encoder: String?
    /// The generator's name in the workspace.
    public var generator = "default"
    /// Whether figures of searches that an evaluation before found are taken as they are.
    public var resumes = false

    /// - Parameters:
    ///   - folder: A folder of aligned photographs.
    ///   - count: How many of them; nil for all.
    ///   - methods: The rows.
    public init(
        _ folder: String, count: Int? = nil,
        methods: [InvertRequest.Method] = [.mean, .nearest, .encoder, .encoderAndOptimise, .optimise]
    ) {
        self.folder = folder
        self.count = count
        self.methods = methods
    }

    /// Checks what can be checked before anything is read.
    ///
    /// - Throws: ``Core/Failure`` (usage) for no rows, tuning to grey photographs, or a number out of range.
    public func validate() throws {
        guard !methods.isEmpty else {
            throw Failure("methods", "are none", "for example mean, encoder", kind: .usage)
        }
        guard !isGrey || !methods.contains(.tune) else {
            throw Failure("method tune", "would take a photograph's colours away", "leave it out", kind: .usage)
        }
        guard count ?? 1 > 0 else { throw Failure("count \(count ?? 0)", "must be 1 or more", kind: .usage) }
        try refinement.validate()
        try search.validate()
        try tuning.validate()
    }
}

extension EvaluateInversionRequest {
    /// A budget as tables name it.
    fileprivate static func text(_ budget: InversionBudget) -> String {
        budget.seconds.map { String(format: "%g s", $0) } ?? budget.steps.map { "\($0) steps" } ?? ""
    }

    /// What the figures of a search hang on beside the photograph.
    ///
    /// - Parameters:
    ///   - method: A method that searches.
    ///   - generator: Whose codes are looked for.
    ///   - networks: Those of the losses and of the figures, by name.
    ///   - encoder: SHA-256 of the encoder's file; nil for a search from the mean.
    /// - Returns: Text that is another where any of it is.
    /// - Throws: What encoding the settings throws.
    fileprivate func key(
        _ method: InvertRequest.Method, generator: Generator, networks: String, encoder: String?
    ) throws -> String {
        let budget = method == .tune ? tuning : method == .encoderAndOptimise ? refinement : search
        let settings = try InvertRequest([], method: method, budget: budget, isAligned: true)
            .settings(method, encoder: encoder)
        return [
            method.rawValue, method == .tune ? EvaluateInversionRequest.text(search) : nil, isGrey ? "grey" : nil,
            generator.identity.sha256, networks, settings,
        ].compactMap(\.self).joined(separator: ", ")
    }
}

extension Session {
    /// Measures ways to find codes on the same photographs, and keeps the table for the workspace's report.
    ///
    /// Nothing is taken from the database or put into it. What searches find is kept photograph by photograph: the same request
    /// with `resumes` goes on where a stopped one was.
    ///
    /// - Throws: ``Core/Failure``: a request out of range (usage), no such generator, no encoder or networks (not found), a picture
    ///   that can't be used, or a stop.
    public func evaluateInversion(_ request: EvaluateInversionRequest) throws -> InversionTable {
        try request.validate()
        let files = try pictureFiles([request.folder])
        let chosen = Array(files.prefix(request.count ?? files.count))
        let generator = try generator(request.generator)
        var settings = InversionSettings()
        if request.isGrey { settings.greyWeights = [0.299, 0.587, 0.114] }
        let inverter = try inverter(generator, settings: settings)
        if !FileManager.default.fileExists(atPath: workspace.sfaceNetwork) {
            context.notice(
                "evaluate-inversion: identity is that of the loss's own network; `directions import sface` fetches another"
            )
        }
        let ours =
            request.methods.contains(where: \.hasEncoder)
            ? try photographEncoder(for: generator, named: request.encoder) : nil
        let tuner =
            request.methods.contains(.tune)
            ? try PivotalTuner(generator, perceptual: perceptualNetwork(), embedder: identityJudge() ?? embedder())
            : nil
        let progress = context.progress(
            "evaluate-inversion", unit: "photographs", total: chosen.count * request.methods.count)
        defer { progress.finish() }
        // Without the network of the identity loss a search finds something else.
        let hasIdentity = FileManager.default.fileExists(atPath: workspace.identityNetwork)
        let networks = "\(hasIdentity ? "dlib" : "none"), \(inverter.judgeTitle ?? "none")"
        let encoderFile =
            try request.encoder.map { try encoderPath(named: $0, for: generator.identity) }
            ?? encoderPath(for: generator.identity)
        var journal =
            request.methods.allSatisfy(\.isAtOnce) ? nil : try InversionJournal(workspace.inversionJournal)
        let pictures = try chosen.map { try Hashing.sha256(file: $0) }
        let rows = try request.methods.flatMap { method in
            let key =
                method.isAtOnce
                ? nil
                : try request.key(
                    method, generator: generator, networks: networks,
                    encoder: method.hasEncoder ? encoderFile.map { try Hashing.sha256(file: $0) } : nil)
            let encoder: (any PhotographEncoder)? =
                method.hasEncoder
                ? ours
                : method.isBaseline ? try baseline(method, for: generator) : nil
            // Beside the encoder's own faces those that its consultation gives details, where it has one.
            let consultation =
                method == .encoder && request.encoder == nil
                ? try self.consultation(for: generator, isGrey: request.isGrey) : nil
            if let key, !request.resumes { journal?.forget(key) }
            let known = key.flatMap { journal?.figures(key: $0) } ?? [:]
            var found = pictures.compactMap { known[$0] }
            var consulted: [InversionJournal.Figures] = []
            progress.advance(found.count)
            let waiting = chosen.indices.filter { known[pictures[$0]] == nil }
            for start in stride(from: 0, to: waiting.count, by: inverter.batch) {
                try context.check()
                let places = waiting[start..<min(waiting.count, start + inverter.batch)]
                let files = places.map { chosen[$0] }
                let truth = ImageBatch(
                    try files.map { try Session.alignedPicture($0).centredSquare(size: Inverter.side) },
                    side: Inverter.side)
                let seen = request.isGrey ? truth.grey() : truth
                let some = try inversions(
                    of: seen, truth: truth, method, encoder, inverter, tuner: method == .tune ? tuner : nil, request)
                let figures = zip(some, places).map {
                    InversionJournal.Figures($0, key: key ?? "", picture: pictures[$1])
                }
                if key != nil { try journal?.add(figures) }
                found += figures
                if let consultation {
                    consulted += try inverter.consulted(some, by: consultation, seen, truth: truth, request)
                        .map { InversionJournal.Figures($0) }
                }
                progress.advance(files.count)
            }
            let row = InversionTable.Row(method, budget: request, found)
            if consulted.isEmpty { return [row] }
            return [
                row, InversionTable.Row("encoder+consultation", title: "encoder + consultation (HFGI)", consulted),
            ]
        }
        let table = InversionTable(
            count: chosen.count, generator: request.generator, isGrey: request.isGrey, judge: inverter.judgeTitle,
            rows: rows)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try AtomicFile.write(encoder.encode(table), to: workspace.inversionTable(isGrey: request.isGrey))
        return table
    }

    /// Codes of some photographs by one way, measured against the true pictures.
    private func inversions(
        of seen: ImageBatch, truth: ImageBatch, _ method: InvertRequest.Method, _ encoder: (any PhotographEncoder)?,
        _ inverter: Inverter, tuner: PivotalTuner?, _ request: EvaluateInversionRequest
    ) throws -> [Inversion] {
        let clock = ContinuousClock()
        let began = clock.now
        let start = try encoder?.codes(of: seen)
        var (codes, steps) = (start, 0)
        if !method.isAtOnce {
            let budget = method == .encoderAndOptimise ? request.refinement : request.search
            let found = try inverter.invert(seen, start: start, budget: budget, context: context.quiet)
            steps = found.first?.steps ?? 0
            codes = try LatentCodes(
                found.flatMap(\.own.values), rows: found.first?.own.rows ?? 1, size: found.first?.own.size ?? 1)
        }
        guard let codes else { return [] }
        let found = try inverter.measured(
            codes, truth, steps: steps, seconds: (clock.now - began) / .seconds(max(1, truth.count)))
        guard let tuner else { return found }
        return try found.enumerated().map { index, pivot in
            var tuned = try tuner.tune(
                truth[index..<index + 1], from: pivot, budget: request.tuning, context: context.quiet
            ).inversion
            tuned.seconds += pivot.seconds
            return tuned
        }
    }

    /// The tables that a workspace keeps.
    func inversionTables() -> [InversionTable] {
        [false, true].compactMap { isGrey in
            let path = workspace.inversionTable(isGrey: isGrey)
            return (try? Data(contentsOf: URL(fileURLWithPath: path))).flatMap {
                try? JSONDecoder().decode(InversionTable.self, from: $0)
            }
        }
    }
}

extension Inverter {
    /// An encoder's codes, their faces given the photographs' details.
    fileprivate func consulted(
        _ found: [Inversion], by consultation: FaceConsultation, _ seen: ImageBatch, truth: ImageBatch,
        _ request: EvaluateInversionRequest
    ) throws -> [Inversion] {
        guard let first = found.first else { return [] }
        let clock = ContinuousClock()
        let began = clock.now
        let codes = try LatentCodes(found.flatMap(\.own.values), rows: first.own.rows, size: first.own.size)
        let faces = try consultation.faces(of: codes, photographs: seen, isGrey: request.isGrey)
            .faces(size: Inverter.side)
        let took = (clock.now - began) / .seconds(found.count)
        return try measured(codes, truth, steps: 0, seconds: first.seconds + took, faces: faces)
    }
}

extension InversionTable.Row {
    fileprivate init(
        _ method: InvertRequest.Method, budget request: EvaluateInversionRequest, _ found: [InversionJournal.Figures]
    ) {
        func text(_ budget: InversionBudget) -> String { EvaluateInversionRequest.text(budget) }
        let title =
            switch method {
            case .mean: "mean face"
            case .nearest: "nearest of 20,000 latents"
            case .encoder: "encoder"
            case .encoderAndOptimise: "encoder + \(text(request.refinement))"
            case .optimise: "optimise, \(text(request.search))"
            case .tune: "\(text(request.search)) of search, tune \(text(request.tuning))"
            }
        self.init(method.rawValue, title: title, found)
    }

    fileprivate init(_ name: String, title: String, _ found: [InversionJournal.Figures]) {
        func mean(_ value: (InversionJournal.Figures) -> Double) -> Double {
            found.reduce(0) { $0 + value($1) } / Double(max(1, found.count))
        }
        let hasIdentity = found.allSatisfy { $0.identity != nil }
        self.init(
            method: name, title: title, l2: mean(\.l2), lpips: mean(\.lpips),
            identity: hasIdentity ? mean { $0.identity ?? 0 } : nil, seconds: mean(\.seconds))
    }
}

extension Workspace {
    /// What ways to find codes were worth, where that was measured.
    func inversionTable(isGrey: Bool) -> String { "\(reports)/inversion\(isGrey ? "-grey" : "").json" }
    /// What searches found of single photographs.
    fileprivate var inversionJournal: String { "\(reports)/inversion-photographs.jsonl" }
}
