import Core
import Foundation

/// Who may ask: answers to other hosts (DNS rebinding), other origins (CSRF) and strangers are refused.
struct Gatekeeper: Sendable {
    /// Names under which a browser may know this server, with the port.
    let hosts: Set<String>
    /// What strangers lack; nil where only this machine can connect.
    let token: String?

    /// - Parameters:
    ///   - host: What the server listens on.
    ///   - port: The port.
    ///   - token: What strangers lack; nil on loopback.
    init(host: String, port: UInt16, token: String?) {
        hosts = Set(["127.0.0.1", "localhost", host].map { "\($0):\(port)" })
        self.token = token
    }

    /// The refusal or redirection of a request; nil for one that is welcome.
    func answer(to request: HTTPRequest) -> HTTPResponse? {
        let host = request.headers["host"]?.lowercased() ?? ""
        // With a token the machine may have any name: a foreign page does not know the token, nor is its cookie sent.
        guard token != nil || hosts.contains(host) else {
            return .failure(421, "this server is not \(host.prefix(80)); open http://127.0.0.1 with its port")
        }
        if let refusal = strangers(request) { return refusal }
        guard request.method == "POST" else { return nil }
        if let origin = request.headers["origin"], origin.lowercased() != "http://\(host)" {
            return .failure(403, "pages of other origins may not ask")
        }
        if let site = request.headers["sec-fetch-site"], !["same-origin", "none"].contains(site) {
            return .failure(403, "pages of other sites may not ask")
        }
        // A form of another site can't send this type, and a script of it must ask first, which is refused.
        let type = request.headers["content-type"]?.lowercased().split(separator: ";").first ?? ""
        let wanted = request.path == PhotographAPI.uploads ? "application/octet-stream" : "application/json"
        guard type.trimmingCharacters(in: .whitespaces) == wanted else { return .failure(415, "send \(wanted)") }
        return nil
    }

    private func strangers(_ request: HTTPRequest) -> HTTPResponse? {
        guard let token else { return nil }
        if let given = request.query["token"], Self.isEqual(given, token), request.method == "GET" {
            var answer = HTTPResponse(Data(), type: "text/plain", status: 302)
            answer.headers["Location"] = "/"
            answer.headers["Set-Cookie"] = "directions=\(token); HttpOnly; SameSite=Strict; Path=/"
            return answer
        }
        let cookies = (request.headers["cookie"] ?? "").split(separator: ";").map {
            $0.trimmingCharacters(in: .whitespaces)
        }
        let given =
            [request.headers["authorization"].flatMap { $0.hasPrefix("Bearer ") ? String($0.dropFirst(7)) : nil }]
            + cookies.map { $0.hasPrefix("directions=") ? String($0.dropFirst(11)) : nil }
        if given.compactMap(\.self).contains(where: { Self.isEqual($0, token) }) { return nil }
        return .failure(401, "open the address with its token that the program has shown")
    }

    /// Compares without telling by its time how much was right.
    private static func isEqual(_ first: String, _ second: String) -> Bool {
        let (a, b) = (Array(first.utf8), Array(second.utf8))
        guard a.count == b.count else { return false }
        return zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
