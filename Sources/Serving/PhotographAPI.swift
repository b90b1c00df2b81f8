import Core
import Directions
import Foundation

/// The part of the JSON API that concerns people's own photographs.
///
/// Photographs are held in memory and known by the beginning of their file's SHA-256; nothing of them is written.
struct PhotographAPI {
    let faces: LiveFaces
    let photographs: LivePhotographs

    /// Where photographs' files are sent to, as they are.
    static let uploads = "/api/photographs"
    /// Bytes that a photograph's file may have.
    static let mostBytes = 48 << 20

    /// What a search and a colouring are asked for with.
    private struct Body: Decodable {
        var face: Int?
        var seconds: Double?
        var variant: Int?
        var palette: [String]?
        var reference: String?
    }

    /// The answer to a request under /api/photographs; nil where the path is none of these.
    ///
    /// - Throws: ``Core/Failure`` as the work does.
    func answer(_ request: HTTPRequest) throws -> HTTPResponse? {
        guard request.path.hasPrefix(PhotographAPI.uploads) else { return nil }
        if request.path == PhotographAPI.uploads {
            guard request.method == "POST" else { return nil }
            return try .json(photographs.add(request.body))
        }
        let parts = request.path.dropFirst(PhotographAPI.uploads.count + 1).split(
            separator: "/", omittingEmptySubsequences: false
        ).map(String.init)
        guard 1...2 ~= parts.count, request.path.dropFirst(PhotographAPI.uploads.count).hasPrefix("/") else {
            return nil
        }
        let (id, verb) = (parts[0], parts.count == 2 ? parts[1] : "")
        if request.method == "POST" { return try post(id, verb, request.body) }
        let face = try number(request.query["face"], "face") ?? 1
        switch verb {
        case "": return try .json(photographs.photograph(id))
        case "inversion": return try .json(photographs.inversion(id, face: face))
        case "face":
            let image = try photographs.crop(id, face: face, size: 256)
            return HTTPResponse(try image.encodedJPEG(quality: 90), type: "image/jpeg")
        default: return nil
        }
    }

    private func post(_ id: String, _ verb: String, _ data: Data) throws -> HTTPResponse? {
        guard ["search", "colorize"].contains(verb) else { return nil }
        guard let body = try? JSONDecoder().decode(Body.self, from: data) else {
            throw Failure("body", "is not the JSON of a search or a colouring", "see /api/openapi.json", kind: .usage)
        }
        if verb == "search" {
            let face = body.face ?? 1
            try photographs.search(id, face: face, seconds: body.seconds ?? 20)
            return try .json(photographs.inversion(id, face: face), status: 202)
        }
        guard body.palette?.count ?? 0 <= 64 else {
            throw Failure("palette", "has more than 64 colours", "give fewer", kind: .usage)
        }
        return try .json(
            photographs.coloured(
                id, variant: body.variant ?? 1, palette: body.palette ?? [], reference: body.reference))
    }

    private func number(_ text: String?, _ name: String) throws -> Int? {
        try text.map { text in
            guard let value = Int(text) else { throw Failure(name, "is no number", "for example 1", kind: .usage) }
            return value
        }
    }
}
