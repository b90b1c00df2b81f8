import Core
import Foundation

/// What a client may take.
package struct ConnectionLimits: Sendable {
    /// Bytes of the request line and header fields.
    package var head = 16 << 10
    /// Bytes of a body.
    package var body = 2 << 20
    /// Bytes of a photograph's file.
    package var upload = PhotographAPI.mostBytes
    /// Seconds for the head, from its first byte.
    package var headSeconds = 10.0
    /// Seconds for a body.
    package var bodySeconds = 20.0
    /// Seconds between two requests.
    package var idleSeconds = 20.0
    /// Seconds to take an answer.
    package var writeSeconds = 20.0
    /// Connections at once.
    package var connections = 64

    package init() {}
}

/// One client's connection: reads requests within limits of bytes and time, and writes answers.
final class HTTPConnection {
    private let socket: Int32
    private let limits: ConnectionLimits
    private let isStopped: () -> Bool
    private var buffer = Data()

    init(socket: Int32, limits: ConnectionLimits, isStopped: @escaping () -> Bool) {
        self.socket = socket
        self.limits = limits
        self.isStopped = isStopped
    }

    /// Answers requests until the client leaves, breaks a limit, or the server stops.
    func run(_ handle: (HTTPRequest) -> HTTPResponse) {
        while !isStopped() {
            do {
                guard var request = try readHead() else { return }
                let isUpload = request.path == PhotographAPI.uploads
                let length = try request.length(limit: isUpload ? limits.upload : limits.body)
                if request.headers["expect"]?.lowercased() == "100-continue", length > 0 {
                    guard write(Data("HTTP/1.1 100 Continue\r\n\r\n".utf8)) else { return }
                }
                request.body = try readBody(length, seconds: limits.bodySeconds * (isUpload ? 6 : 1))
                request.isAbandoned = { [socket] in HTTPConnection.isGone(socket) }
                let closes = request.headers["connection"]?.lowercased() == "close"
                let answer = handle(request)
                guard write(answer.encoded(isHead: request.method == "HEAD", closes: closes)), !closes else { return }
            } catch let refusal as HTTPRequest.Refusal {
                _ = write(HTTPResponse.failure(refusal.status, refusal.reason).encoded(isHead: false, closes: true))
                drain()
                return
            } catch { return }
        }
    }

    /// The next request without its body; nil when the client has left.
    private func readHead() throws -> HTTPRequest? {
        let end = Data("\r\n\r\n".utf8)
        if buffer.isEmpty {
            guard try fill(by: Date(timeIntervalSinceNow: limits.idleSeconds), late: nil) else { return nil }
        }
        let deadline = Date(timeIntervalSinceNow: limits.headSeconds)
        while true {
            if let found = buffer.range(of: end) {
                guard found.lowerBound - buffer.startIndex <= limits.head else { throw tooLong }
                let head = Data(buffer[..<found.lowerBound])
                buffer = Data(buffer[found.upperBound...])
                return try HTTPRequest(head: head)
            }
            guard buffer.count <= limits.head else { throw tooLong }
            guard try fill(by: deadline, late: "the header took too long") else { return nil }
        }
    }

    private var tooLong: HTTPRequest.Refusal {
        HTTPRequest.Refusal(status: 431, reason: "the header may have \(limits.head) bytes")
    }

    private func readBody(_ length: Int, seconds: Double) throws -> Data {
        let deadline = Date(timeIntervalSinceNow: seconds)
        while buffer.count < length {
            guard try fill(by: deadline, late: "the body took too long") else {
                throw HTTPRequest.Refusal(status: 400, reason: "the body is cut short")
            }
        }
        let body = Data(buffer.prefix(length))
        buffer = Data(buffer.dropFirst(length))
        return body
    }

    /// Reads what has come; false at the end of the stream, when the server stops, or when it is late and nobody is told.
    private func fill(by deadline: Date, late: String?) throws -> Bool {
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while !isStopped() {
            let left = deadline.timeIntervalSinceNow
            guard left > 0 else {
                if let late { throw HTTPRequest.Refusal(status: 408, reason: late) }
                return false
            }
            var waiting = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, Int32(min(left, 0.25) * 1000) + 1) > 0 else { continue }
            let count = recv(socket, &chunk, chunk.count, 0)
            if count < 0 && (errno == EINTR || errno == EAGAIN) { continue }
            guard count > 0 else { return false }
            buffer += chunk[..<count]
            return true
        }
        return false
    }

    private func write(_ data: Data) -> Bool {
        let deadline = Date(timeIntervalSinceNow: limits.writeSeconds)
        var sent = 0
        return data.withUnsafeBytes { bytes in
            while sent < bytes.count {
                guard deadline.timeIntervalSinceNow > 0, !isStopped() else { return false }
                var waiting = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
                guard poll(&waiting, 1, 250) > 0 else { continue }
                let count = send(
                    socket, bytes.baseAddress?.advanced(by: sent), bytes.count - sent,
                    Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
                if count < 0 && (errno == EINTR || errno == EAGAIN) { continue }
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }
    }

    /// Takes what a refused client still sends for a moment, so that it can read why.
    private func drain() {
        shutdown(socket, Int32(SHUT_WR))
        let deadline = Date(timeIntervalSinceNow: 1)
        while deadline.timeIntervalSinceNow > 0, (try? fill(by: deadline, late: nil)) == true { buffer = Data() }
    }

    private static func isGone(_ socket: Int32) -> Bool {
        var byte: UInt8 = 0
        let count = recv(socket, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
        return count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)
    }
}
