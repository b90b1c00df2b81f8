import ArgumentParser
import CommandSupport
import Core
import Directions
import Foundation
import Serving

/// `directions serve`: the editor as a web page.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve the editor as a web page on this machine.",
        discussion: """
            The page has a slider for each direction of the workspace; the face follows while a slider moves. The JSON API behind it is \
            described at /api/openapi.json. Only this machine can connect; with another --host whoever opens the page needs the token \
            that is shown. Ctrl-C ends it.

            Example: directions serve --port 8080
            """)

    @Option(help: "The port; 0 for any free one.") var port: UInt16 = 8080
    @Option(help: "An IPv4 address of this machine to listen on.") var host = "127.0.0.1"
    @Option(help: "Threads that synthesize; 0 for one a processor.") var threads = 0
    @Option(help: "The generator's name in the workspace.") var generator = "default"
    @OptionGroup var workspace: WorkspaceOption

    private var isLocal: Bool { host == "localhost" || host.hasPrefix("127.") }

    func run() throws {
        var random = SystemRandomNumberGenerator()
        let token = isLocal ? nil : String(random.next(), radix: 16) + String(random.next(), radix: 16)
        let server: DirectionServer
        do {
            server = try DirectionServer(
                workspace.session, host: host, port: port, token: token, generator: generator, threads: threads)
        } catch var failure as Failure where failure.kind == .conflict && failure.subject == "port \(port)" {
            failure.advice =
                DirectionServer.freePort(from: port, host: host).map { "give --port \($0)" } ?? "choose another"
            throw failure
        }
        if let token {
            Terminal.write("Others can reach this server, without encryption; they need the token.\n")
            print("http://\(host):\(server.port)/?token=\(token)")
        } else {
            print("http://127.0.0.1:\(server.port)/")
        }
        fflush(nil)
        server.run()
        Terminal.write("serve: ended\n")
    }
}
