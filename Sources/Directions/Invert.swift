import Classifiers
import Core
import Faces
import Foundation
import Generators
import Images
import Inversion
import LatentStore
import Latents

/// Which photographs to find codes for, and how.
public struct InvertRequest: Sendable {
    /// How a code is found.
    public enum Method: String, Sendable, CaseIterable {
        /// By the generator's gradients, from the mean latent on.
        case optimise
        /// By an encoder, at once.
        case encoder
        /// By an encoder, and from its code on by the generator's gradients.
        case encoderAndOptimise = "encoder+optimise"
        /// The mean latent for all: what any method has to beat.
        case mean
        /// The nearest of many random latents, by the pictures' small versions.
        case nearest
        /// By the generator's gradients, unless the database has a code, and then the generator tuned to that code's photograph.
        case tune

        /// Whether an encoder takes part.
        var hasEncoder: Bool { self == .encoder || self == .encoderAndOptimise }
        /// Whether nothing is searched for.
        var isAtOnce: Bool { self == .encoder || isBaseline }
        /// Whether it is there to be beaten, so that its codes are not kept.
        var isBaseline: Bool { self == .mean || self == .nearest }
        /// Seconds that a photograph gets where nobody says how many.
        public var seconds: Double { self == .tune ? 240 : 40 }
    }

    /// Pictures, and folders of pictures.
    public var files: [String]
    /// How codes are found; nil asks the generator's encoder, and the generator's gradients where it has none.
    public var method: Method?
    /// When to end, for each photograph.
    public var budget: InversionBudget
    /// Whether each picture is the square of one face in FFHQ's frame already.
    public var isAligned: Bool
    /// Which face of each photograph, from 1, the largest first.
    public var face = 1
    /// Whether an encoder's code is searched on from, where no method is asked for.
    public var isRefined = false
    /// Whether faces of the encoder's codes get the photographs' details by its consultation, where it has one.
    public var isConsulted = true
    /// The encoder, by its name in the workspace or its file; nil takes any of the generator.
    public var encoder: String?
    /// Variants of the codes with some rows taken from random latents; nil for the codes themselves.
    public var randomRows: RandomRows?
    /// The generator's name in the workspace.
    public var generator: String

    /// - Parameters:
    ///   - files: Pictures, and folders of pictures.
    ///   - method: How codes are found.
    ///   - budget: When to end, for each photograph.
    ///   - isAligned: Whether each picture is the square of one face in FFHQ's frame already.
    ///   - generator: The generator's name in the workspace.
    public init(
        _ files: [String], method: Method? = nil, budget: InversionBudget = InversionBudget(seconds: 40),
        isAligned: Bool = false, generator: String = "default"
    ) {
        self.files = files
        self.method = method
        self.budget = budget
        self.isAligned = isAligned
        self.generator = generator
    }

    /// Checks what can be checked before anything is read.
    ///
    /// - Throws: ``Core/Failure`` (usage) for no pictures, a budget out of range, or pictures that are to be aligned first.
    public func validate() throws {
        guard !files.isEmpty else {
            throw Failure("photographs", "are none", "name pictures or a folder of them", kind: .usage)
        }
        guard face >= 1, face == 1 || !isAligned else {
            throw Failure("face \(face)", "must be 1 or more, and 1 of an aligned picture", kind: .usage)
        }
        guard encoder == nil || method?.hasEncoder ?? true else {
            throw Failure(
                "encoder \(encoder ?? "")", "is of no use to this method", "leave one of them out", kind: .usage)
        }
        try randomRows?.validate()
        try budget.validate()
    }

    /// What tells inversions of one method apart: the budget, and a fingerprint of how the search goes.
    func settings(_ method: Method, encoder card: String?, consultation: String? = nil) throws -> String {
        if method == .encoder {
            let details = consultation.map { ",\"consultation\":\"\($0)\"" } ?? ""
            return "{\"aligned\":\(isAligned)\(details),\"encoder\":\"\(card ?? "")\"}"
        }
        struct Described: Encodable {
            let seconds: Double?
            let steps: Int?
            let search: String
            let tuning: String?
            let encoder: String?
            let aligned: Bool
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        func fingerprint(_ settings: some Encodable) throws -> String {
            String(Hashing.sha256(try encoder.encode(settings)).prefix(12))
        }
        let described = Described(
            seconds: budget.seconds, steps: budget.steps, search: try fingerprint(InversionSettings()),
            tuning: method == .tune ? try fingerprint(TuningSettings()) : nil,
            encoder: method.hasEncoder ? card : nil, aligned: isAligned)
        return String(decoding: try encoder.encode(described), as: UTF8.self)
    }
}

/// A photograph with its code.
public struct InvertedPhotograph: Sendable, Encodable {
    /// The picture's file.
    public let file: String
    /// SHA-256 of the picture's file.
    public let sha256: String
    /// L2: the mean squared error at 256², of pictures in [-1, 1].
    public private(set) var l2: Double
    /// LPIPS by AlexNet at 256².
    public private(set) var lpips: Double
    /// The cosine of the two faces' embeddings; nil without the face-recognition network.
    public private(set) var identity: Double?
    /// Steps that were made.
    public let steps: Int
    /// Seconds that it took.
    public let seconds: Double
    /// Whether it was found now; false where the database had it.
    public let isNew: Bool
    /// How it was found.
    public let method: String
    /// Whether the picture is the face's square itself.
    let isAligned: Bool
    /// JSON of where the face lies in the picture; nil where the picture is its square.
    let alignment: String?
    /// The seed of the random rows of a variant; nil for the code that was found.
    public private(set) var seed: UInt64?
    let key: InversionKey
    /// [StyleGAN2's rows, latent size].
    private(set) var code: [Float]
    /// [the generator's own rows, latent size].
    private(set) var ownCode: [Float]

    private enum CodingKeys: String, CodingKey {
        case file, sha256, l2, lpips, identity, steps, seconds, isNew, method, seed
    }

    init(_ file: String, _ record: InversionRecord, isNew: Bool) {
        self.file = file
        key = record.key
        sha256 = record.key.photograph
        (l2, lpips, identity) = (record.error, record.perceptual, record.identity)
        (steps, seconds) = (record.steps, record.seconds)
        self.isNew = isNew
        method = record.key.method
        (isAligned, alignment) = (record.alignment == nil, record.alignment)
        (code, ownCode) = (record.code, record.ownCode)
    }

    /// The photograph with a changed code.
    func variant(_ found: Inversion, code: LatentCodes, own: LatentCodes, seed: UInt64) -> InvertedPhotograph {
        var result = self
        (result.l2, result.lpips) = (Double(found.error), Double(found.perceptual))
        result.identity = found.identity.map(Double.init)
        (result.code, result.ownCode, result.seed) = (code.values, own.values, seed)
        return result
    }
}

/// What ``Session/invert(_:)`` found.
public struct InvertResult: Sendable {
    /// In the order of the request; a folder's by name.
    public let photographs: [InvertedPhotograph]
    /// Why pictures were left out, each with its file.
    public let leftOut: [Failure]
    /// W+ codes in StyleGAN2's rows, [photographs, 18, 512] at 1024²; nil where every picture was left out.
    public let codes: LatentCodes?
    /// The same in the generator's own rows, which is what is synthesized.
    public let ownCodes: LatentCodes?
    /// The generator's name in the workspace.
    public let generator: String
    /// Whether faces of an encoder's codes have the photographs' details.
    public let isConsulted: Bool
}

extension Session {
    /// Finds codes whose faces are given photographs.
    ///
    /// Each is stored in the database as it is found, under the SHA-256 of the picture's file; what is there is taken from there,
    /// so that a stopped run goes on. A picture that can't be read or is no aligned face is left out, the others are done.
    ///
    /// - Throws: ``Core/Failure``: a request out of range (usage), no such generator, no networks of the perceptual distance (not
    ///   found), no picture that could be used, a database that can't be written, or a stop.
    public func invert(_ request: InvertRequest) throws -> InvertResult {
        try request.validate()
        let files = try pictureFiles(request.files)
        let identity = try generatorIdentity(request.generator)
        _ = try request.randomRows?.rows.range(rows: identity.styleGAN2Layers)
        let encoder =
            try request.encoder.map { try encoderPath(named: $0, for: identity) } ?? encoderPath(for: identity)
        let method = request.method ?? (encoder == nil ? .optimise : request.isRefined ? .encoderAndOptimise : .encoder)
        let consultation = request.isConsulted ? consultationPath(for: identity, isGrey: false) : nil
        func fingerprint(_ file: String) throws -> String { String(try Hashing.sha256(file: file).prefix(12)) }
        let settings = try request.settings(
            method, encoder: method.hasEncoder ? encoder.map(fingerprint) : nil,
            consultation: consultation.map(fingerprint))
        let store = try store()
        var (found, leftOut): ([String: InvertedPhotograph], [Failure]) = ([:], [])
        var waiting: [InversionWork.Waiting] = []
        for file in files {
            try context.check()
            do {
                let sha256 = try Hashing.sha256(file: file)
                let key = InversionKey(
                    photograph: sha256, face: request.face, generator: identity.sha256, method: method.rawValue,
                    settings: settings)
                if !method.isBaseline, let record = try store.inversion(key),
                    method != .tune || FileManager.default.fileExists(atPath: tuningFile(key))
                {
                    found[file] = InvertedPhotograph(file, record, isNew: false)
                } else {
                    waiting.append(.init(file: file, key: key))
                }
            } catch let failure as Failure where failure.kind != .cancelled {
                leftOut.append(failure)
            }
        }
        if !waiting.isEmpty {
            let parameters = [
                "method": method.rawValue, "settings": settings, "photographs": "\(waiting.count)",
            ]
            try store.logged("invert", parameters: parameters, inputs: ["generator": identity.sha256]) {
                var work = InversionWork(self, request, method, store: store)
                let results = try work.run(waiting)
                found.merge(results.found) { $1 }
                leftOut += results.leftOut
                return ["inverted": "\(results.found.count)", "left out": "\(results.leftOut.count)"]
            }
        }
        let photographs = files.compactMap { found[$0] }
        let (rows, own, size) = (identity.styleGAN2Layers, identity.layers, identity.latentSize)
        let result = InvertResult(
            photographs: photographs, leftOut: leftOut,
            codes: photographs.isEmpty ? nil : try LatentCodes(photographs.flatMap(\.code), rows: rows, size: size),
            ownCodes: photographs.isEmpty
                ? nil : try LatentCodes(photographs.flatMap(\.ownCode), rows: own, size: size),
            generator: request.generator, isConsulted: request.isConsulted)
        return try request.randomRows.map { try variants(of: result, $0, request: request) } ?? result
    }
}

extension InversionRecord {
    init(_ key: InversionKey, _ found: Inversion, alignment: String?) {
        self.init(
            key: key, alignment: alignment, code: found.code.values, ownCode: found.own.values,
            error: Double(found.error),
            perceptual: Double(found.perceptual), identity: found.identity.map(Double.init), steps: found.steps,
            seconds: found.seconds)
    }
}
