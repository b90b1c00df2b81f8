import Core
import Foundation

/// One HTTP exchange over a socket: URLSession can't read the header fields of chromedriver.
enum Wire {
    /// The body of an answer.
    ///
    /// - Parameters:
    ///   - port: Where, on this machine.
    ///   - line: Method and path.
    ///   - content: JSON to send.
    /// - Returns: The bytes after the head.
    /// - Throws: `Failure` when nobody answers within a minute.
    static func ask(_ port: Int, _ line: String, _ content: Data) throws -> Data {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let isOpen = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        let head =
            "\(line) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(content.count)\r\nConnection: close\r\n\r\n"
        let request = Data(head.utf8) + content
        let sent = request.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        guard isOpen, sent == request.count else { throw Failure("port \(port)", "takes no request") }
        var answer = Data()
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(socket, &chunk, chunk.count, 0)
            guard count > 0 else { break }
            answer += chunk[..<count]
            if let body = whole(answer) { return body }
        }
        throw Failure(line, "was not answered")
    }

    /// The body of an answer that has all of it.
    private static func whole(_ answer: Data) -> Data? {
        guard let end = answer.range(of: Data("\r\n\r\n".utf8)) else { return nil }
        let fields = String(decoding: answer[..<end.lowerBound], as: UTF8.self).lowercased()
        let length = fields.firstMatch(of: #/content-length: *(\d+)/#).flatMap { Int($0.1) } ?? 0
        let body = answer[end.upperBound...]
        return body.count >= length ? Data(body) : nil
    }
}
