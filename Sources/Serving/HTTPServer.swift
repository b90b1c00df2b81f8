import Core
import Foundation
import Synchronization

/// A small HTTP/1.1 server for one machine: a bounded number of connections, a thread each.
final class HTTPServer: Sendable {
    /// The port that it listens on.
    let port: UInt16
    private let listener: Int32
    private let limits: ConnectionLimits
    private let context: RunContext
    private let isStopped = Atomic<Bool>(false)
    private let open = Mutex(0)

    /// Listens at once.
    ///
    /// - Parameters:
    ///   - host: An IPv4 address of this machine.
    ///   - port: The port; 0 for any free one.
    ///   - limits: What a client may take.
    ///   - context: Whether to stop.
    /// - Throws: ``Core/Failure``: an address that is none (usage), or a port that is taken (conflict).
    init(host: String, port: UInt16, limits: ConnectionLimits, context: RunContext) throws {
        self.limits = limits
        self.context = context
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard listener >= 0 else { throw AtomicFile.systemFailure("socket", "cannot be made") }
        var yes: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        guard inet_pton(AF_INET, host == "localhost" ? "127.0.0.1" : host, &address.sin_addr) == 1 else {
            close(listener)
            throw Failure("host \(host)", "is no IPv4 address", "for example 127.0.0.1", kind: .usage)
        }
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, length) == 0 && listen(listener, 64) == 0
                    && getsockname(listener, pointer, &length) == 0
            }
        }
        guard isBound else {
            let isTaken = errno == EADDRINUSE
            close(listener)
            if isTaken {
                throw Failure("port \(port)", "is taken by another program", "choose another", kind: .conflict)
            }
            throw AtomicFile.systemFailure("\(host):\(port)", "cannot be listened on")
        }
        self.listener = listener
        self.port = UInt16(bigEndian: address.sin_port)
    }

    /// Ends ``run(_:)`` and every connection.
    func stop() { isStopped.store(true, ordering: .relaxed) }

    private var ends: Bool { isStopped.load(ordering: .relaxed) || context.isCancelled }

    /// Answers requests until a stop is asked for; returns when the last connection has ended.
    func run(_ handle: @escaping @Sendable (HTTPRequest) -> HTTPResponse) {
        defer { close(listener) }
        while !ends {
            var waiting = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, 200) > 0 else { continue }
            let client = accept(listener, nil, nil)
            guard client >= 0 else { continue }
            let isWelcome = open.withLock { count in
                guard count < limits.connections else { return false }
                count += 1
                return true
            }
            guard isWelcome else {
                let busy = HTTPResponse.failure(503, "too many connections").encoded(isHead: false, closes: true)
                _ = busy.withUnsafeBytes {
                    send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
                }
                close(client)
                continue
            }
            var yes: Int32 = 1
            setsockopt(client, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
            let thread = Thread { [self] in
                HTTPConnection(socket: client, limits: limits, isStopped: { self.ends }).run(handle)
                close(client)
                open.withLock { $0 -= 1 }
            }
            thread.stackSize = 4 << 20
            thread.start()
        }
        let deadline = Date(timeIntervalSinceNow: 5)
        while open.withLock({ $0 }) > 0, deadline.timeIntervalSinceNow > 0 { usleep(20_000) }
    }
}
