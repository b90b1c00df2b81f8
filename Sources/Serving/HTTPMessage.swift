import Core
import Foundation

/// One HTTP request, whole and within the limits.
struct HTTPRequest {
    /// `GET`, `HEAD` or `POST`.
    var method: String
    /// The path, decoded, without the query.
    var path: String
    /// The query's names and values, decoded.
    var query: [String: String]
    /// Header fields by their names in lower case.
    var headers: [String: String]
    /// The body.
    var body = Data()
    /// Whether the client has gone away.
    var isAbandoned: () -> Bool = { false }

    /// What is wrong with a request before it is looked at, as the answer to send.
    struct Refusal: Error {
        /// The status, 4xx or 5xx.
        var status: Int
        /// Why, as a sentence.
        var reason: String
    }

    /// Parses a request line and header fields.
    ///
    /// - Parameter head: All bytes before the empty line.
    /// - Throws: ``Refusal`` for anything but plain HTTP/1.0 or 1.1.
    init(head: Data) throws {
        guard let text = String(data: head, encoding: .utf8) else { throw Refusal(status: 400, reason: "not UTF-8") }
        var lines = text.components(separatedBy: "\r\n")
        let parts = lines.removeFirst().split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, ["HTTP/1.1", "HTTP/1.0"].contains(parts[2]) else {
            throw Refusal(status: 400, reason: "no HTTP/1.1 request")
        }
        guard ["GET", "HEAD", "POST"].contains(parts[0]) else { throw Refusal(status: 405, reason: "no such method") }
        method = parts[0]
        headers = [:]
        for line in lines where !line.isEmpty {
            guard let colon = line.firstIndex(of: ":"), colon > line.startIndex,
                line[..<colon].utf8.allSatisfy({ $0 > 32 && $0 < 127 })
            else { throw Refusal(status: 400, reason: "a header field is malformed") }
            let name = line[..<colon].lowercased()
            guard headers[name] == nil || !["host", "content-length", "origin"].contains(name) else {
                throw Refusal(status: 400, reason: "a header field stands twice")
            }
            headers[name] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
        if parts[2] == "HTTP/1.0" { headers["connection"] = "close" }
        let pieces = parts[1].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts[1].hasPrefix("/"), let path = String(pieces[0]).removingPercentEncoding, !path.contains("\0") else {
            throw Refusal(status: 400, reason: "the path is malformed")
        }
        self.path = path
        query = [:]
        for item in pieces.count > 1 ? pieces[1].split(separator: "&") : [] {
            let pair = item.replacing("+", with: " ").split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = String(pair[0]).removingPercentEncoding,
                let value = pair.count > 1 ? String(pair[1]).removingPercentEncoding : ""
            else { throw Refusal(status: 400, reason: "the query is malformed") }
            query[name] = value
        }
    }

    /// The body's length as the header says it.
    ///
    /// - Throws: ``Refusal`` for a length that is none or too large, and for a body without one.
    func length(limit: Int) throws -> Int {
        guard headers["transfer-encoding"] == nil else {
            throw Refusal(status: 411, reason: "send the body's length")
        }
        guard let text = headers["content-length"] else { return 0 }
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else {
            throw Refusal(status: 400, reason: "Content-Length is no number")
        }
        guard let count = Int(text), count <= limit else {
            throw Refusal(status: 413, reason: "the body may have \(limit) bytes")
        }
        return count
    }
}

/// One answer.
struct HTTPResponse {
    /// The status.
    var status = 200
    /// Header fields beside those that every answer has.
    var headers: [String: String] = [:]
    /// The body.
    var body = Data()

    /// An answer of a kind of content.
    init(_ body: Data, type: String, status: Int = 200) {
        self.status = status
        self.body = body
        headers["Content-Type"] = type
    }

    /// A value as JSON.
    ///
    /// - Throws: What the encoder does.
    static func json(_ value: some Encodable, status: Int = 200) throws -> HTTPResponse {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return HTTPResponse(try encoder.encode(value), type: "application/json", status: status)
    }

    /// An error as JSON: what it concerns, what is wrong and what to do.
    static func failure(_ status: Int, _ text: String) -> HTTPResponse {
        (try? json(["error": text], status: status)) ?? HTTPResponse(Data(), type: "text/plain", status: status)
    }

    private static let reasons = [
        200: "OK", 204: "No Content", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
        404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout", 409: "Conflict", 411: "Length Required",
        413: "Content Too Large", 415: "Unsupported Media Type", 421: "Misdirected Request",
        431: "Request Header Fields Too Large", 499: "Client Closed Request", 500: "Internal Server Error",
        503: "Service Unavailable", 507: "Insufficient Storage",
    ]

    /// The bytes to send.
    func encoded(isHead: Bool, closes: Bool) -> Data {
        var fields = headers
        fields["Content-Length"] = "\(body.count)"
        fields["Connection"] = closes ? "close" : "keep-alive"
        fields["X-Content-Type-Options"] = "nosniff"
        fields["Referrer-Policy"] = "no-referrer"
        fields["Cross-Origin-Resource-Policy"] = "same-origin"
        fields["Content-Security-Policy"] =
            "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
        if fields["Cache-Control"] == nil { fields["Cache-Control"] = "no-store" }
        var text = "HTTP/1.1 \(status) \(HTTPResponse.reasons[status] ?? "Status")\r\n"
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) { text += "\(name): \(value)\r\n" }
        return Data((text + "\r\n").utf8) + (isHead ? Data() : body)
    }
}
