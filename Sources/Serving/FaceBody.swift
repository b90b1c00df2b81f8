import Core
import Directions
import Foundation

/// One face and what is done to it, as the JSON of a request says it.
struct FaceBody: Decodable {
    /// One direction of it.
    struct Edit: Decodable {
        var direction: String
        var strength: Float
        var unit: String?
    }

    /// Latent 0 of a seed.
    var seed: UInt64?
    /// A latent of the database.
    var latent: Int64?
    /// A photograph that is held, and which of its faces.
    var photograph: String?
    var face: Int?
    /// Whether the whole photograph is wanted rather than the face's square.
    var isWhole: Bool?
    /// Directions along which the code is not to move.
    var locked: [String]?
    /// Rows of a W or W+ code.
    var code: [[Float]]?
    /// Pixels along a side.
    var size: Int?
    /// Directions to add.
    var edits: [Edit]?
    /// Rows to change, such as `0-7`.
    var layers: String?
    /// What is left of the distance from the mean of W.
    var psi: Float?
    /// `jpeg` or `png`.
    var format: String?
    /// `w` or `w+`, of a code to download.
    var space: String?
    /// What a mix is to be called.
    var name: String?

    /// Decodes a request's body.
    ///
    /// - Throws: ``Core/Failure`` (usage) naming what is wrong.
    static func decode(_ data: Data) throws -> FaceBody {
        do { return try JSONDecoder().decode(FaceBody.self, from: data) } catch {
            throw Failure("body", "is not the JSON of a face", "see /api/openapi.json", kind: .usage)
        }
    }

    /// Which face.
    func source(_ photographs: LivePhotographs) throws -> FaceSource {
        guard [seed != nil, latent != nil, code != nil, photograph != nil].count(where: { $0 }) == 1 else {
            throw Failure("face", "is not one", "give one of seed, latent, photograph and code", kind: .usage)
        }
        if let photograph {
            return .given(try photographs.code(photograph, face: face ?? 1), labels: ["photograph"])
        }
        if let seed { return .seeds([seed]) }
        if let latent { return .latents([latent]) }
        let rows = code ?? []
        guard 1...64 ~= rows.count, let size = rows.first?.count, 1...4096 ~= size,
            rows.allSatisfy({ $0.count == size && $0.allSatisfy { abs($0) <= 1e6 } })
        else { throw Failure("code", "has no 1 to 64 rows of one length", "give W or W+", kind: .usage) }
        return .given(try LatentCodes(rows.flatMap(\.self), rows: rows.count, size: size), labels: ["code"])
    }

    /// What is added.
    func steps() throws -> [LiveStep] {
        let edits = edits ?? []
        guard edits.count <= 64 else { throw Failure("edits", "are \(edits.count)", "give 64 at most", kind: .usage) }
        return try edits.map { edit in
            guard edit.strength.isFinite, abs(edit.strength) <= 1000 else {
                throw Failure("strength", "is out of range", "give -1000 to 1000", kind: .usage)
            }
            guard let unit = StrengthUnit(rawValue: edit.unit ?? "sigma") else {
                throw Failure("unit", "is neither sigma nor raw", "name one of them", kind: .usage)
            }
            return LiveStep(edit.direction, strength: edit.strength, unit: unit)
        }
    }

    /// The rows to change; nil for all.
    func layerSelection() throws -> LayerSelection? { try layers.flatMap { $0.isEmpty ? nil : try LayerSelection($0) } }

    /// Directions along which nothing moves.
    func held() throws -> [String] {
        let locked = locked ?? []
        guard locked.count <= 64 else {
            throw Failure("locked", "are \(locked.count)", "give 64 at most", kind: .usage)
        }
        return locked
    }

    /// The codes before and after.
    func codes(
        _ faces: LiveFaces, _ photographs: LivePhotographs
    ) throws -> (before: LatentCodes, after: LatentCodes) {
        // A photograph's own code stays where it is: what is wanted is the photograph, edited.
        return try faces.codes(
            source(photographs), steps: steps(), layers: layerSelection(), locked: held(),
            towardMean: photograph == nil ? psi ?? 1 : 1)
    }
}
