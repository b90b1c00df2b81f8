import Core
import Directions
import Foundation

/// The JSON API: what the page uses, and other tools may.
struct API {
    let faces: LiveFaces
    let pages: Pages
    let photographs: LivePhotographs

    private struct GeneratorAnswer: Encodable {
        let name: String
        let architecture: String
        let resolution: Int
        let layers: Int
        let sizes: [Int]
        let licence: String
        let isLoaded: Bool
    }

    private struct ScoresAnswer: Encodable {
        let scores: [LiveScore]
        let similarity: Float?
    }

    private struct QueryAnswer: Encodable {
        let columns: [String]
        let rows: [[String]]
    }

    /// The answer to a request under /api/.
    ///
    /// - Throws: ``Core/Failure`` as the work does, and (not found) for a path that is none.
    func answer(_ request: HTTPRequest) throws -> HTTPResponse {
        if let answer = try PhotographAPI(faces: faces, photographs: photographs).answer(request) { return answer }
        if let answer = try DirectionAPI(faces: faces).answer(request) { return answer }
        if request.method == "POST" { return try post(request) }
        switch request.path {
        case "/api/openapi.json": return try pages.page("/openapi.json")
        case "/api/generators": return try generators()
        case "/api/query": return try query(request)
        case "/api/attributes": return try .json(["attributes": faces.attributes()])
        case "/api/histogram": return try .json(["bars": faces.histogram(request.query["attribute"] ?? "")])
        case "/api/thumbnail": return try thumbnail(request)
        default: throw unknown
        }
    }

    private var unknown: Failure {
        Failure("address", "is none of this server's", "see /api/openapi.json", kind: .notFound)
    }

    private func post(_ request: HTTPRequest) throws -> HTTPResponse {
        guard ["/api/synth", "/api/scores", "/api/codes", "/api/mix", "/api/animation"].contains(request.path) else {
            throw unknown
        }
        let body = try FaceBody.decode(request.body)
        switch request.path {
        case "/api/synth": return try synth(body, request)
        case "/api/scores":
            let codes = try body.codes(faces, photographs)
            if request.isAbandoned() { throw Failure("scores", "are not waited for any more", kind: .cancelled) }
            return try .json(
                ScoresAnswer(
                    scores: faces.scores(before: codes.before, after: codes.after),
                    similarity: faces.similarity(before: codes.before, after: codes.after)))
        case "/api/codes":
            let isW = body.space == "w"
            let data = try faces.file(of: body.codes(faces, photographs).after, isW: isW)
            return download(data, type: "application/octet-stream", name: isW ? "code-w.npy" : "code-wplus.npy")
        case "/api/animation": return try animation(body, request)
        default: return try mix(body)
        }
    }

    private func synth(_ body: FaceBody, _ request: HTTPRequest) throws -> HTTPResponse {
        let isPNG = body.format == "png"
        guard isPNG || body.format == nil || body.format == "jpeg" else {
            throw Failure("format", "is neither jpeg nor png", "name one of them", kind: .usage)
        }
        let size = body.size ?? faces.generator.size(256)
        guard faces.sizes.contains(size) else {
            throw Failure("size \(size)", "is not on offer", "see /api/generators", kind: .usage)
        }
        let after = try body.codes(faces, photographs).after
        let image =
            try body.photograph.map { id in
                try photographs.picture(
                    id, face: body.face ?? 1, after: after, steps: body.steps(),
                    size: body.isWhole == true ? nil : size, isAbandoned: request.isAbandoned)
            } ?? faces.picture(after, size: size, isAbandoned: request.isAbandoned)
        return HTTPResponse(
            try isPNG ? image.encodedPNG() : image.encodedJPEG(quality: 92), type: isPNG ? "image/png" : "image/jpeg")
    }

    /// A film from the unedited face to the edited one and back.
    private func animation(_ body: FaceBody, _ request: HTTPRequest) throws -> HTTPResponse {
        let codes = try body.codes(faces, photographs)
        let size = body.size ?? faces.generator.size(512)
        let data = try faces.film(from: codes.before, to: codes.after, size: size) { code in
            try body.photograph.map {
                try photographs.picture(
                    $0, face: body.face ?? 1, after: code, steps: body.steps(), size: size, isFilmed: true,
                    isAbandoned: request.isAbandoned)
            } ?? faces.picture(code, size: size, isAbandoned: request.isAbandoned)
        }
        return download(data, type: "image/webp", name: "face.webp")
    }

    private func mix(_ body: FaceBody) throws -> HTTPResponse {
        let file = try faces.store(
            mix: body.steps(), layers: body.layerSelection(), locked: body.held(),
            as: body.name ?? "mix")
        return download(
            try file.encoded(), type: "application/octet-stream", name: "\(file.attribute)-v\(file.version).safetensors"
        )
    }

    private func download(_ data: Data, type: String, name: String) -> HTTPResponse {
        var answer = HTTPResponse(data, type: type)
        answer.headers["Content-Disposition"] = "attachment; filename=\"\(name)\""
        return answer
    }

    private func generators() throws -> HTTPResponse {
        let session = faces.session
        return try .json([
            "generators": session.generatorNames.map { name in
                let identity = try session.generatorIdentity(name)
                let isLoaded = identity.sha256 == faces.generator.identity.sha256
                return GeneratorAnswer(
                    name: name, architecture: identity.architecture, resolution: identity.resolution,
                    layers: identity.styleGAN2Layers, sizes: isLoaded ? faces.sizes : [], licence: identity.licence,
                    isLoaded: isLoaded)
            }
        ])
    }

    private func query(_ request: HTTPRequest) throws -> HTTPResponse {
        let limit = request.query["limit"].map { Int($0) ?? -1 } ?? 24
        guard 1...500 ~= limit else { throw Failure("limit", "is not 1 to 500", "for example 24", kind: .usage) }
        let near = try request.query["near"].map { text in
            guard let id = Int64(text) else { throw Failure("near", "is no latent", "name its id", kind: .usage) }
            return id
        }
        let order = request.query["order"].flatMap { $0.isEmpty ? nil : $0 }
        let shown = (request.query["show"] ?? "").split(separator: ",").map(String.init)
        guard shown.count <= 64 else {
            throw Failure("show", "names \(shown.count) attributes", "name 64 at most", kind: .usage)
        }
        let answer = try faces.session.query(
            QueryRequest(
                .filter(request.query["filter"] ?? "", order: order, near: near), limit: limit, shown: shown))
        return try .json(QueryAnswer(columns: answer.columns, rows: answer.rows.map { $0.map(\.text) }))
    }

    private func thumbnail(_ request: HTTPRequest) throws -> HTTPResponse {
        var body = FaceBody()
        body.latent = request.query["latent"].flatMap { Int64($0) }
        body.seed = request.query["seed"].flatMap { UInt64($0) }
        body.size = faces.sizes.filter { $0 >= 128 }.min()
        var answer = try synth(body, request)
        answer.headers["Cache-Control"] = "private, max-age=3600"
        return answer
    }
}
