import Foundation
import Serving

/// A socket that sends what it is told, well-formed or not.
final class Client {
    private let socket: Int32

    init(port: UInt16) {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        var limit = timeval(tv_sec: 40, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(socket) }

    func send(_ data: Data) {
        _ = data.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    /// All that comes until the server closes.
    func rest() -> Data {
        var all = Data()
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(socket, &chunk, chunk.count, 0)
            guard count > 0 else { return all }
            all += chunk[..<count]
        }
    }

    /// The status and body of one request on a connection of its own.
    static func ask(
        _ port: UInt16, _ line: String, headers: [String: String] = [:], body: String? = nil
    ) -> (status: Int, head: String, body: Data) {
        var fields = ["Host": "127.0.0.1:\(port)", "Connection": "close"]
        if let body {
            fields["Content-Length"] = "\(body.utf8.count)"
            fields["Content-Type"] = "application/json"
        }
        fields.merge(headers) { $1 }
        let head = "\(line) HTTP/1.1\r\n" + fields.map { "\($0): \($1)\r\n" }.joined() + "\r\n"
        let client = Client(port: port)
        client.send(Data((head + (body ?? "")).utf8))
        return parse(client.rest())
    }

    /// The status and body of a file's upload.
    static func upload(
        _ port: UInt16, _ file: Data, headers: [String: String] = [:]
    ) -> (status: Int, head: String, body: Data) {
        var fields = [
            "Host": "127.0.0.1:\(port)", "Connection": "close", "Content-Length": "\(file.count)",
            "Content-Type": "application/octet-stream",
        ]
        fields.merge(headers) { $1 }
        let head = "POST /api/photographs HTTP/1.1\r\n" + fields.map { "\($0): \($1)\r\n" }.joined() + "\r\n"
        let client = Client(port: port)
        client.send(Data(head.utf8) + file)
        return parse(client.rest())
    }

    static func parse(_ answer: Data) -> (status: Int, head: String, body: Data) {
        guard let end = answer.range(of: Data("\r\n\r\n".utf8)) else { return (0, "", Data()) }
        let head = String(decoding: answer[..<end.lowerBound], as: UTF8.self)
        return (Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0, head, Data(answer[end.upperBound...]))
    }
}
