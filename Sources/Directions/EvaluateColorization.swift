import ColourEvaluation
import Colourisation
import Core
import Faces
import Foundation
import ImageMetrics
import Images
import Inversion
import LatentStore
import Networks

/// Which ways to colour to measure, on which photographs.
public struct EvaluateColorizationRequest: Sendable {
    /// A row of the table.
    public enum Method: String, Sendable, CaseIterable {
        /// Grey itself.
        case grey
        /// The photograph's own luminance with the mean colour of others: one, by place, by luminance; needs ``statistics``.
        case tints
        /// The generator's colours by a search on luminance, under the own luminance; seconds a photograph.
        case optimise
        /// The generator's picture by its encoder, and its colours under the own luminance.
        case encoder
        /// The same with the photograph's details by the encoder's consultation.
        case hfgi
        /// What `colorize` gives.
        case colorize
        /// That, told the true picture's own colours, and another's; and how far it is from another's when it is told nothing.
        case told
        /// That, its colours moved to the true picture's own, and to another's, by closed-form transfer.
        case transfer
        /// The true pictures.
        case real
    }

    /// A folder of aligned photographs in colour.
    public var folder: String
    /// How many of them, the first by name; nil for all.
    public var count: Int?
    /// The rows.
    public var methods: [Method]
    /// A folder of aligned photographs whose mean colours the tints have.
    public var statistics: String?
    /// How many of them, the first by name.
    public var statisticsCount = 600
    /// A folder of photographs that FID and KID are taken against; nil takes the true pictures.
    public var reference: String?
    /// Whether FID and KID are measured, where the network is there; a second a picture and row.
    public var hasSetDistances = true
    /// When a search ends, for each photograph.
    public var budget = InversionBudget(steps: 60)
    /// The generator's name in the workspace.
    public var generator = "default"
    /// Encoders by name or file, each with rows of its own.
    public var encoders: [String] = []
    /// Folders of pictures that other programs coloured, named as the photographs, each with what its row is called.
    public var predictions: [(name: String, folder: String)] = []
    /// Where the colours of `colorize` come from; nil for its own choice.
    public var source: ColourSource?
    /// Rows of one's own, such as networks that were trained elsewhere.
    public var others: [any ColourMethod] = []

    /// - Parameters:
    ///   - folder: A folder of aligned photographs in colour.
    ///   - count: How many of them; nil for all.
    ///   - methods: The rows.
    ///   - statistics: A folder of aligned photographs whose mean colours the tints have.
    public init(
        _ folder: String, count: Int? = nil, methods: [Method] = [.grey, .tints, .real], statistics: String? = nil
    ) {
        self.folder = folder
        self.count = count
        self.methods = methods
        self.statistics = statistics
    }

    /// Checks what can be checked before anything is read.
    ///
    /// - Throws: ``Core/Failure`` (usage) for no rows, tints without a folder, or a number out of range.
    public func validate() throws {
        guard !methods.isEmpty || !others.isEmpty || !predictions.isEmpty || !encoders.isEmpty else {
            throw Failure("methods", "are none", "for example grey, tints, real", kind: .usage)
        }
        guard count ?? 1 > 0, statisticsCount > 0 else {
            throw Failure("count", "must be 1 or more", "for example 200", kind: .usage)
        }
        guard !methods.contains(.tints) || statistics != nil else {
            throw Failure(
                "tints", "have no photographs to take mean colours of", "name a folder of aligned photographs",
                kind: .usage)
        }
        try budget.validate()
    }
}

extension Session {
    /// Measures ways to colour grey photographs: the table of "Facial Image Colorization and Editing with GAN Inversion", with more
    /// rows and figures.
    ///
    /// The photographs are made grey by Rec. 601 and coloured by every method; see ``ColourEvaluation/ColourEvaluator`` for the
    /// figures. The table goes into the database, where a report finds it.
    ///
    /// - Throws: ``Core/Failure``: a request that makes no sense (usage), no photographs or networks (not found), a picture that is
    ///   no aligned face, a database that can't be written, or a stop.
    public func evaluateColorization(_ request: EvaluateColorizationRequest) throws -> ColourTable {
        try request.validate()
        let all = try pictureFiles([request.folder])
        let files = Array(all.prefix(request.count ?? all.count))
        let inception = request.hasSetDistances ? try inceptionNetwork() : nil
        if request.hasSetDistances && inception == nil {
            context.notice("evaluate: without FID and KID; `directions import inception` fetches their network")
        }
        let methods = try methods(request, files: files)
        let evaluator = ColourEvaluator(
            perceptual: try perceptualNetwork(), embedder: try identityJudge() ?? embedder(), inception: inception)
        let reference = try request.reference.flatMap { folder in
            try inception.map { try features(of: folder, count: files.count, $0) }
        }
        let store = try store()
        var hashes = ""
        for file in files { hashes += try Hashing.sha256(file: file) }
        let pictures = Hashing.sha256(Data(hashes.utf8))
        var table = ColourTable(count: 0, rows: [])
        try store.logged(
            "evaluate-colorization", parameters: ["photographs": "\(files.count)"], inputs: ["photographs": pictures]
        ) {
            table = try evaluator.table(of: methods, count: files.count, reference: reference, context: context) {
                try Session.alignedPicture(files[$0])
            }
            try store.insert(
                ColorizationRun(
                    pictures: pictures, folder: URL(fileURLWithPath: request.folder).path, count: files.count,
                    reference: request.reference.map { URL(fileURLWithPath: $0).path }, rows: table.rows.map(\.record)))
            return ["rows": "\(table.rows.count)"]
        }
        return table
    }

    /// The mean colours of a folder's aligned photographs.
    func tints(of folder: String, count: Int) throws -> TintStatistics {
        let files = try pictureFiles([folder]).prefix(count)
        let progress = context.progress("mean colours", unit: "photographs", total: files.count)
        defer { progress.finish() }
        var statistics = TintStatistics()
        for file in files {
            try context.check()
            statistics.add(try Session.alignedPicture(file))
            progress.advance(1)
        }
        return statistics
    }

    private func features(of folder: String, count: Int, _ network: InceptionNetwork) throws -> FeatureSet {
        let files = try pictureFiles([folder]).prefix(count)
        let progress = context.progress("reference", unit: "photographs", total: files.count)
        defer { progress.finish() }
        return FeatureSet.joined(
            try files.map { file in
                try context.check()
                let picture = try Session.alignedPicture(file).centredSquare(size: ColourEvaluator.side)
                progress.advance(1)
                return try FeatureSet(of: ImageBatch([picture], side: ColourEvaluator.side), network)
            })
    }
}

extension ColourTable.Row {
    /// The row as the database keeps it.
    fileprivate var record: ColorizationRun.Row {
        ColorizationRun.Row(
            method: method, title: title,
            figures: figures.sorted { $0.key < $1.key }.map { name, found in
                let hasInterval = found.high > found.low
                return .init(
                    name: name, value: found.value, low: hasInterval ? found.low : nil,
                    high: hasInterval ? found.high : nil)
            })
    }
}
