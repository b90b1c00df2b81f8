import Core
import Directions
import Foundation

/// The editor as a web page, and the JSON API behind it.
///
/// For example:
///
/// ```swift
/// let server = try DirectionServer(Session(workspace: Workspace("faces")), port: 8080)
/// server.run()
/// ```
public final class DirectionServer: Sendable {
    private let faces: LiveFaces
    private let photographs: LivePhotographs
    private let server: HTTPServer
    private let gatekeeper: Gatekeeper
    private let pages: Pages
    /// The port that it listens on.
    public var port: UInt16 { server.port }

    /// Loads the generator and listens.
    ///
    /// - Parameters:
    ///   - session: The workspace; its context says when to stop.
    ///   - host: An IPv4 address of this machine.
    ///   - port: The port; 0 for any free one.
    ///   - token: What who asks must know; nil where only this machine can connect.
    ///   - generator: The generator's name in the workspace.
    ///   - threads: Threads that synthesize; 0 for one a processor.
    /// - Throws: ``Core/Failure``: a port that is taken (conflict), an address that is none (usage), no such generator.
    public convenience init(
        _ session: Session, host: String = "127.0.0.1", port: UInt16 = 8080, token: String? = nil,
        generator: String = "default", threads: Int = 0
    ) throws {
        try self.init(
            session, host: host, port: port, token: token, generator: generator, threads: threads,
            limits: ConnectionLimits())
    }

    /// The same with limits of its own for each connection.
    package init(
        _ session: Session, host: String = "127.0.0.1", port: UInt16 = 8080, token: String? = nil,
        generator: String = "default", threads: Int = 0, limits: ConnectionLimits
    ) throws {
        server = try HTTPServer(host: host, port: port, limits: limits, context: session.context)
        gatekeeper = Gatekeeper(host: host, port: server.port, token: token)
        faces = try LiveFaces(session, generator: generator, threads: threads)
        photographs = try LivePhotographs(faces)
        pages = try Pages()
    }

    /// The first port from one on that nobody listens on; nil where a hundred are taken.
    public static func freePort(from port: UInt16, host: String = "127.0.0.1") -> UInt16? {
        for candidate in Int(port)...min(65_535, Int(port) + 100) {
            if let probe = try? HTTPServer(
                host: host, port: UInt16(candidate), limits: ConnectionLimits(), context: .silent)
            {
                probe.stop()
                probe.run { _ in .failure(503, "closing") }
                return UInt16(candidate)
            }
        }
        return nil
    }

    /// Serves until the session's context is cancelled or ``stop()`` is called.
    public func run() { server.run { [self] in answer($0) } }

    /// Ends ``run()``.
    public func stop() { server.stop() }

    /// The answer to a request; whatever fails becomes a sentence and a status.
    func answer(_ request: HTTPRequest) -> HTTPResponse {
        if let refusal = gatekeeper.answer(to: request) { return refusal }
        do {
            if !request.path.hasPrefix("/api/") {
                guard request.method != "POST" else { return .failure(405, "pages are only read") }
                return try pages.page(request.path)
            }
            return try API(faces: faces, pages: pages, photographs: photographs).answer(request)
        } catch let failure as Failure {
            return .failure(DirectionServer.status(failure.kind), failure.description)
        } catch {
            return .failure(500, "the request failed")
        }
    }

    private static func status(_ kind: Failure.Kind) -> Int {
        switch kind {
        case .usage, .damaged: 400
        case .notFound: 404
        case .conflict: 409
        case .cancelled: 499
        case .outOfMemory: 507
        case .inputOutput: 500
        }
    }
}
